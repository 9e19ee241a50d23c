package clickhouse_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// answer is what an Asker gives: the columns with their types, then a line a row.
func answer(t *testing.T, a *clickhouse.Asker, q clickhouse.Question) (lines []string, err error) {
	t.Helper()
	err = a.Ask(t.Context(), q, func(names, types []string) error {
		for i := range names {
			names[i] += ":" + types[i]
		}
		lines = append(lines, strings.Join(names, " "))
		return nil
	}, func(cells []*string) error {
		texts := make([]string, len(cells))
		for i, c := range cells {
			if texts[i] = "<null>"; c != nil {
				texts[i] = *c
			}
		}
		lines = append(lines, strings.Join(texts, " "))
		return nil
	})
	return lines, err
}

func TestAsk(t *testing.T) {
	db := migrated(t)
	reader, err := db.Reader(t.Context(), clickhouse.AnalystLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		question clickhouse.Question
		want     string
	}{
		{clickhouse.Question{SQL: "SELECT 1 AS a, NULL AS b, CAST(NULL AS Nullable(String)) AS c, '' AS d"}, "a:UInt8 b:Nullable(Nothing) c:Nullable(String) d:String|1 <null> <null> "},
		{clickhouse.Question{SQL: "SELECT {s:String} AS s, {n:UInt8} + 1 AS n", Parameters: map[string]string{"s": "it's\t\\n\n{x}", "n": "7"}}, "s:String n:UInt16|it's\t\\n\n{x} 8"},
		{clickhouse.Question{SQL: "SELECT [1, 2] AS l, ('a', 1.5) AS t, map('k', [true]) AS m, nan AS f, toIPv6('2001:db8::1') AS ip, unhex('ff') AS b, toUInt64(18446744073709551615) AS u", JSON: true},
			`l:Array(UInt8) t:Tuple(String, Float64) m:Map(String, Array(Bool)) f:Float64 ip:IPv6 b:String u:UInt64|[1,2] ["a",1.5] {"k":[true]} null "2001:db8::1" "\\xff" 18446744073709551615`},
		{clickhouse.Question{SQL: "SELECT toFixedString('0123456789abcdef', 16) AS t, CAST(NULL AS Nullable(UInt8)) AS n", JSON: true}, `t:FixedString(16) n:Nullable(UInt8)|"30313233343536373839616263646566" <null>`},
		{clickhouse.Question{SQL: "SELECT 1 WHERE 0"}, "1:UInt8"},
	} {
		lines, err := answer(t, reader, c.question)
		if got := strings.Join(lines, "|"); err != nil || got != c.want {
			t.Errorf("%s: %v\nhave %q\nwant %q", c.question.SQL, err, got, c.want)
		}
	}
	enough := errors.New("enough")
	rows := 0
	err = reader.Ask(t.Context(), clickhouse.Question{SQL: "SELECT number FROM numbers(100000000)"}, func(_, _ []string) error { return nil }, func([]*string) error {
		if rows++; rows == 10 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || rows != 10 {
		t.Errorf("%v after %d rows, want it to end with its reader after 10", err, rows)
	}
}

// An account that may do everything is held to reading all the same, and to the limits.
func TestReaderOnlyReads(t *testing.T) {
	db := migrated(t)
	reader, err := db.Reader(t.Context(), clickhouse.Limits{Seconds: 1, Rows: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for query, code := range map[string]int{
		"INSERT INTO missing_offsets (topic) VALUES ('x')": 164, "DROP TABLE events": 164, "SET readonly = 0": 164, "SELECT 1 SETTINGS readonly = 0": 164,
		"SELECT 1 SETTINGS max_rows_to_read = 0": 164, "SELECT count() FROM file('/etc/passwd', 'LineAsString')": 164,
		"SELECT sum(number) FROM numbers(100000)":                                              158, // TOO_MANY_ROWS
		"SELECT count() FROM numbers(900) WHERE sleepEachRow(0.003) + sleepEachRow(0.003) > 0": 159, // TIMEOUT_EXCEEDED
	} {
		if _, err := answer(t, reader, clickhouse.Question{SQL: query}); clickhouse.ErrorCode(err) != code {
			t.Errorf("%s: %v, want code %d", query, err, code)
		}
	}
	writer := db.Writer()
	for _, query := range []string{"CREATE TABLE t (a UInt8) ENGINE = Memory", "INSERT INTO t VALUES (3)", "DROP TABLE t"} {
		if lines, err := answer(t, writer, clickhouse.Question{SQL: query}); err != nil {
			t.Errorf("%s: %v, %v", query, lines, err)
		}
	}
}

// An account that the server restricts is asked as it is: it could not change settings.
func TestReaderOfARestrictedAccount(t *testing.T) {
	server := engine.Engine(t)
	config := clickhouse.DefaultConfig()
	config.DSN = clickhouse.DSN(server.AnalystDSN())
	reader, err := open(t, config).Reader(t.Context(), clickhouse.AnalystLimits())
	if err != nil {
		t.Fatal(err)
	}
	if lines, err := answer(t, reader, clickhouse.Question{SQL: "SELECT currentUser() AS u, getSetting('readonly') AS r"}); err != nil || fmt.Sprint(lines) != "[u:String r:UInt8 analyst 1]" {
		t.Errorf("%q, %v", lines, err)
	}
}

// The embedded engine cannot make accounts, which is said so that callers can; that the statements are ones is checked
// by its parser.
func TestAnalystStatements(t *testing.T) {
	db := migrated(t)
	statements := db.AnalystStatements("o'hara `x`", "secret")
	for _, statement := range statements {
		if strings.Contains(statement, "secret") {
			t.Errorf("it has the password: %s", statement)
		}
		if got := ask(t, db, "SELECT length(formatQuerySingleLine($1)) > 10", statement); got != "1" {
			t.Errorf("%s: %s", statement, got)
		}
	}
	if len(statements) != 5 {
		t.Errorf("%d statements", len(statements))
	}
	if _, err := db.MakeAnalyst(t.Context(), "ann", "secret"); !errors.Is(err, clickhouse.ErrNoAccessManagement) {
		t.Errorf("have %v", err)
	}
}

func TestTimesThatAreNotThere(t *testing.T) {
	db := migrated(t)
	in := incident("a", 1, "open")
	in.Seen.Since = in.Resolved
	in.Deliveries[0].At = in.Resolved
	if err := db.SaveIncident(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, db, "SELECT since = opened, (SELECT any(at) FROM incident_deliveries) FROM incident_spans AS s INNER JOIN incidents AS i ON i.id = s.id"); got != "1 1970-01-01 00:00:00" {
		t.Errorf("have %s", got)
	}
}

func TestEveryColumnOfAViewHasItsComment(t *testing.T) {
	db := migrated(t)
	_, rows, err := db.Query(t.Context(), `SELECT table, name FROM system.columns
		WHERE database = currentDatabase() AND comment = '' AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View')`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Errorf("%s has no comment: say in a migration what it means (ALTER TABLE ... COMMENT COLUMN)", strings.Join(row, "."))
	}
}
