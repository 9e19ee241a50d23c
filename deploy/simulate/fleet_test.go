package simulate_test

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// end is a Wednesday.
var end = time.Date(2026, 11, 18, 13, 30, 0, 0, time.UTC)

func config(seed uint64) simulate.Config {
	c := simulate.DefaultConfig()
	c.Seed, c.End = seed, end
	return c
}

// small is a fleet for tests that need no size.
func small(seed uint64) simulate.Config {
	c := config(seed)
	c.Tokens, c.History = 200, 15*24*time.Hour
	return c
}

func fleet(t testing.TB, c simulate.Config) *simulate.Fleet {
	t.Helper()
	f, err := simulate.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// digest hashes everything that a fleet says.
func digest(t *testing.T, f *simulate.Fleet, liveFirst bool) string {
	t.Helper()
	parts := map[string]string{}
	parts["history"], parts["live"] = "", ""
	play := func(name string) {
		h := sha256.New()
		records := f.History()
		if name == "live" {
			records = f.Live()
		}
		for r := range records {
			fmt.Fprintf(h, "%d %s %d %d ", r.Time.UnixNano(), r.Key, r.Token, r.Story)
			h.Write(r.Value)
		}
		parts[name] = fmt.Sprintf("%x", h.Sum(nil))
	}
	if liveFirst {
		play("live")
		play("history")
	} else {
		play("history")
		play("live")
	}
	return fmt.Sprintf("%v %v %v", parts, f.Stories(), f.Tokens())
}

func TestSameConfigSameBytes(t *testing.T) {
	first := digest(t, fleet(t, small(7)), false)
	if again := digest(t, fleet(t, small(7)), true); again != first {
		t.Error("the same configuration gave other records, stories or tokens")
	}
}

func TestAnotherSeedIsAnotherWorld(t *testing.T) {
	a, b := fleet(t, config(1)), fleet(t, config(2))
	owners := map[string]bool{}
	for _, token := range a.Tokens() {
		owners[token.Owner] = true
	}
	shared, secrets := 0, map[string]bool{}
	for _, token := range b.Tokens() {
		if owners[token.Owner] {
			shared++
		}
		secrets[token.Secret] = true
	}
	if shared > len(b.Tokens())/3 {
		t.Errorf("%d of %d tokens have an owner who is in the other fleet too", shared, len(b.Tokens()))
	}
	for _, token := range a.Tokens() {
		if secrets[token.Secret] {
			t.Fatalf("token %d has the same secret in both fleets", token.Index)
		}
	}
	for i, s := range a.Stories() {
		if s.Title == b.Stories()[i].Title {
			t.Errorf("both fleets tell: %s", s.Title)
		}
	}
}

func TestRecordsComeInOrderAndInTheirWindow(t *testing.T) {
	c := small(3)
	f := fleet(t, c)
	begin, finish := c.End.Add(-c.History), c.End.Add(c.Live)
	check := func(name string, records func(func(simulate.Record) bool), from, to time.Time) {
		last, n := from, 0
		for r := range records {
			if r.Time.Before(last) {
				t.Fatalf("%s: record %d is of %v, the one before it of %v", name, n, r.Time, last)
			}
			if !r.Time.Before(to) {
				t.Fatalf("%s: record %d is of %v, after the end %v", name, n, r.Time, to)
			}
			if name == "history" && r.Story != -1 {
				t.Fatalf("history: record %d belongs to story %d", n, r.Story)
			}
			last = r.Time
			n++
		}
		if n < 200 || to.Sub(last) > 10*time.Minute {
			t.Errorf("%s: %d records, the last %v before the end", name, n, to.Sub(last))
		}
	}
	check("history", f.History(), begin, c.End)
	check("live", f.Live(), c.End, finish)
}

func TestStoppingEarly(t *testing.T) {
	n := 0
	for range fleet(t, small(3)).History() {
		if n++; n == 10 {
			break
		}
	}
	if n != 10 {
		t.Errorf("read %d records, not 10", n)
	}
}

func TestLargeFleet(t *testing.T) {
	c := config(1)
	c.Tokens = 60_000
	f := fleet(t, c)
	owners := map[string]bool{}
	for _, token := range f.Tokens() {
		owners[token.Owner] = true
	}
	if len(owners) < 3500 {
		t.Errorf("%d owners", len(owners))
	}
	n := 0
	for range f.Live() {
		if n++; n == 20_000 {
			return
		}
	}
	t.Errorf("only %d live records", n)
}

func TestConfigErrors(t *testing.T) {
	for want, spoil := range map[string]func(*simulate.Config){
		"tokens: 3 is not between 50 and 1000000":               func(c *simulate.Config) { c.Tokens = 3 },
		"end: missing: the time at which history ends":          func(c *simulate.Config) { c.End = time.Time{} },
		"end: 1999-01-01 00:00:00 +0000 UTC is not between":     func(c *simulate.Config) { c.End = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) },
		"history: 24h0m0s is not between 360h and 9600h":        func(c *simulate.Config) { c.History = 24 * time.Hour },
		"live: 1m0s is not between 30m and 24h":                 func(c *simulate.Config) { c.Live = time.Minute },
		"only 0 cities and 0 hosting networks are where the lo": func(c *simulate.Config) { c.Locate = nowhere },
	} {
		c := config(1)
		spoil(&c)
		if _, err := simulate.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, not %q", err, want)
		}
	}
}

func nowhere(netip.Addr) (string, string, uint32) { return "", "", 0 }

func TestDescribe(t *testing.T) {
	var page strings.Builder
	f := fleet(t, small(5))
	if err := f.Describe(&page); err != nil {
		t.Fatal(err)
	}
	words := []string{"200 tokens of", "person", "server", "THEFT", "users live in:"}
	for _, s := range f.Stories() {
		words = append(words, s.Title)
	}
	for _, w := range words {
		if !strings.Contains(page.String(), w) {
			t.Errorf("the description does not mention %q:\n%s", w, page.String())
		}
	}
	if token := f.Tokens()[0]; strings.Contains(page.String(), token.Secret) {
		t.Error("the description shows a secret")
	}
}
