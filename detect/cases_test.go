package detect_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// pattern is a line of events.jsonl: requests of one token that repeat.
type pattern struct {
	Token   string    `json:"token"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`      // exclusive; a single event when absent
	Every   string    `json:"every"`   // between bursts, a Go duration
	Burst   int       `json:"burst"`   // requests at once, a second apart at most; default 1
	Within  string    `json:"within"`  // the burst is spread over this; default 1s
	Hours   [2]int    `json:"hours"`   // UTC, from and to, both inclusive; all when absent
	Weekend bool      `json:"weekend"` // also on Saturday and Sunday
	Country string    `json:"country"`
	City    string    `json:"city"`
	Lat     float32   `json:"lat"`
	Lon     float32   `json:"lon"`
	ASN     uint32    `json:"asn"`
	Network string    `json:"network"`
	IP      string    `json:"ip"`
	Client  string    `json:"client"`
	doing

	Agent       string `json:"agent"` // User-Agent
	Consumer    string `json:"consumer"`
	Environment string `json:"environment"`
	Tokens      int    `json:"tokens"`      // that many tokens, named token-0, token-1, ...
	Stagger     string `json:"stagger"`     // how much later each of them begins
	Apart       bool   `json:"apart"`       // each has a consumer of its own
	OneAddress  bool   `json:"one_address"` // those that are apart share their address
}

type wanted struct {
	About     string  `json:"about"`
	AlertNats float64 `json:"alert_nats"`
	Findings  []struct {
		Token     string    `json:"token"`
		Detectors []string  `json:"detectors"` // of the first finding, all that spoke
		Key       string    `json:"key"`       // one of its reasons
		Before    time.Time `json:"before"`    // the first finding is not later
	} `json:"findings"`
}

// TestCases plays testdata/<case>/events.jsonl and compares the tokens with findings
// to want.json. Each detector has cases that are found and cases that stay quiet.
func TestCases(t *testing.T) {
	dirs, err := filepath.Glob("testdata/*/want.json")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var want wanted
			readJSON(t, file, &want)
			events := readEvents(t, filepath.Join(dir, "events.jsonl"))
			cfg := detect.DefaultConfig()
			if want.AlertNats > 0 {
				cfg.AlertNats = want.AlertNats
			}
			check(t, want, firstFindings(detect.New(cfg, "t", 0), events))
		})
	}
}

func check(t *testing.T, want wanted, got map[schema.TokenID]*schema.Finding) {
	t.Helper()
	for _, w := range want.Findings {
		f := got[tokenOf(w.Token)]
		if f == nil {
			t.Errorf("%s: no finding", w.Token)
			continue
		}
		delete(got, f.Token)
		var names, keys []string
		for _, e := range f.Evidence {
			names, keys = append(names, e.Detector), append(keys, e.Key)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		if !slices.Equal(names, w.Detectors) {
			t.Errorf("%s: detectors %v, want %v (%s)", w.Token, names, w.Detectors, f.Summary)
		}
		if w.Key != "" && !slices.Contains(keys, w.Key) {
			t.Errorf("%s: keys %v lack %s", w.Token, keys, w.Key)
		}
		if !w.Before.IsZero() && f.Time.After(w.Before) {
			t.Errorf("%s: found at %s, want by %s", w.Token, f.Time, w.Before)
		}
	}
	for _, f := range got {
		t.Errorf("unwanted finding for %s at %s, score %.2f: %s %s", f.TokenHint, f.Time, f.Score, f.Summary, reasons(f))
	}
}

func firstFindings(e *detect.Engine, events []schema.Event) map[schema.TokenID]*schema.Finding {
	first := map[schema.TokenID]*schema.Finding{}
	for i := range events {
		if f := e.Process(&events[i]); f != nil && first[f.Token] == nil {
			first[f.Token] = f
		}
	}
	return first
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func readEvents(t *testing.T, file string) []schema.Event {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var events []schema.Event
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var p pattern
		d := json.NewDecoder(strings.NewReader(lines.Text()))
		d.DisallowUnknownFields()
		if err := d.Decode(&p); err != nil {
			t.Fatalf("%s: %v in %s", file, err, lines.Text())
		}
		for _, one := range p.each(t) {
			events = append(events, one.events(t)...)
		}
	}
	return inOrder(events)
}

func inOrder(events []schema.Event) []schema.Event {
	sort.SliceStable(events, func(i, j int) bool { return events[i].Time.Before(events[j].Time) })
	for i := range events {
		events[i].Topic, events[i].Offset = "t", int64(i)
	}
	return events
}

// each is the pattern of each of its tokens.
func (p *pattern) each(t *testing.T) []pattern {
	t.Helper()
	if p.Tokens == 0 {
		return []pattern{*p}
	}
	var list []pattern
	for i := range p.Tokens {
		one := *p
		one.Token = fmt.Sprint(p.Token, "-", i)
		one.From = p.From.Add(time.Duration(i) * duration(t, p.Stagger, 0))
		if p.Apart {
			one.Consumer = fmt.Sprint(p.Consumer, i)
		}
		if p.Apart && !p.OneAddress {
			one.IP = netip.MustParseAddr(p.IP).Next().String()
			for range i {
				one.IP = netip.MustParseAddr(one.IP).Next().String()
			}
		}
		list = append(list, one)
	}
	return list
}

func (p *pattern) events(t *testing.T) []schema.Event {
	t.Helper()
	every, within := duration(t, p.Every, time.Hour), duration(t, p.Within, time.Second)
	if p.To.IsZero() {
		p.To = p.From.Add(1)
	}
	var events []schema.Event
	for at := p.From; at.Before(p.To); at = at.Add(every) {
		p.day = int(at.Sub(p.From) / (24 * time.Hour))
		weekend := at.Weekday() == time.Saturday || at.Weekday() == time.Sunday
		awake := p.Hours == [2]int{} || p.Hours[0] <= at.Hour() && at.Hour() <= p.Hours[1]
		if weekend && !p.Weekend || !awake {
			continue
		}
		for k := range max(1, p.Burst) {
			one := p.event(t, at.Add(within*time.Duration(k)/time.Duration(max(1, p.Burst))))
			events = append(events, p.vary(one, len(events))...)
		}
	}
	return events
}

func (p *pattern) event(t *testing.T, at time.Time) schema.Event {
	t.Helper()
	ev := schema.Event{
		Time: at, Ingested: at, Token: tokenOf(p.Token), TokenHint: p.Token, Client: p.Client, Status: 200, Consumer: p.Consumer, Environment: p.Environment, UserAgent: p.Agent,
		Place: schema.Place{Country: p.Country, City: p.City, Lat: p.Lat, Lon: p.Lon, AccuracyKM: 50, ASN: p.ASN, ASOrg: fmt.Sprint("Org ", p.ASN)},
	}
	if p.Network != "" {
		if err := ev.Network.UnmarshalText([]byte(p.Network)); err != nil {
			t.Fatal(err)
		}
	}
	if p.IP != "" {
		ev.IP = netip.MustParseAddr(p.IP)
	}
	return ev
}

func duration(t *testing.T, s string, otherwise time.Duration) time.Duration {
	t.Helper()
	if s == "" {
		return otherwise
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func tokenOf(name string) (id schema.TokenID) {
	copy(id[:], name+strings.Repeat("_", len(id)))
	return id
}

func reasons(f *schema.Finding) string {
	var s []string
	for _, e := range f.Evidence {
		s = append(s, fmt.Sprintf("%s %.1f", e.Key, e.LLR))
	}
	return strings.Join(s, ", ")
}
