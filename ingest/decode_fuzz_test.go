package ingest_test

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// FuzzDecoder: every record leaves something behind, within bounds, that can be stored.
func FuzzDecoder(f *testing.F) {
	decoders := make([]*ingest.Decoder, len(format.Names()))
	for i, name := range format.Names() {
		decoders[i] = newDecoder(f, name)
		paths, err := filepath.Glob(filepath.Join("format", "testdata", name, "*.json"))
		if err != nil {
			f.Fatal(err)
		}
		lines, _ := filepath.Glob(filepath.Join("format", "testdata", name, "*.log"))
		for _, path := range append(paths, lines...) {
			record, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(i), record)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, record []byte) {
		b := decode(decoders[int(which)%len(decoders)], string(record))
		if len(b.Events)+len(b.DeadLetters) == 0 {
			t.Fatal("the record vanished")
		}
		for i := range b.Events {
			checkEvent(t, &b.Events[i])
		}
		for i := range b.DeadLetters {
			checkLetter(t, &b.DeadLetters[i])
		}
	})
}

func checkEvent(t *testing.T, e *schema.Event) {
	t.Helper()
	if e.Token.IsZero() || e.KeyID == 0 {
		t.Error("an event of nobody")
	}
	if e.Time.Before(at().Add(-8*24*60*60*1e9)) || e.Time.After(at().Add(6*60*1e9)) {
		t.Errorf("time %s", e.Time)
	}
	for column, text := range map[string]string{
		"consumer": e.Consumer, "environment": e.Environment, "method": e.Method, "route": e.Route, "path": e.Path,
		"user_agent": e.UserAgent, "client": e.Client, "request_id": e.RequestID, "token_hint": e.TokenHint,
	} {
		if !utf8.ValidString(text) || len(text) > 2048 {
			t.Errorf("%s: %d bytes, %q", column, len(text), text)
		}
	}
}

func checkLetter(t *testing.T, l *schema.DeadLetter) {
	t.Helper()
	if l.Reason == ingest.ReasonInternal {
		t.Error(l.Detail)
	}
	if l.Reason == "" || l.Detail == "" || len(l.Payload) > 4096 || !utf8.ValidString(l.Payload) {
		t.Errorf("dead letter %+v", l)
	}
}
