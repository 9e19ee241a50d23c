package clickhouse

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Exec runs a statement that returns no rows. $1, $2, ... stand for the arguments.
func (db *DB) Exec(ctx context.Context, statement string, args ...any) error {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	if err := db.conn.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("telling clickhouse: %w", err)
	}
	return nil
}

// Query runs SQL that returns rows and gives them as text, for showing them to people.
// $1, $2, ... stand for the arguments. Fingerprints come as hexadecimal digits, bytes that
// are not printable as \xff, NULL as an empty text, times in UTC.
func (db *DB) Query(ctx context.Context, query string, args ...any) (columns []string, rows [][]string, err error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	result, err := db.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("asking clickhouse: %w", err)
	}
	defer func() { _ = result.Close() }() // what matters of it is in result.Err
	types := result.ColumnTypes()
	for result.Next() {
		row, err := texts(result, types)
		if err != nil {
			return nil, nil, fmt.Errorf("reading clickhouse's answer: %w", err)
		}
		rows = append(rows, row)
	}
	if err := result.Err(); err != nil {
		return nil, nil, fmt.Errorf("asking clickhouse: %w", err)
	}
	return result.Columns(), rows, nil
}

func texts(result driver.Rows, types []driver.ColumnType) ([]string, error) {
	values := make([]any, len(types))
	for i, t := range types {
		values[i] = target(t.ScanType())
	}
	if err := result.Scan(values...); err != nil {
		return nil, err
	}
	row := make([]string, len(types))
	for i, v := range values {
		if s, ok := v.(*string); ok && strings.HasPrefix(types[i].DatabaseTypeName(), "FixedString") {
			row[i] = hex.EncodeToString([]byte(*s)) // a fingerprint or an id, never text
			continue
		}
		row[i] = text(reflect.ValueOf(v).Elem().Interface())
	}
	return row, nil
}

// target is what a column's value is read into. For a tuple that may be NULL, as a scalar
// subquery gives, clickhouse-go names a pointer but can only fill what it points to.
func target(t reflect.Type) any {
	if t.Kind() == reflect.Pointer && (t.Elem().Kind() == reflect.Slice || t.Elem().Kind() == reflect.Map) {
		t = t.Elem()
	}
	return reflect.New(t).Interface()
}

func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return readable(v)
	case time.Time:
		return timeText(v)
	case net.IP:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	}
	return composite(reflect.ValueOf(v))
}

// readable writes what is no printable text as \x1b: gateways log what strangers send,
// and a terminal obeys some of it.
func readable(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || unprintable(r) {
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unprintable(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }

func timeText(t time.Time) string {
	return strings.TrimSuffix(t.UTC().Format("2006-01-02 15:04:05.000"), ".000")
}

func composite(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return text(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = text(v.Index(i).Interface())
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map:
		parts := make([]string, 0, v.Len())
		for _, k := range v.MapKeys() {
			parts = append(parts, text(k.Interface())+": "+text(v.MapIndex(k).Interface()))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v.Interface())
}
