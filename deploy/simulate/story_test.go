package simulate_test

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

func address(t testing.TB, r simulate.Record) netip.Addr {
	t.Helper()
	for _, name := range []string{`"remote_addr":"`, `"client_ip":"`} {
		if _, rest, found := bytes.Cut(r.Value, []byte(name)); found {
			return netip.MustParseAddr(string(rest[:bytes.IndexByte(rest, '"')]))
		}
	}
	t.Fatalf("no client address in %s", r.Value)
	return netip.Addr{}
}

// scenes are the live records of each story.
func scenes(f *simulate.Fleet) [][]simulate.Record {
	all := make([][]simulate.Record, len(f.Stories()))
	for r := range f.Live() {
		if r.Story >= 0 {
			all[r.Story] = append(all[r.Story], r)
		}
	}
	return all
}

func TestStoriesHoldAtAnyHour(t *testing.T) {
	for hour := range 24 {
		for _, day := range []int{0, 3} { // a Wednesday and a Saturday
			c := config(uint64(100*day + hour))
			c.End = end.Truncate(24*time.Hour).AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour + 17*time.Minute)
			f, err := simulate.New(c)
			if err != nil {
				t.Errorf("%v: %v", c.End, err)
				continue
			}
			checkStories(t, c, f)
		}
	}
}

func checkStories(t *testing.T, c simulate.Config, f *simulate.Fleet) {
	t.Helper()
	thefts, confusers, used := map[string]bool{}, map[string]bool{}, map[int]bool{}
	tokens, told := f.Tokens(), scenes(f)
	for i, s := range f.Stories() {
		kinds := confusers
		if s.Theft {
			kinds = thefts
		}
		kinds[s.Kind] = true
		cast := append([]int{s.Index}, s.Others...)
		for _, index := range cast {
			if used[index] {
				t.Errorf("%v: token %d is in two stories", c.End, index)
			}
			used[index] = true
			if tokens[index].Since.After(c.End.Add(-14 * 24 * time.Hour)) {
				t.Errorf("%v: %s: token %d has no history", c.End, s.Kind, index)
			}
		}
		if s.Requests != len(told[i]) || s.Requests < 3 {
			t.Errorf("%v: %s says %d requests, has %d", c.End, s.Kind, s.Requests, len(told[i]))
			continue
		}
		first, last := told[i][0].Time, told[i][len(told[i])-1].Time
		if !first.Equal(s.Start) || !last.Equal(s.End) || first.Before(c.End) || !last.Before(c.End.Add(c.Live)) {
			t.Errorf("%v: %s says %v to %v, runs %v to %v", c.End, s.Kind, s.Start, s.End, first, last)
		}
		for _, r := range told[i] {
			if !slices.Contains(cast, r.Token) {
				t.Fatalf("%v: %s has a request of token %d", c.End, s.Kind, r.Token)
			}
		}
	}
	if len(thefts) < 4 || len(confusers) < 3 {
		t.Errorf("%v: thefts %v, confusers %v", c.End, thefts, confusers)
	}
}

func story(t *testing.T, f *simulate.Fleet, kind string) (simulate.Story, []simulate.Record) {
	t.Helper()
	for i, s := range f.Stories() {
		if s.Kind == kind {
			return s, scenes(f)[i]
		}
	}
	t.Fatalf("no story %q", kind)
	return simulate.Story{}, nil
}

// past is a token's own history.
func past(f *simulate.Fleet, index int) []simulate.Record {
	return slices.Collect(f.Past(index))
}

func TestThiefAtNight(t *testing.T) {
	for seed := range uint64(12) {
		f := fleet(t, config(seed))
		s, calls := story(t, f, simulate.NightAbroad)
		owner := f.Tokens()[s.Index]
		zone, err := time.LoadLocation(owner.Zone)
		if err != nil {
			t.Fatal(err)
		}
		if hour := s.Start.In(zone).Hour(); hour >= 5 {
			t.Errorf("seed %d: begins at %d o'clock for the owner in %s", seed, hour, owner.City)
		}
		if len(s.Countries) != 1 || s.Countries[0] == owner.Country {
			t.Errorf("seed %d: from %v, the owner lives in %s", seed, s.Countries, owner.Country)
		}
		if len(calls) < 20 {
			t.Errorf("seed %d: %d requests", seed, len(calls))
		}
	}
}

// TestBurstIsTwentyTimesBusy holds bursts against what their tokens do in as long a time, jobs too, which make all requests
// of an hour within minutes.
func TestBurstIsTwentyTimesBusy(t *testing.T) {
	for seed := range uint64(12) {
		f := fleet(t, config(20+seed))
		s, calls := story(t, f, simulate.Burst)
		windows, days := map[int64]int{}, map[int64]bool{}
		for _, r := range past(f, s.Index) {
			if end.Sub(r.Time) < 14*24*time.Hour {
				windows[r.Time.Unix()/600]++
				days[r.Time.Unix()/86400] = true
			}
		}
		counts := slices.Sorted(maps.Values(windows))
		busy, minutes := float64(counts[len(counts)*9/10]), s.End.Sub(s.Start).Minutes()
		if rate := 10 * float64(len(calls)) / minutes; rate < 12*busy || rate > 32*busy || len(days) < 7 {
			t.Errorf("%s: %.0f requests in ten minutes, where %.0f are busy on %d days", s.Title, rate, busy, len(days))
		}
		if minutes < 8 || minutes > 22 {
			t.Errorf("lasts %.1f minutes", minutes)
		}
		from := map[netip.Addr]bool{}
		for _, r := range calls {
			from[address(t, r)] = true
		}
		if len(from) != 1 {
			t.Errorf("comes from %d addresses", len(from))
		}
	}
}

