package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// keyed is the configuration with these peppers.
func keyed(t *testing.T, cfg Config, pepper, former string) Config {
	t.Helper()
	file := func(pepper string) string {
		if pepper == "" {
			return ""
		}
		path := filepath.Join(cfg.DataDir, "pepper-"+pepper)
		if err := os.WriteFile(path, []byte(strings.Repeat(pepper, 32)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cfg.Ingest.PepperFile, cfg.Ingest.FormerPepperFile = file(pepper), file(former)
	return cfg
}

// names are the token's fingerprints under all peppers of the configuration.
func names(t *testing.T, cfg Config, token string) (list []schema.TokenID) {
	t.Helper()
	f, err := cfg.fingerprinter()
	if err != nil {
		t.Fatal(err)
	}
	for ; f != nil; f = f.Former() {
		list = append(list, f.Token([]byte(token)))
	}
	return list
}

// Four weeks under one pepper, then another, then that one alone: nobody is alarmed, the profile is
// the same one, a theft that began before goes on in the same incident, and SQL answers
// with everything under either name.
func TestPepperIsRotated(t *testing.T) {
	t.Parallel()
	base := quick(t.TempDir())
	const token, robbed = "hf_RotatedWvTyRmPqLsNdBgHjKcFaEuQkZx", "hf_RobbedWvTyRmPqLsNdBgHjKcFaEuQkZxy"
	stored := 0
	usual := func(p *program, token string, from, to time.Duration) {
		var records []string
		for ago := from; ago > to; ago -= 6 * time.Hour {
			records = append(records, nginxRecord(time.Now().Add(-ago), token, home))
		}
		p.produce(t, records...)
		stored += len(records)
		p.settled(t, stored)
	}
	steal := func(p *program, n int) {
		var records []string
		for range n {
			records = append(records, nginxRecord(time.Now(), robbed, abroad))
		}
		p.produce(t, records...)
		stored += n
		p.settled(t, stored)
	}

	first := keyed(t, base, "a", "")
	first.Detect.AlertNats, first.Ingest.MaxAge = 2, 40*24*time.Hour
	p := start(t, first)
	usual(p, token, 28*24*time.Hour, time.Hour)
	usual(p, robbed, 28*24*time.Hour, 20*time.Hour)
	steal(p, 50)
	eventually(t, time.Minute, "the theft is an open incident, and the only one", func() bool { // findings come to it through their topic
		have := p.ask(t, "SELECT count(), any(token_hex) FROM incidents FINAL WHERE state = 'open'")
		return slices.Equal(have, []string{"1 " + names(t, first, robbed)[0].String()})
	})
	before := p.ask(t, "SELECT requests, active_days, first_seen, addresses, countries FROM token_profile WHERE token = unhex($1)", names(t, first, token)[0].String())
	findings := p.ask(t, "SELECT count() FROM findings FINAL WHERE token = unhex($1)", names(t, first, token)[0].String())
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}

	second := keyed(t, first, "b", "a")
	p = start(t, second)
	p.warn(t.Context())
	if !strings.Contains(p.log.String(), "peppers are being rotated") || strings.Contains(p.log.String(), "every token begins anew") {
		t.Errorf("the log does not explain the rotation:\n%s", tail(p.log.String(), 20))
	}
	now := names(t, second, token)
	for _, id := range now {
		if have := p.ask(t, "SELECT requests, active_days, first_seen, addresses, countries FROM token_profile WHERE token = unhex($1)", id.String()); id == now[1] && !slices.Equal(have, before) {
			t.Errorf("before the token is seen: %q, want %q", have, before)
		}
	}
	usual(p, token, 30*time.Minute, 0)
	steal(p, 50)
	if have := p.ask(t, "SELECT count() FROM findings FINAL WHERE token IN (unhex($1), unhex($2))", now[0].String(), now[1].String()); !slices.Equal(have, findings) {
		t.Errorf("findings about a token that did nothing new: %q, before the rotation %q", have, findings)
	}
	eventually(t, 30*time.Second, "the open incident goes on under the new name", func() bool {
		have := p.ask(t, "SELECT count(), any(token_hex), any(findings) > 1 FROM incidents FINAL WHERE state = 'open'")
		return slices.Equal(have, []string{"1 " + names(t, second, robbed)[0].String() + " 1"})
	})
	if _, page := get(t, p.url("/metrics")); metric(page, "tokenwatch_profiles") != 2 {
		t.Errorf("%v profiles of two tokens", metric(page, "tokenwatch_profiles"))
	}
	wholeHistory(t, p, now)
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}

	third := keyed(t, first, "b", "")
	p = start(t, third)
	p.warn(t.Context())
	if strings.Contains(p.log.String(), "pepper") {
		t.Errorf("the log speaks of peppers when the rotation is over:\n%s", tail(p.log.String(), 20))
	}
	usual(p, token, 10*time.Minute, 0)
	wholeHistory(t, p, now)
	if _, page := get(t, p.url("/metrics")); metric(page, "tokenwatch_profiles") != 2 {
		t.Errorf("%v profiles of two tokens after a restart", metric(page, "tokenwatch_profiles"))
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}

	p = start(t, keyed(t, first, "c", "a"))
	p.warn(t.Context())
	if !strings.Contains(p.log.String(), "neither the pepper nor the former one") {
		t.Errorf("the log does not say that the former pepper is a wrong one:\n%s", tail(p.log.String(), 20))
	}
}

// wholeHistory holds what is answered for each name to what is stored under both.
func wholeHistory(t *testing.T, p *program, names []schema.TokenID) {
	t.Helper()
	both := fmt.Sprintf("token IN (unhex('%s'), unhex('%s'))", names[0], names[1])
	total := p.ask(t, "SELECT count(), min(ts), max(ts) FROM events WHERE "+both)
	for _, id := range names {
		if have := p.ask(t, "SELECT requests, first_seen, last_seen FROM token_profile WHERE token = unhex($1)", id.String()); !slices.Equal(have, total) {
			t.Errorf("profile of %s: %q, stored %q", id, have, total)
		}
		if have := p.ask(t, "SELECT sum(requests), min(first_seen), max(last_seen) FROM token_places WHERE token = unhex($1)", id.String()); !slices.Equal(have, total) {
			t.Errorf("places of %s: %q, stored %q", id, have, total)
		}
	}
}
