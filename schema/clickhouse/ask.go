package clickhouse

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Question is SQL that a person asks.
type Question struct {
	SQL        string
	Parameters map[string]string // values of {name:Type}, as the person wrote them
	JSON       bool              // cells are JSON values rather than text
}

// Limits bound what one question may cost where the server does not bound it by itself. The
// analyst's account has the same (see AnalystStatements).
type Limits struct {
	Seconds int    // max_execution_time
	Rows    uint64 // max_rows_to_read
}

// AnalystLimits are an analyst's unless told otherwise.
func AnalystLimits() Limits { return Limits{Seconds: 60, Rows: 1_000_000_000} }

// Asker asks in the name of a person: read-only and within limits, if it was made so.
type Asker struct {
	db       *DB
	settings clickhouse.Settings
}

// Reader gives an Asker that can only read, within the limits. An account that the server
// itself restricts is left to it: such an account cannot change its settings anyway.
func (db *DB) Reader(ctx context.Context, limits Limits) (*Asker, error) {
	_, rows, err := db.Query(ctx, "SELECT toString(getSetting('readonly'))")
	if err != nil {
		return nil, fmt.Errorf("looking at what this account may do: %w", err)
	}
	if rows[0][0] != "0" {
		return &Asker{db: db}, nil
	}
	return &Asker{db: db, settings: clickhouse.Settings{
		"readonly": 1, "max_execution_time": limits.Seconds, "max_rows_to_read": limits.Rows,
	}}, nil
}

// Writer gives an Asker that may do whatever the account may.
func (db *DB) Writer() *Asker { return &Asker{db: db} }

// Ask runs one statement. It calls head once, if there is an answer, and row for each of its rows; a nil cell is NULL.
// Cells are for people: fingerprints as hexadecimal digits, bytes that are not printable as \xff, times in UTC. It has no
// deadline but ctx's and the server's; an error of head or row ends it and is returned.
func (a *Asker) Ask(ctx context.Context, q Question, head func(names, types []string) error, row func(cells []*string) error) error {
	ctx, cancel := context.WithCancel(ctx) // rows that nobody reads any more end with it
	defer cancel()
	options := []clickhouse.QueryOption{clickhouse.WithSettings(a.settings)}
	if len(q.Parameters) > 0 {
		options = append(options, clickhouse.WithParameters(escaped(q.Parameters)))
	}
	rows, err := a.db.conn.Query(clickhouse.Context(ctx, options...), q.SQL)
	if errors.Is(err, io.EOF) {
		return nil // a statement without an answer
	}
	if err != nil {
		return fmt.Errorf("asking clickhouse: %w", err)
	}
	defer func() { _ = rows.Close() }() // what matters of it is in rows.Err
	types := rows.ColumnTypes()
	if err := head(rows.Columns(), typeNames(types)); err != nil {
		return err
	}
	for rows.Next() {
		cells, err := cellsOf(rows, types, q.JSON)
		if err != nil {
			return fmt.Errorf("reading clickhouse's answer: %w", err)
		}
		if err := row(cells); err != nil {
			cancel()
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("asking clickhouse: %w", err)
	}
	return nil
}

// escaped writes parameters as the server reads them: as text with escapes.
func escaped(parameters map[string]string) clickhouse.Parameters {
	escape := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)
	out := clickhouse.Parameters{}
	for name, value := range parameters {
		out[name] = escape.Replace(value)
	}
	return out
}

func typeNames(types []driver.ColumnType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.DatabaseTypeName()
	}
	return names
}

func cellsOf(rows driver.Rows, types []driver.ColumnType, asJSON bool) ([]*string, error) {
	values := make([]any, len(types))
	for i, t := range types {
		values[i] = target(t.ScanType())
	}
	if err := rows.Scan(values...); err != nil {
		return nil, err
	}
	cells := make([]*string, len(types))
	for i, v := range values {
		value := reflect.ValueOf(v).Elem()
		if (value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface) && value.IsNil() {
			continue
		}
		cell := cellText(value, strings.HasPrefix(types[i].DatabaseTypeName(), "FixedString"), asJSON)
		cells[i] = &cell
	}
	return cells, nil
}

func cellText(value reflect.Value, fixed, asJSON bool) string {
	of := value.Interface()
	if s, ok := of.(string); ok && fixed {
		of = hex.EncodeToString([]byte(s)) // a fingerprint or an id, never text
	}
	if asJSON {
		return jsonText(of)
	}
	return text(of)
}
