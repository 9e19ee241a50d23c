package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

func TestQueryGivesText(t *testing.T) {
	db := open(t, engine.Fresh(t))
	for query, want := range map[string]string{
		"SELECT 1":                                     "1",
		"SELECT 0.1, toFloat32(0.1), -1.5e300":         "0.1 0.1 -1.5e+300",
		"SELECT 'é', '', 'a b'":                        "é  a b",
		"SELECT unhex('61ff1b5b0a62')":                 "a\\xff\\x1b[\nb",
		"SELECT toFixedString('0123456789abcdef', 16)": "30313233343536373839616263646566",
		"SELECT NULL, CAST(7, 'Nullable(UInt8)')":      " 7",
		"SELECT toIPv6('2001:db8::1'), toIPv4('192.0.2.1'), toIPv6('::ffff:192.0.2.1')": "2001:db8::1 192.0.2.1 192.0.2.1",
		"SELECT toDateTime64('2026-02-03 04:05:06.789', 3, 'UTC')":                      "2026-02-03 04:05:06.789",
		"SELECT toDateTime('2026-02-03 04:05:06', 'Asia/Tokyo')":                        "2026-02-02 19:05:06",
		"SELECT [1, 2], ['a', 'b'], []::Array(UInt8)":                                   "[1, 2] [a, b] []",
		"SELECT (1, 'a'), map('b', 2, 'a', 1), (SELECT (1, 2))":                         "[1, a] {a: 1, b: 2} [1, 2]",
		"SELECT true, toLowCardinality('x'), CAST('a', 'Enum8(\\'a\\' = 1)')":           "true x a",
		"SELECT $1, $2": "it's 7",
	} {
		var args []any
		if strings.Contains(query, "$1") {
			args = []any{"it's", 7}
		}
		if got := ask(t, db, query, args...); got != want {
			t.Errorf("%s: have %q, want %q", query, got, want)
		}
	}
	columns, rows, err := db.Query(t.Context(), "SELECT number AS n, 'x' AS x FROM numbers(100000)")
	if err != nil || len(rows) != 100_000 || strings.Join(columns, ",") != "n,x" {
		t.Errorf("%d rows of %v, %v; want 100000 of n,x", len(rows), columns, err)
	}
	if _, _, err := db.Query(t.Context(), "SELECT nonsense"); clickhouse.ErrorCode(err) != 47 {
		t.Errorf("nonsense: %v, want code 47", err)
	}
}
