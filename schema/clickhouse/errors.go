package clickhouse

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2"
)

// Codes of ClickHouse errors that pass: the server is starting or being stopped, busy, short of memory, disk or
// connections, read-only, behind on merges, lost its Keeper, or somebody ended the query.
var transient = []int{
	3,   // UNEXPECTED_END_OF_FILE
	75,  // CANNOT_WRITE_TO_FILE_DESCRIPTOR: the disk is full
	107, // FILE_DOESNT_EXIST
	159, // TIMEOUT_EXCEEDED
	164, // READONLY
	173, // CANNOT_ALLOCATE_MEMORY
	198, // DNS_ERROR, of a server that asks others
	202, // TOO_MANY_SIMULTANEOUS_QUERIES
	203, // NO_FREE_CONNECTION
	209, // SOCKET_TIMEOUT
	210, // NETWORK_ERROR
	225, // NO_ZOOKEEPER
	236, // ABORTED: the server is being stopped
	241, // MEMORY_LIMIT_EXCEEDED
	242, // TABLE_IS_READ_ONLY
	243, // NOT_ENOUGH_SPACE
	252, // TOO_MANY_PARTS
	279, // ALL_CONNECTION_TRIES_FAILED
	285, // TOO_FEW_LIVE_REPLICAS
	286, // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
	289, // REPLICA_IS_NOT_IN_QUORUM
	319, // UNKNOWN_STATUS_OF_INSERT
	394, // QUERY_WAS_CANCELLED
	425, // SYSTEM_ERROR
	439, // CANNOT_SCHEDULE_TASK
	473, // DEADLOCK_AVOIDED
	499, // S3_ERROR
	574, // DISTRIBUTED_TOO_MANY_PENDING_BYTES
	733, // TABLE_IS_BEING_RESTARTED
	745, // SERVER_OVERLOADED
	774, // TABLE_IS_PERMANENTLY_READ_ONLY: the table's setting table_readonly
	999, // KEEPER_EXCEPTION
}

// Codes that say that the DSN does not fit the server.
const (
	codeUnknownDatabase = 81
	codeUnknownUser     = 192
	codeWrongPassword   = 193
	codeRequiredPasswd  = 194
	codeAccessDenied    = 497
	codeAuthentication  = 516
)

// ErrorCode is the number of the ClickHouse error in err's chain, 0 when there is none:
// err is nil or did not come from the server.
func ErrorCode(err error) int {
	if e, ok := errors.AsType[*ch.Exception](err); ok {
		return int(e.Code)
	}
	if e, ok := errors.AsType[*clickhouse.Exception](err); ok {
		return int(e.Code)
	}
	return 0
}

// Retryable reports whether the same call may succeed later: the network or the server
// is in trouble, rather than what was asked of it. What a failed insert did is unknown;
// repeating the same block is safe. A cancelled context is not retryable; a deadline is,
// since every insert has one of its own.
func Retryable(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if code := ErrorCode(err); code != 0 {
		return slices.Contains(transient, code)
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return slices.ContainsFunc([]error{
		io.EOF, io.ErrUnexpectedEOF, io.ErrShortWrite, net.ErrClosed, driver.ErrBadConn,
		context.DeadlineExceeded, ch.ErrClosed, clickhouse.ErrAcquireConnTimeout,
	}, func(target error) bool { return errors.Is(err, target) })
}

// signIn words an error that comes from the DSN by its key. Servers repeat the user's
// name and give advice for their own operators, which would only mislead here.
func (db *DB) signIn(err error) error {
	host := strings.Join(db.options.Addr, ",")
	switch ErrorCode(err) {
	case 0:
	case codeUnknownUser, codeWrongPassword, codeRequiredPasswd, codeAuthentication:
		return fmt.Errorf("clickhouse.dsn: %s refuses user %q: wrong name or password: %w", host, db.options.Auth.Username, err)
	case codeAccessDenied:
		return fmt.Errorf("clickhouse.dsn: user %q lacks a right: %w", db.options.Auth.Username, err)
	case codeUnknownDatabase:
		return fmt.Errorf("clickhouse.dsn: there is no database %q: %w", db.options.Auth.Database, err)
	}
	return fmt.Errorf("clickhouse.dsn: cannot connect to %s: %w", host, err)
}
