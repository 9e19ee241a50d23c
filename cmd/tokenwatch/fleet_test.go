package main

import (
	"flag"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/schema"
)

// How large the fleets are that TestFleet looks at, and how many. detect/EVALUATION.md has the command for large ones.
var (
	fleetTokens = flag.Int("fleet-tokens", 200, "tokens of TestFleet")
	fleetDays   = flag.Int("fleet-days", 20, "days of TestFleet; 28 of them, at most half, are there to learn from")
	fleetSeeds  = flag.Int("fleet-seeds", 1, "fleets that TestFleet looks at")
	firstFleet  = flag.Uint64("first-fleet", 1, "seed of the first of them")
)

// TestFleet plays fleets over weeks through decoder, databases and engine, and holds the scores against the truth, as
// backtest does. Figures are to be looked at: the test itself only asks that detection works at all. With -v it tells
// which thefts were missed and what alerted falsely.
func TestFleet(t *testing.T) {
	notUnderRace(t)
	places := placesOrSkip(t)
	all := &fleetScore{}
	for i := range uint64(*fleetSeeds) {
		seed := *firstFleet + i
		m := playFleet(t, places, fleetConfig(places, seed))
		m.discount(t, places)
		all.add(m)
		t.Logf("seed %d: %d records, %d token-days, %.2f alerts per 1,000 token-days\n%s", seed, m.report.Observed, m.report.TokenDays, m.report.PerToken, m.notes())
	}
	t.Logf("\n%s", all)
	night := all.kinds[simulate.Name(simulate.NightAbroad)]
	if night == nil || night.found*2 < night.thefts {
		t.Errorf("most of the nights abroad went unseen: %+v", night)
	}
	if all.thefts() < 2*len(simulate.TheftKinds())*(*fleetSeeds) {
		t.Errorf("only %d thefts in all", all.thefts())
	}
	if days := all.tokenDays; days == 0 || all.alerts*1000 > 40*days {
		t.Errorf("%d false alerts in %d token-days", all.alerts, days)
	}
}

// fleetConfig is a fleet that lives through a change of the clocks: to winter time for even seeds, to summer time for odd ones.
func fleetConfig(places *geo.Locator, seed uint64) simulate.Config {
	end := time.Date(2026, 11, 12, 0, 0, 0, 0, time.UTC)
	if seed%2 == 1 {
		end = time.Date(2026, 4, 12, 0, 0, 0, 0, time.UTC)
	}
	c := simulate.DefaultConfig()
	c.Seed, c.Tokens, c.Plan, c.Gateways, c.Locate = seed, *fleetTokens, simulate.DefaultPlan(), simulate.Gateways(), locateWith(places)
	all := time.Duration(*fleetDays) * 24 * time.Hour
	c.History = min(28*24*time.Hour, all/2)
	c.Live, c.End = all-c.History, end.Add(c.History-all)
	return c
}

// measured is one fleet's outcome.
type measured struct {
	config   simulate.Config
	fleet    *simulate.Fleet
	report   *backtest.Report
	outcomes []labelOutcome
	falsely  map[falseAlert]string // why
	labelled map[schema.TokenID][]int
	index    map[schema.TokenID]int
	anyway   map[int]bool // outcomes that have an alert without the change of the clocks as well
}

// labelOutcome is what became of one label.
type labelOutcome struct {
	simulate.Label
	best     float64
	requests int
	alerted  bool
	after    time.Duration
	cost     int
	why      string
}

// falseAlert is a token-day of ordinary life with an alert.
type falseAlert struct{ token, day int }

