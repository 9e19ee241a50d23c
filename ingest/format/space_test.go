package format_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestWhiteSpaceDoesNotMatter: producers with different JSON writers share a topic, so a
// reader meets the same record compact and spaced, in any order.
func TestWhiteSpaceDoesNotMatter(t *testing.T) {
	for _, name := range format.Names() {
		files, _ := filepath.Glob(filepath.Join("testdata", name, "*.json"))
		for _, file := range files {
			value, err := os.ReadFile(file)
			if err != nil || strings.HasSuffix(file, ".want.json") || !json.Valid(value) {
				continue
			}
			for _, reader := range []string{name, format.Auto} {
				f, err := format.Lookup(reader)
				if err != nil {
					t.Fatal(err)
				}
				want := ""
				for i, form := range forms(t, value) {
					got := outline(f, form)
					if i == 0 {
						want = got
					}
					if got != want {
						t.Fatalf("%s by %s, form %d:\n%s\nwant\n%s", file, reader, i, got, want)
					}
				}
			}
		}
	}
}

// forms writes a record compact, spaced as Python does it, indented, and compact again.
func forms(t *testing.T, value []byte) [][]byte {
	t.Helper()
	var compact, indented bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		t.Fatal(err)
	}
	if err := json.Indent(&indented, value, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	spaced := bytes.ReplaceAll(bytes.ReplaceAll(indented.Bytes(), []byte("\n"), []byte(" ")), []byte("\t"), nil)
	return [][]byte{compact.Bytes(), spaced, indented.Bytes(), compact.Bytes(), spaced}
}

// outline is what a reader makes of a record, but for the offsets in faults.
func outline(f format.Format, value []byte) string {
	var s strings.Builder
	err := f.Decode(value, func(r *format.Record) error {
		fmt.Fprintf(&s, "%d %q %q %q %s %d %d %d %q %q %v\n", r.Item, r.Token, r.Credential, r.Consumer, r.Time, r.Status, r.BytesIn, r.BytesOut, r.URI, r.UserAgent, r.Err)
		return nil
	})
	fmt.Fprint(&s, err)
	return s.String()
}
