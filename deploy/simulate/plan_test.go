package simulate_test

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// planned is a fleet with thefts and confusers over weeks, across the beginning of summer time and Easter.
func planned(seed uint64, tokens int) simulate.Config {
	c := simulate.DefaultConfig()
	c.Seed, c.Tokens, c.End = seed, tokens, time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC)
	c.History, c.Live, c.Plan = 10*24*time.Hour, 15*24*time.Hour, simulate.DefaultPlan()
	return c
}

// chronicle is what one pass over a planned fleet tells.
type chronicle struct {
	fleet    *simulate.Fleet
	config   simulate.Config
	stories  []simulate.Story
	tokens   []simulate.Token
	told     [][]simulate.Record     // by story
	before   []map[netip.Addr]bool   // addresses of each token, outside of thefts
	agents   []map[string]bool       // and its programs
	daily    map[int]map[int64]int   // requests by token and UTC day, outside of thefts
	operator func(netip.Addr) uint32 // AS number of an address
}

func chronicleOf(t *testing.T, c simulate.Config) *chronicle {
	t.Helper()
	f := fleet(t, c)
	h := &chronicle{fleet: f, config: c, stories: f.Stories(), tokens: f.Tokens(), daily: map[int]map[int64]int{}, operator: simulate.Operator()}
	h.told = make([][]simulate.Record, len(h.stories))
	h.before, h.agents = make([]map[netip.Addr]bool, len(h.tokens)), make([]map[string]bool, len(h.tokens))
	for i := range h.tokens {
		h.before[i], h.agents[i], h.daily[i] = map[netip.Addr]bool{}, map[string]bool{}, map[int64]int{}
	}
	last := c.End.Add(-c.History)
	for r := range f.All() {
		if r.Time.Before(last) || !r.Time.Before(c.End.Add(c.Live)) {
			t.Fatalf("a record of %v after one of %v", r.Time, last)
		}
		last = r.Time
		if r.Story >= 0 {
			h.told[r.Story] = append(h.told[r.Story], r)
		}
		if r.Story < 0 || !h.stories[r.Story].Theft {
			h.before[r.Token][address(t, r)] = true
			h.agents[r.Token][agent(t, r)] = true
			h.daily[r.Token][r.Time.Unix()/86400]++
		}
	}
	return h
}

func agent(t testing.TB, r simulate.Record) string {
	t.Helper()
	for _, name := range []string{`"http_user_agent":"`, `"user-agent":"`} {
		if _, rest, found := strings.Cut(string(r.Value), name); found {
			return rest[:strings.IndexByte(rest, '"')]
		}
	}
	t.Fatalf("no program in %s", r.Value)
	return ""
}

func TestPlan(t *testing.T) {
	h := chronicleOf(t, planned(3, 500))
	t.Run("there are all kinds of it", h.allKinds)
	t.Run("stories are where they say", h.stand)
	t.Run("labels tell them", h.labels)
	t.Run("thefts are what they are called", h.thefts)
	t.Run("confusers are what they are called", h.confusers)
	t.Run("machines come and go", h.workers)
}

