package main

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestSimulatedFormats decodes a fleet behind each gateway as that gateway's records, and as records of any: whose they
// are, from where, when and what must be what the simulation knows.
func TestSimulatedFormats(t *testing.T) {
	for _, gateway := range simulate.Gateways() {
		t.Run(gateway, func(t *testing.T) {
			cfg := simulate.DefaultConfig()
			cfg.Seed, cfg.Tokens, cfg.Gateways = 4, 60, []string{gateway}
			cfg.History, cfg.Live, cfg.Plan = 12*time.Hour, 12*time.Hour, &simulate.Plan{}
			cfg.End = time.Date(2026, 11, 4, 12, 0, 0, 0, time.UTC)
			fleet, err := simulate.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			m := &measured{fleet: fleet, index: map[schema.TokenID]int{}}
			m.identify(t)
			for _, format := range []string{gateway, "auto"} {
				n := 0
				decoder := decoderOf(t, format, nil)
				for r := range fleet.All() {
					if n++; n%3 == 0 {
						checkSimulated(t, m, fleet.Tokens(), decoder, r)
					}
				}
				if n < 600 {
					t.Errorf("only %d records", n)
				}
			}
		})
	}
}

func decoderOf(t *testing.T, format string, places ingest.Locator) *ingest.Decoder {
	t.Helper()
	pepper, err := ingest.ParsePepper(testPepper)
	if err != nil {
		t.Fatal(err)
	}
	cfg := ingest.DefaultDecodeConfig()
	cfg.Format = format
	d, err := ingest.NewDecoder(cfg, pepper, places)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func checkSimulated(t *testing.T, m *measured, tokens []simulate.Token, d *ingest.Decoder, r simulate.Record) {
	t.Helper()
	var b schema.Block
	d.Decode(&b, r.Value, ingest.Position{Topic: "t", At: r.Time.Add(time.Second)})
	if len(b.Events) != 1 {
		t.Fatalf("refused: %+v\n%s", b.DeadLetters, r.Value)
	}
	ev := &b.Events[0]
	token := tokens[r.Token]
	if index, known := m.index[ev.Token]; !known || index != r.Token {
		t.Fatalf("taken for another token's than %s\n%s", token.Logged(), r.Value)
	}
	if logged := ev.Time.Add(ev.Latency); logged.Sub(r.Time).Abs() > 2*time.Millisecond {
		t.Fatalf("ended at %v, logged at %v\n%s", logged, r.Time, r.Value)
	}
	named := strings.HasPrefix(ev.Consumer, strings.ToLower(strings.ReplaceAll(token.Owner, " ", "-")))
	if ev.Source != token.Gateway || !ev.IP.IsGlobalUnicast() || ev.IP.IsPrivate() || !strings.HasPrefix(ev.Path, "/") || ev.Status < 200 || ev.UserAgent == "" || !named {
		t.Fatalf("event %+v\n%s", ev, r.Value)
	}
	if token.Gateway != "litellm" && (ev.Method == "" || ev.BytesOut == 0) {
		t.Fatalf("event %+v\n%s", ev, r.Value)
	}
}