// TestThievesAreStrangers: what a demo shows is nobody who might be the owner with the usual program, or around the corner.
func TestThievesAreStrangers(t *testing.T) {
	for seed := range uint64(8) {
		f := fleet(t, config(40+seed))
		for _, kind := range []string{simulate.NightAbroad, simulate.Burst, simulate.SlowUse} {
			s, calls := story(t, f, kind)
			program, _, _ := strings.Cut(agent(t, calls[0]), "/")
			for _, r := range past(f, s.Index) {
				if own, _, _ := strings.Cut(agent(t, r), "/"); own == program {
					t.Errorf("%s: with %s, which the owner uses", s.Title, agent(t, calls[0]))
					break
				}
			}
			if owner := f.Tokens()[s.Index]; kind == simulate.SlowUse && strings.HasSuffix(s.Title, " in "+owner.City+" ("+owner.Country+").") {
				t.Errorf("%s: the owner's own town", s.Title)
			}
		}
	}
}

func TestManyHosts(t *testing.T) {
	f := fleet(t, config(22))
	s, calls := story(t, f, simulate.ManyHosts)
	from := map[netip.Addr]bool{}
	for _, r := range calls {
		from[address(t, r)] = true
	}
	if len(from) < 15 || len(from) > 60 || len(s.Countries) < 6 {
		t.Errorf("%d addresses in %v", len(from), s.Countries)
	}
}

func TestSlowUseIsSlowNewAndLong(t *testing.T) {
	f := fleet(t, config(23))
	s, calls := story(t, f, simulate.SlowUse)
	if s.End.Sub(s.Start) < 100*time.Minute || len(calls) < 25 || len(calls) > 130 {
		t.Errorf("%d requests in %v", len(calls), s.End.Sub(s.Start))
	}
	thief := address(t, calls[0])
	for _, r := range past(f, s.Index) {
		if address(t, r) == thief {
			t.Fatalf("the owner used %v at %v", thief, r.Time)
		}
	}
}

func TestTravellerIsSilentInTheAir(t *testing.T) {
	for seed := range uint64(6) {
		f := fleet(t, config(seed))
		s, _ := story(t, f, simulate.Journey)
		own := past(f, s.Index)
		for r := range f.Live() {
			if r.Token == s.Index && r.Story == -1 && r.Time.After(s.Start.Add(-3*time.Hour)) {
				t.Errorf("seed %d: a request at %v from elsewhere, landed %v", seed, r.Time, s.Start)
			}
		}
		if len(own) < 20 {
			t.Errorf("seed %d: %d requests before the flight", seed, len(own))
		}
		if last := own[len(own)-1].Time; s.Start.Sub(last) < 150*time.Minute {
			t.Errorf("seed %d: at home until %v, at work abroad at %v", seed, last, s.Start)
		}
	}
}

func TestLateJobDidNotRunWhenDue(t *testing.T) {
	f := fleet(t, config(24))
	s, calls := story(t, f, simulate.LateJob)
	own := past(f, s.Index)
	if gap := s.Start.Sub(own[len(own)-1].Time); gap < 5*time.Hour {
		t.Errorf("ran %v before", gap)
	}
	if address(t, calls[0]) != address(t, own[len(own)-1]) {
		t.Error("runs on another machine than the day before")
	}
}

func TestNewOfficeIsNewInTheSameCountry(t *testing.T) {
	f := fleet(t, config(25))
	s, calls := story(t, f, simulate.NewOffice)
	person := f.Tokens()[s.Index]
	if len(s.Countries) != 1 || s.Countries[0] != person.Country {
		t.Errorf("in %v, the people live in %s", s.Countries, person.Country)
	}
	building := address(t, calls[0])
	there := []byte(`":"` + building.String() + `"`)
	for _, index := range append(s.Others, s.Index) {
		for _, r := range past(f, index) {
			if bytes.Contains(r.Value, there) {
				t.Fatalf("token %d was there before", index)
			}
		}
	}
}

func TestLaunchDayRaisesTheRate(t *testing.T) {
	var launch, before float64
	for seed := range uint64(8) {
		f := fleet(t, config(30+seed))
		s, calls := story(t, f, simulate.LaunchDay)
		launch += float64(len(calls))
		length := end.Add(2 * time.Hour).Sub(s.Start)
		for _, r := range past(f, s.Index) {
			if ago := s.Start.Sub(r.Time); ago < 7*24*time.Hour && ago > 7*24*time.Hour-length { // last week, same hours
				before++
			}
		}
	}
	if ratio := launch / before; ratio < 1.5 || ratio > 4.5 {
		t.Errorf("%.0f requests, %.0f in the same hours a week ago", launch, before)
	}
}
