package ingest_test

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

func peppers(t *testing.T) (current, former ingest.Pepper) {
	t.Helper()
	former = pepper(t)
	current, err := ingest.ParsePepper(strings.Repeat("n", 32))
	if err != nil {
		t.Fatal(err)
	}
	return current, former
}

// Whoever a record names, by whatever, its event carries the names under both peppers: those
// that it would have under either alone.
func TestEventsCarryTheFormerFingerprint(t *testing.T) {
	current, former := peppers(t)
	both, err := current.After(former)
	if err != nil {
		t.Fatal(err)
	}
	decoders := map[string]*ingest.Decoder{}
	for name, p := range map[string]ingest.Pepper{"current": current, "former": former, "both": both} {
		if decoders[name], err = ingest.NewDecoder(ingest.DefaultDecodeConfig(), p, nil); err != nil {
			t.Fatal(err)
		}
	}
	for what, record := range map[string]string{
		"token":      `{"time":"2026-11-21T21:11:12Z","token":"Bearer hf_EXAMPLEexampleEXAMPLEexample0001","uri":"/"}`,
		"consumer":   `{"time":"2026-11-21T21:11:12Z","consumer":"acme","uri":"/"}`,
		"credential": `{"request":{"method":"GET","uri":"/","headers":{}},"authenticated_entity":{"id":"c62c1455-9b1d-4f2d-8797-509ba83b8ae8"},"latencies":{},"client_ip":"8.8.8.8","started_at":1795295472000}`,
		"hash":       `{"id":"x","startTime":1795295472.5,"call_type":"completion","response_cost":1,"metadata":{"user_api_key_hash":"88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"}}`,
		"raw key":    `{"id":"x","startTime":1795295472.5,"call_type":"completion","response_cost":1,"metadata":{"user_api_key_hash":"sk-QkZxWvTyRmPqLsNdBgHjKc"}}`,
		"no scheme":  `{"time":"2026-11-21T21:11:12Z","token":"Bearer ","consumer":"acme","uri":"/"}`,
	} {
		t.Run(what, func(t *testing.T) {
			events := map[string]schema.Event{}
			for name, d := range decoders {
				b := decode(d, record)
				if len(b.Events) != 1 {
					t.Fatalf("dead letters %+v", b.DeadLetters)
				}
				events[name] = b.Events[0]
			}
			if e := events["both"]; e.Token != events["current"].Token || e.Former != events["former"].Token || e.KeyID != events["current"].KeyID || e.Token == e.Former {
				t.Errorf("token %s former %s; alone %s and %s", e.Token, e.Former, events["current"].Token, events["former"].Token)
			}
			if !events["current"].Former.IsZero() {
				t.Error("a former name without a former pepper")
			}
			if events["both"].TokenHint != events["current"].TokenHint {
				t.Errorf("hint %q", events["both"].TokenHint)
			}
		})
	}
}

func TestFingerprinterKnowsTheFormerPepper(t *testing.T) {
	current, former := peppers(t)
	if ingest.NewFingerprinter(current).Former() != nil {
		t.Error("a former pepper from nowhere")
	}
	both, err := current.After(former)
	if err != nil {
		t.Fatal(err)
	}
	f, alone := ingest.NewFingerprinter(both), ingest.NewFingerprinter(former)
	if f.Former().KeyID() != alone.KeyID() || f.Former().For("litellm", []byte(raw)) != alone.For("litellm", []byte(raw)) || f.Former().Former() != nil {
		t.Error("the former one is another one")
	}
	if f.KeyID() != ingest.NewFingerprinter(current).KeyID() {
		t.Error("the current one is another one")
	}
	if _, err := former.After(former); err == nil || !strings.HasPrefix(err.Error(), "former_pepper_file: the same pepper as pepper_file") {
		t.Errorf("a pepper in its own place: %v", err)
	}
	if s := both.String(); s != "***" {
		t.Errorf("it prints as %s", s)
	}
}

func BenchmarkRotation(b *testing.B) {
	current, err := ingest.ParsePepper(strings.Repeat("n", 32))
	if err != nil {
		b.Fatal(err)
	}
	former, err := ingest.ParsePepper(strings.Repeat("o", 32))
	if err != nil {
		b.Fatal(err)
	}
	both, err := current.After(former)
	if err != nil {
		b.Fatal(err)
	}
	token := []byte("Bearer " + raw)
	for name, p := range map[string]ingest.Pepper{"one": current, "rotating": both} {
		b.Run(name, func(b *testing.B) {
			f := ingest.NewFingerprinter(p)
			b.ReportAllocs()
			for b.Loop() {
				f.Token(token)
				if f.Former() != nil {
					f.Former().Token(token)
				}
			}
		})
	}
}
