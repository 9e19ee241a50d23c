package clickhouse_test

import (
	"testing"

	"github.com/tokenwatch/tokenwatch/schema"
)

func TestNamesByTheirBeginning(t *testing.T) {
	db := migrated(t)
	stored := timeline(t, db)
	profiled, found := profile(0xab, 5, "state"), finding(0x0b, noon) // of token abcd00...
	save(t, db, profiled, profile(0, 5, "shared"))
	if err := db.InsertFindings(t.Context(), "one", []schema.Finding{found}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ tokens, findings int }{
		"ab": {2, 0}, "ABCD": {1, 0}, "ab00": {1, 0}, "0b": {0, 1}, found.ID.String(): {0, 1}, "abce": {0, 0},
		"00000000000000000000000000000000": {0, 0}, // what all tokens share is none
		stored[0].Token.String():           {1, 0},
	} {
		names, err := db.Named(t.Context(), name)
		if err != nil || len(names.Tokens) != want.tokens || len(names.Findings) != want.findings {
			t.Errorf("%s: %v, %v; want %+v", name, names, err, want)
		}
	}
	for _, bad := range []string{"", "xyz", "ab'; DROP", "000000000000000000000000000000000"} {
		if _, err := db.Named(t.Context(), bad); err == nil {
			t.Errorf("%q is a name", bad)
		}
	}
}

func TestWhatIsKnownOfAToken(t *testing.T) {
	db := migrated(t)
	stored := timeline(t, db)
	newest, n := stored[0], uint64(0)
	for _, e := range stored {
		if e.Token == stored[0].Token {
			if n++; e.Time.After(newest.Time) {
				newest = e
			}
		}
	}
	seen, err := db.Sighting(t.Context(), newest.Token)
	if err != nil || seen.Events != n || !seen.Last.Equal(newest.Time) || seen.Consumer != newest.Consumer || seen.Hint != newest.TokenHint {
		t.Errorf("%+v, %v; the newest of %d is %+v", seen, err, n, newest)
	}
	if seen, err := db.Sighting(t.Context(), schema.TokenID{9, 9}); err != nil || seen.Events != 0 {
		t.Errorf("of a stranger: %+v, %v", seen, err)
	}

	other := profile(1, 9, "elsewhere")
	other.Partition = 4
	save(t, db, profile(1, 7, "old"), profile(2, 9, "another token"), other)
	save(t, db, profile(1, 8, "new"))
	rows, err := db.TokenProfiles(t.Context(), schema.TokenID{1})
	if err != nil || len(rows) != 2 || string(rows[0].State) != "new" || string(rows[1].State) != "elsewhere" {
		t.Errorf("profiles: %+v, %v", rows, err)
	}

	first, second := finding(1, noon), finding(2, noon)
	second.Time = second.Time.Add(1e9)
	if err := db.InsertFindings(t.Context(), "two", []schema.Finding{first, second}); err != nil {
		t.Fatal(err)
	}
	list, err := db.TokenFindings(t.Context(), first.Token, 1)
	if err != nil || len(list) != 1 || list[0].ID != second.ID || len(list[0].Evidence) != 2 {
		t.Errorf("the newest finding: %+v, %v", list, err)
	}
	if f, err := db.Finding(t.Context(), first.ID); err != nil || f == nil || f.Summary != first.Summary {
		t.Errorf("by its id: %+v, %v", f, err)
	}
	if f, err := db.Finding(t.Context(), schema.FindingID{77}); err != nil || f != nil {
		t.Errorf("one that is not there: %+v, %v", f, err)
	}
}