func playFleet(t *testing.T, places *geo.Locator, cfg simulate.Config) *measured {
	t.Helper()
	fleet, err := simulate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m := &measured{config: cfg, fleet: fleet, falsely: map[falseAlert]string{}, labelled: map[schema.TokenID][]int{}, index: map[schema.TokenID]int{}}
	ids := m.identify(t)
	var labels []backtest.Label
	for i, l := range fleet.Labels() {
		labels = append(labels, backtest.Label{Token: l.Token, Start: l.Start, End: l.End, Kind: l.Kind})
		m.outcomes = append(m.outcomes, labelOutcome{Label: l})
		m.labelled[ids[l.Token]] = append(m.labelled[ids[l.Token]], i)
	}
	tally := backtest.NewTally(cfg.End, labels, func(name string) []schema.TokenID { return []schema.TokenID{ids[name]} })
	p := newPlayer(t, places, time.Time{})
	p.engine = detect.New(detect.DefaultConfig(), "t", 0)
	decoders := map[string]*ingest.Decoder{} // to tell eleven formats apart takes longer than to read them
	for _, gateway := range simulate.Gateways() {
		decoders[gateway] = decoderOf(t, gateway, places)
	}
	tokens := fleet.Tokens()
	for r := range fleet.All() {
		p.at, p.decoder = r.Time.Add(time.Second), decoders[tokens[r.Token].Gateway]
		found := p.play(t, r)
		ev := &p.block.Events[0]
		score := p.engine.Score()
		if found != nil {
			score = max(score, found.Score)
		}
		tally.Observe(backtest.Observation{Token: ev.Token, At: ev.Time, Known: ev.Time, Requests: 1, Score: score})
		m.observe(ev, score, found, cfg.End)
	}
	m.report = tally.Report(detect.DefaultConfig().Budget, &backtest.Findings{})
	return m
}

// discount finds out which alerts at a change of the clocks are none of its making: the same fleet is played without it.
func (m *measured) discount(t *testing.T, places *geo.Locator) {
	t.Helper()
	change := "benign:" + simulate.Name(simulate.ClockChange)
	suspect := func(o labelOutcome) bool { return o.Kind == change && o.alerted }
	if !slices.ContainsFunc(m.outcomes, suspect) {
		return
	}
	cfg := m.config
	cfg.StopClocks = true
	without := playFleet(t, places, cfg)
	m.anyway = map[int]bool{}
	for i := range m.outcomes {
		if suspect(m.outcomes[i]) && without.outcomes[i].alerted {
			m.anyway[i] = true
			t.Logf("without the change of the clocks token %d alerts as well %s", m.outcomes[i].Index, without.outcomes[i].why)
		}
	}
}

// identify fingerprints the fleet's tokens as ingest does.
func (m *measured) identify(t *testing.T) map[string]schema.TokenID {
	t.Helper()
	pepper, err := ingest.ParsePepper(testPepper)
	if err != nil {
		t.Fatal(err)
	}
	f := ingest.NewFingerprinter(pepper)
	ids := map[string]schema.TokenID{}
	for _, token := range m.fleet.Tokens() {
		id := f.Token([]byte(token.Secret))
		if token.Credential != "" {
			id = f.Credential(token.Gateway, []byte(token.Credential))
		}
		ids[token.Logged()], m.index[id] = id, token.Index
	}
	return ids
}

// observe notes what an event's score says of its token's labels, or of its ordinary life.
func (m *measured) observe(ev *schema.Event, score float64, found *schema.Finding, warm time.Time) {
	why := ""
	if found != nil {
		why = reasons(found)
	}
	touched := false
	for _, i := range m.labelled[ev.Token] {
		o := &m.outcomes[i]
		if day := dayOf(ev.Time); day >= dayOf(o.Start) && day <= dayOf(o.End)+1 {
			touched = true // no day of ordinary life, as in backtest: evidence fades
		}
		if ev.Time.Before(o.Start) || !ev.Time.Before(o.End) {
			continue
		}
		o.requests++
		o.best = max(o.best, score)
		if score >= 1 && !o.alerted {
			o.alerted, o.after, o.cost, o.why = true, ev.Time.Sub(o.Start), o.requests, why
		}
	}
	if !touched && score >= 1 && !ev.Time.Before(warm) {
		day := falseAlert{m.index[ev.Token], dayOf(ev.Time)}
		if m.falsely[day] == "" {
			m.falsely[day] = why
		}
	}
}

func dayOf(at time.Time) int { return int(at.Unix() / 86400) }