func (h *chronicle) allKinds(t *testing.T) {
	kinds := map[string]int{}
	for _, s := range h.stories {
		kinds[s.Kind]++
	}
	for _, kind := range simulate.TheftKinds() {
		if kinds[kind] != 3 { // three at least
			t.Errorf("%d of %s", kinds[kind], kind)
		}
	}
	for _, kind := range simulate.ConfuserKinds() {
		if kinds[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
}

func (h *chronicle) stand(t *testing.T) {
	used := map[int]string{}
	for i, s := range h.stories {
		for _, index := range append([]int{s.Index}, s.Others...) {
			if other := used[index]; other != "" {
				t.Errorf("token %d is in %s and in %s", index, other, s.Kind)
			}
			used[index] = s.Kind
		}
		if s.From.Before(h.config.End.Add(-time.Second)) {
			t.Errorf("%s begins at %v, within the time that is there to learn from", s.Kind, s.From)
		}
		if s.Requests != len(h.told[i]) {
			t.Errorf("%s says %d requests, has %d", s.Kind, s.Requests, len(h.told[i]))
		}
		for _, r := range h.told[i] {
			if r.Token != s.Index && !slices.Contains(s.Others, r.Token) {
				t.Fatalf("%s has a request of token %d", s.Kind, r.Token)
			}
			if s.Theft && (r.Time.Before(s.From) || r.Time.After(s.To)) {
				t.Fatalf("%s from %v to %v has a request at %v", s.Kind, s.From, s.To, r.Time)
			}
		}
	}
}

func (h *chronicle) labels(t *testing.T) {
	for _, l := range h.fleet.Labels() {
		s := h.stories[l.Story]
		if benign := strings.HasPrefix(l.Kind, "benign:"); benign == s.Theft || !strings.HasSuffix(l.Kind, simulate.Name(s.Kind)) {
			t.Errorf("%s is labelled %s", s.Kind, l.Kind)
		}
		if h.tokens[l.Index].Logged() != l.Token || !l.Start.Before(l.End) {
			t.Errorf("label %+v", l)
		}
		field := strings.Split(l.String(), ",")
		if len(field) != 4 || field[0] != l.Token || field[1] != l.Start.Format("2006-01-02T15:04:05Z") {
			t.Errorf("line %q", l)
		}
	}
	named := h.told[0][0]
	if l := h.fleet.Labels()[0]; !strings.Contains(string(named.Value), h.tokens[named.Token].Logged()) || l.Story != 0 {
		t.Errorf("the label names %s, the record is %s", h.tokens[named.Token].Logged(), named.Value)
	}
}

func TestPlanSameBytes(t *testing.T) {
	digest := func() string {
		c := planned(7, 60)
		c.Gateways = simulate.Gateways()
		f, sum := fleet(t, c), sha256.New()
		for r := range f.All() {
			fmt.Fprintf(sum, "%d %s %d ", r.Time.UnixNano(), r.Key, r.Story)
			sum.Write(r.Value)
		}
		return fmt.Sprintf("%x %v %v", sum.Sum(nil), f.Labels(), f.Stories())
	}
	if first, second := digest(), digest(); first != second {
		t.Error("the same configuration gave other records or labels")
	}
}

func TestPlanIsHeardTo(t *testing.T) {
	c := planned(9, 1000)
	c.Plan = &simulate.Plan{Thefts: []simulate.Theft{simulate.DefaultTheft(simulate.SlowUse)}}
	theft := &c.Plan.Thefts[0]
	theft.Share, theft.Rate, theft.Hours = 0.02, simulate.Range{Low: 100, High: 100}, simulate.Range{Low: 3, High: 3}
	theft.From, theft.To = c.End.Add(5*24*time.Hour), c.End.Add(6*24*time.Hour)
	stories := fleet(t, c).Stories()
	if len(stories) != 20 {
		t.Errorf("%d thefts, not 20", len(stories))
	}
	for _, s := range stories {
		if s.From.Before(theft.From) || s.From.After(theft.To) || s.Requests < 230 || s.Requests > 370 || s.To.Sub(s.From) > 4*time.Hour {
			t.Errorf("%d requests from %v to %v", s.Requests, s.From, s.To)
		}
	}
}

func TestPlanErrors(t *testing.T) {
	for want, spoil := range map[string]func(*simulate.Config){
		"theft burst: share: 0.5 is not between":         func(c *simulate.Config) { c.Plan.Thefts[2].Share = 0.5 },
		"theft burst: rate: 9 to 3 is not within":        func(c *simulate.Config) { c.Plan.Thefts[2].Rate = simulate.Range{Low: 9, High: 3} },
		"theft gossip: is none of other_country_at_nigh": func(c *simulate.Config) { c.Plan.Thefts[0].Kind = "gossip" },
		"confuser gossip: is none of round_the_clock":    func(c *simulate.Config) { c.Plan.Confusers[0].Kind = "gossip" },
		"history and live: 1h0m0s and 360h0m0s are not":  func(c *simulate.Config) { c.History = time.Hour },
		`gateways: "iis" is none of apisix`:              func(c *simulate.Config) { c.Gateways = []string{"iis"} },
	} {
		c := planned(1, 300)
		spoil(&c)
		if _, err := simulate.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, not %q", err, want)
		}
	}
}
