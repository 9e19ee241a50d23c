package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// AnalystRole is the role that may read everything in tokenwatch's database, and nothing else.
const AnalystRole = "tokenwatch_analyst"

// An analyst may raise the limits of a question so far.
const (
	mostSeconds = 300
	mostRows    = 10_000_000_000
)

// Codes of errors that say that accounts cannot be made here, or not by us.
var withoutAccess = []int{
	codeAccessDenied,
	495, // ACCESS_STORAGE_READONLY
	514, // ACCESS_STORAGE_FOR_INSERTION_NOT_FOUND
}

const codeExists = 493 // ACCESS_ENTITY_ALREADY_EXISTS

// ErrNoAccessManagement says that the account of the DSN, or the server, does not let accounts be made.
var ErrNoAccessManagement = errors.New("this account may not make roles and users")

// AnalystStatements are what makes the role, what limits it, and a user who has it. They can be run again. The password is
// in them as a hash, so that no log of the server has it.
//
// Clients bound a query's time by a setting (Grafana's and clickhouse-go do), so that one, and the rows, may be changed
// within bounds; no other setting may.
func (db *DB) AnalystStatements(user, password string) []string {
	return append(db.analystRole(), createAnalyst(user, password), grantAnalyst(user))
}

func (db *DB) analystRole() []string {
	limits := AnalystLimits()
	return []string{
		"CREATE ROLE IF NOT EXISTS " + AnalystRole,
		"GRANT SELECT ON " + quote(db.options.Auth.Database) + ".* TO " + AnalystRole,
		fmt.Sprintf("CREATE SETTINGS PROFILE OR REPLACE %[1]s SETTINGS readonly = 1, timeout_overflow_mode = 'throw', read_overflow_mode = 'throw', "+
			"max_execution_time = %[2]d MIN 1 MAX %[3]d CHANGEABLE_IN_READONLY, "+
			"max_rows_to_read = %[4]d MIN 1 MAX %[5]d CHANGEABLE_IN_READONLY TO %[1]s",
			AnalystRole, limits.Seconds, mostSeconds, limits.Rows, mostRows),
	}
}

func createAnalyst(user, password string) string {
	hash := sha256.Sum256([]byte(password))
	return fmt.Sprintf("CREATE USER %s IDENTIFIED WITH sha256_hash BY '%s' SETTINGS PROFILE '%s'", quote(user), hex.EncodeToString(hash[:]), AnalystRole)
}

func grantAnalyst(user string) string {
	return "GRANT " + AnalystRole + " TO " + quote(user)
}

// MakeAnalyst makes the role and a user who has it, and reports whether the user is new: one that is there keeps its
// password. Where accounts cannot be made the error wraps ErrNoAccessManagement.
func (db *DB) MakeAnalyst(ctx context.Context, user, password string) (made bool, err error) {
	for _, statement := range db.analystRole() {
		if err := db.access(ctx, statement); err != nil {
			return false, err
		}
	}
	err = db.access(ctx, createAnalyst(user, password))
	if err != nil && ErrorCode(err) != codeExists {
		return false, err
	}
	return err == nil, db.access(ctx, grantAnalyst(user))
}

func (db *DB) access(ctx context.Context, statement string) error {
	err := db.Exec(ctx, statement)
	if slices.Contains(withoutAccess, ErrorCode(err)) {
		return fmt.Errorf("%w: %w", ErrNoAccessManagement, err)
	}
	return err
}
