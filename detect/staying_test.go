package detect_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestWaitsAsLongAsNobodyCanTell: a thief copies a token's whole User-Agent and comes between two of the owner's requests.
// If the owner's other tokens go on where they were, that tells after ten minutes; if none was used, after an hour.
func TestWaitsAsLongAsNobodyCanTell(t *testing.T) {
	for name, c := range map[string]struct {
		others        time.Duration
		mates         []string // consumers, of the environment that they end with
		after, before time.Duration
	}{
		"others go on":                 {10 * time.Minute, []string{"acme-prod"}, 9 * time.Minute, 17 * time.Minute},
		"others of another name go on": {10 * time.Minute, []string{"acme-dev", "acme-test"}, 9 * time.Minute, 17 * time.Minute},
		"nobody was used":              {6 * time.Hour, []string{"acme-prod"}, 59 * time.Minute, 65 * time.Minute},
		"nobody of any name was used":  {6 * time.Hour, []string{"acme-dev", "acme-test"}, 59 * time.Minute, 65 * time.Minute},
		"others of another company do": {10 * time.Minute, []string{"acme2-prod"}, -time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := detect.DefaultConfig()
			cfg.AlertNats = 2.5
			began := time.Date(2026, 3, 23, 6, 30, 0, 0, time.UTC)
			found := findings(detect.New(cfg, "t", 0), beside(began, c.others, c.mates))
			if len(found) == 0 {
				t.Fatal("the thief is not found")
			}
			f := found[0]
			if f.Token != tokenOf("w-0") || f.Time.Before(began) {
				t.Fatalf("found %s at %s", f.Summary, f.Time)
			}
			if after := f.Time.Sub(began); after < c.after || after > c.before {
				t.Errorf("found after %s", after)
			}
		})
	}
}

// beside is the life of a company's five tokens, and of a thief with one of them. Tokens of others make a cohort.
func beside(began time.Time, others time.Duration, mates []string) []schema.Event {
	home := schema.Place{Country: "DE", City: "Frankfurt", Lat: 50.1, Lon: 8.7, ASN: 24940, Network: schema.NetworkHosting}
	away := schema.Place{Country: "SG", City: "Singapore", Lat: 1.3, Lon: 103.8, ASN: 14061, Network: schema.NetworkHosting}
	var events []schema.Event
	use := func(token, consumer string, p schema.Place, ip string, from, to time.Time, every time.Duration) {
		environment := "prod"
		if _, end, found := strings.Cut(consumer, "-"); found {
			environment = end
		}
		for at := from; at.Before(to); at = at.Add(every) {
			events = append(events, schema.Event{
				Time: at, Ingested: at, Token: tokenOf(token), TokenHint: token, Consumer: consumer, Environment: environment, IP: netip.MustParseAddr(ip), Place: p,
				Client: "Go-http-client/2", UserAgent: "Go-http-client/2.31", Method: "GET", Route: "/v1", Path: "/v1", Status: 200,
			})
		}
	}
	first, last := began.AddDate(0, 0, -21).Truncate(24*time.Hour), began.Add(3*time.Hour)
	for _, other := range []string{"a", "b", "c", "d", "e", "f"} {
		use(other, "of "+other, home, "95.0.1.1", first, last, time.Hour)
	}
	use("w-0", "acme-prod", home, "95.0.0.1", first, last, 6*time.Hour)
	for i, mate := range []string{"w-1", "w-2", "w-3", "w-4"} {
		use(mate, mates[i%len(mates)], home, "95.0.0.1", first, last, others)
	}
	use("w-0", "acme-prod", away, "128.0.0.1", began, began.Add(2*time.Hour), 8*time.Minute)
	return inOrder(events)
}
