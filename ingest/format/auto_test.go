package format_test

import (
	"errors"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestAutoKnowsEverySample: each format's own samples are told apart, alone and as the
// entries of a batch, one after the other in one topic.
func TestAutoKnowsEverySample(t *testing.T) {
	f, err := format.Lookup(format.Auto)
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for _, name := range format.Names() {
		for _, file := range records(t, name) {
			readable := ""
			_ = lookup(t, name).Decode(read(t, file), func(r *format.Record) error {
				if r.Err == nil {
					readable = name
				}
				return nil
			})
			got := ""
			err := f.Decode(read(t, file), func(r *format.Record) error {
				if r.Err == nil {
					got = f.Name()
				}
				return nil
			})
			if got != readable {
				t.Errorf("%s: taken for %q (%v), want %q", file, got, err, readable)
			}
			if readable != "" {
				known++
			}
		}
	}
	if known < 50 {
		t.Errorf("only %d samples were decoded", known)
	}
}

func TestAutoRefuses(t *testing.T) {
	f, err := format.Lookup(format.Auto)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]format.Reason{
		"":                          format.Empty,
		"[]":                        format.Empty,
		"{":                         format.BadJSON,
		`{"msec"`:                   format.BadJSON,
		`{"a":1}`:                   format.UnknownFormat,
		"7":                         format.UnknownFormat,
		`{"msec":"1.5","status":1}`: format.NoToken,
		// What a caller sends cannot make the record another gateway's.
		`{"time":"2026-01-01T00:00:00Z","user_agent":"{\"msec\":1}","x":{"msec":1}}`: format.NoToken,
	} {
		var entry error
		err := f.Decode([]byte(value), func(r *format.Record) error { entry = r.Err; return nil })
		if err == nil {
			err = entry
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %s", value, err, want)
		}
	}
}
