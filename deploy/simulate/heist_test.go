package simulate_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// robbed is a theft and what is known of its token.
type robbed struct {
	*chronicle
	simulate.Story
	calls []simulate.Record
	token simulate.Token
	zone  *time.Location
	from  map[netip.Addr]bool
}

func (h *chronicle) thefts(t *testing.T) {
	checks := map[string]func(*robbed, *testing.T){
		simulate.NightAbroad: (*robbed).nightAbroad, simulate.SlowUse: (*robbed).slowUse, simulate.Burst: (*robbed).burst,
		simulate.ManyHosts: (*robbed).manyHosts, simulate.BusinessHours: (*robbed).businessHours, simulate.OwnNetwork: (*robbed).ownNetwork,
	}
	for i, s := range h.stories {
		if !s.Theft || len(h.told[i]) == 0 {
			continue
		}
		r := &robbed{chronicle: h, Story: s, calls: h.told[i], token: h.tokens[s.Index], from: map[netip.Addr]bool{}}
		r.zone = h.zone(t, s.Index)
		for _, call := range r.calls {
			r.from[address(t, call)] = true
		}
		checks[s.Kind](r, t)
	}
}

// zone is where a token's user lives.
func (h *chronicle) zone(t *testing.T, index int) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(h.tokens[index].Zone)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// stranger says whether none of the theft's addresses was ever the owner's.
func (r *robbed) stranger() bool {
	for a := range r.from {
		if r.before[r.Index][a] {
			return false
		}
	}
	return true
}

func (r *robbed) nightAbroad(t *testing.T) {
	if len(r.Countries) != 1 || r.Countries[0] == r.token.Country || !r.stranger() {
		t.Errorf("from %v, the owner lives in %s", r.Countries, r.token.Country)
	}
	if hour := r.From.In(r.zone).Hour(); hour > 9 {
		t.Errorf("begins at %d o'clock for the owner in %s", hour, r.token.City)
	}
}

func (r *robbed) slowUse(t *testing.T) {
	hours := r.End.Sub(r.Start).Hours()
	if hours < 16 || hours > 31 || float64(len(r.calls)) > 36*hours {
		t.Errorf("%d requests in %.1f hours", len(r.calls), hours)
	}
	if len(r.from) != 1 || !r.stranger() {
		t.Errorf("from %v", r.from)
	}
}

func (r *robbed) burst(t *testing.T) {
	if len(r.from) != 1 || r.stranger() {
		t.Errorf("a burst on a %s token from %v, which is not the owner's", r.token.Class, r.from)
	}
	days, total := 0, 0
	for day, n := range r.daily[r.Index] {
		if day < r.Start.Unix()/86400 {
			days, total = days+1, total+n
		}
	}
	hour := float64(total) / float64(days) / 24
	if rate := float64(len(r.calls)) / r.End.Sub(r.Start).Hours(); rate < 6*hour {
		t.Errorf("%.0f requests an hour, %.1f on average before", rate, hour)
	}
}

func (r *robbed) manyHosts(t *testing.T) {
	if len(r.from) < 12 || len(r.Countries) < 5 {
		t.Errorf("%d addresses in %v", len(r.from), r.Countries)
	}
}

func (r *robbed) businessHours(t *testing.T) {
	if len(r.Countries) != 1 || r.Countries[0] != r.token.Country || !r.stranger() {
		t.Errorf("from %v, the owner lives in %s", r.Countries, r.token.Country)
	}
	for a := range r.from {
		if r.fleet.Operators(r.Index)[r.operator(a)] {
			t.Errorf("%v is of an operator that the owner uses", a)
		}
	}
	local := r.Start.In(r.zone)
	if wd := local.Weekday(); local.Hour() < 8 || local.Hour() > 16 || (wd == time.Saturday || wd == time.Sunday) && r.token.Country != "IL" && r.token.Country != "EG" && r.token.Country != "BD" {
		t.Errorf("begins at %v", local)
	}
}

func (r *robbed) ownNetwork(t *testing.T) {
	for a := range r.from {
		known := r.fleet.Operators(r.Index)
		if at := r.operator(a); !known[at] {
			t.Errorf("%v is of AS%d, not of %v", a, at, known)
		}
	}
	if name := agent(t, r.calls[0]); !r.agents[r.Index][name] && r.token.Class != simulate.Cron {
		t.Errorf("called by %q, the owner uses %v", name, r.agents[r.Index])
	}
}

func (h *chronicle) confusers(t *testing.T) {
	tokens := map[string]int{}
	for i, s := range h.stories {
		if s.Theft {
			continue
		}
		tokens[s.Kind] += 1 + len(s.Others)
		from, agents := map[netip.Addr]bool{}, map[string]bool{}
		for _, r := range h.told[i] {
			from[address(t, r)], agents[agent(t, r)] = true, true
		}
		switch length := s.To.Sub(s.From); s.Kind {
		case simulate.ClockChange:
			_, before := s.From.Add(-2 * time.Hour).In(h.zone(t, s.Index)).Zone()
			if _, now := s.From.In(h.zone(t, s.Index)).Zone(); now == before {
				t.Errorf("no clock changes in %s at %v", h.tokens[s.Index].Zone, s.From)
			}
		case simulate.Holiday:
			if on := s.From.In(h.zone(t, s.Index)); !simulate.DayOff(h.tokens[s.Index].Country, on) {
				t.Errorf("%v is no holiday in %s", on, h.tokens[s.Index].Country)
			}
		case simulate.Deploy, simulate.EgressSwitch:
			if len(s.Others) < 3 {
				t.Errorf("%s of %d tokens", s.Kind, 1+len(s.Others))
			}
		case simulate.Journey:
			if len(h.told[i]) > 30 && length > 3*24*time.Hour && len(s.Countries) == 1 && s.Countries[0] == h.tokens[s.Index].Country {
				t.Errorf("a journey within %v", s.Countries)
			}
		}
	}
	if tokens[simulate.LaunchDay] < 12 {
		t.Errorf("a launch of %d tokens", tokens[simulate.LaunchDay])
	}
}

func (h *chronicle) workers(t *testing.T) {
	addresses, n := 0, 0
	for i, token := range h.tokens {
		if token.Class == simulate.Worker && len(h.before[i]) > 0 {
			addresses += len(h.before[i])
			n++
		}
	}
	if n < 20 || addresses < 70*n {
		t.Errorf("%d tokens of workers had %d addresses in four weeks", n, addresses)
	}
}
