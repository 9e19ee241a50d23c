package format_test

import (
	"errors"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestLinesWithOneQuote: a line of several may begin as a JSON text does and be none. It is refused, and nothing else happens.
func TestLinesWithOneQuote(t *testing.T) {
	for _, line := range []string{`"`, `"abc`, `"abc\`, `"abc\"`, `"abc\x`, `"abc\u12`, `"abc\ud83d\`, `"a" b`, `"{}`, `"{"`} {
		for _, name := range append(format.Names(), format.Auto) {
			f := lookup(t, name)
			entries := 0
			err := f.Decode([]byte("first\n"+line+"\nlast"), func(r *format.Record) error {
				if r.Err == nil {
					t.Errorf("%s: %s was read", name, line)
				}
				entries++
				return nil
			})
			if entries != 3 && !errors.Is(err, format.BadJSON) && !errors.Is(err, format.BadLine) {
				t.Errorf("%s: %q: %d entries, %v", name, line, entries, err)
			}
		}
	}
}
