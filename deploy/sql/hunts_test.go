package sql_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/sql"
)

func TestEveryHuntSaysWhatItIs(t *testing.T) {
	hunts, err := sql.Hunts()
	if err != nil {
		t.Fatal(err)
	}
	if len(hunts) < 25 {
		t.Errorf("%d hunting queries", len(hunts))
	}
	for _, h := range hunts {
		if !strings.HasSuffix(h.Question, "?") {
			t.Errorf("%s: %q is no question", h.Name, h.Question)
		}
		if h.Attack == "" && h.Name != "noise" {
			t.Errorf("%s: names no ATT&CK technique", h.Name)
		}
		for _, p := range h.Parameters {
			if p.Note == "" {
				t.Errorf("%s: parameter %s does not say what it means", h.Name, p.Name)
			}
		}
	}
}

func TestReadmeListsEveryHunt(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	hunts, err := sql.Hunts()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hunts {
		if row := fmt.Sprintf("| [%[1]s](%[1]s.sql) | %s | %s |\n", h.Name, h.Question, h.Attack); !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks %s", row)
		}
	}
}

func TestParseHunt(t *testing.T) {
	const good = "-- Who?\n--\n-- For: a\n--   b\n-- Answer: c\n-- ATT&CK: T1\n-- Parameter: n UInt8 = 7  how many\n--   of them\n-- Parameter: s String = ''  x\nSELECT {n:UInt8}, {s:String};\n"
	h, err := sql.ParseHunt("x", good)
	if err != nil {
		t.Fatal(err)
	}
	if h.Question != "Who?" || h.For != "a b" || h.Answer != "c" || h.Attack != "T1" || h.SQL != "SELECT {n:UInt8}, {s:String}" {
		t.Errorf("have %+v", h)
	}
	if want := (sql.Parameter{Name: "n", Type: "UInt8", Default: "7", Note: "how many of them"}); h.Parameters[0] != want {
		t.Errorf("have %+v, want %+v", h.Parameters[0], want)
	}
	if values, err := h.Bind(map[string]string{"n": "9"}); err != nil || values["n"] != "9" || values["s"] != "" {
		t.Errorf("%v, %v", values, err)
	}
	if _, err := h.Bind(map[string]string{"hours": "9"}); err == nil || err.Error() != "x has no parameter hours; it has: n=7, s=" {
		t.Errorf("an unknown parameter: %v", err)
	}
	for broken, want := range map[string]string{
		strings.Replace(good, "-- Answer: c\n", "", 1):       "x: has no Answer",
		strings.Replace(good, "{n:UInt8}", "7", 1):           "x: the parameter n UInt8 is not in the statement as {n:UInt8}",
		strings.Replace(good, "{n:UInt8}", "{n:Int8}", 1):    "x: the parameter n UInt8 is not in the statement as {n:UInt8}",
		strings.Replace(good, "{s:String}", "{z:String}", 1): "x: the parameter s String is not in the statement as {s:String}",
		strings.Replace(good, "n UInt8 = 7", "n = 7", 1):     `x: "n = 7  how many" is no parameter; want: Parameter: name Type = default  what it means`,
		strings.Replace(good, ", {s", ", {n:String}, {s", 1): "x: {n} is a UInt8 and a String",
		strings.Replace(good, ", {s", ", {m:String}, {s", 1): "x: {m} has no line that tells its default",
		"SELECT 1": "x: has no",
	} {
		if _, err := sql.ParseHunt("x", broken); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
	}
}

func TestFindHunt(t *testing.T) {
	if h, err := sql.FindHunt("odd-hours"); err != nil || h.Attack != "T1550.001" {
		t.Errorf("%+v, %v", h, err)
	}
	for name, want := range map[string]string{
		"hours": `no hunting query is called "hours"; like it: odd-hours`,
		"zzz":   `no hunting query is called "zzz"; \l lists them`,
	} {
		if _, err := sql.FindHunt(name); err == nil || err.Error() != want {
			t.Errorf("have %v, want %s", err, want)
		}
	}
}
