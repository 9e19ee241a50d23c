package detect_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// inside is a place that no database knows: the owner's own machines, in a private network.
var inside = schema.Place{}

// insider is a token of fourteen days that is used around the clock from where no database knows the address, like
// others.
func insider(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, engine: detect.New(detect.DefaultConfig(), "t", 0), at: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	s.aroundTheClock(14)
	if len(s.found) > 0 {
		t.Fatalf("a working life is suspicious: %s", s.found[0].Summary)
	}
	return s
}

func (s *scene) aroundTheClock(days int) {
	for range days {
		for i := range 24 * 6 {
			s.request(time.Duration(i)*10*time.Minute, inside, "python-requests/2")
			at := s.at.Add(time.Duration(i)*10*time.Minute + time.Minute)
			s.play([]schema.Event{{Time: at, Ingested: at, Token: tokenOf(fmt.Sprint("other", i%30)), Client: "python-requests/2", Topic: "t", Offset: s.offset}})
			s.offset++
		}
		s.at = s.at.AddDate(0, 0, 1)
	}
}

// theft is three hours in which a leaked key is used with a program from forty networks of twelve countries, and now and
// then by the owner.
func (s *scene) theft(client string) (events []schema.Event) {
	for i := range 540 {
		nation := string([]byte{'A' + byte(i/5%12), 'X'})
		with, place := client, schema.Place{Country: nation, City: "Town " + nation, Lat: float32(5 * (i / 5 % 12)), Lon: 10, AccuracyKM: 50, ASN: uint32(60000 + i%40), ASOrg: "Rented", Network: schema.NetworkHosting}
		from := netip.AddrFrom4([4]byte{99, byte(i / 5 % 12), byte(i % 40), 1})
		if i%60 == 59 {
			with, place, from = "python-requests/2", inside, netip.AddrFrom4([4]byte{10, 0, 0, 1})
		}
		at := s.at.Add(time.Duration(i) * 20 * time.Second)
		events = append(events, schema.Event{
			Time: at, Ingested: at, Token: tokenOf("ann"), Consumer: "acme", Environment: "prod", IP: from, Place: place, Client: with, UserAgent: with + ".31",
			Method: "GET", Route: "/v1/x", Status: 200, Topic: "t", Offset: s.offset,
		})
		s.offset++
	}
	return events
}

func (s *scene) play(events []schema.Event) {
	for i := range events {
		if f := s.engine.Process(&events[i]); f != nil {
			s.found = append(s.found, *f)
		}
	}
}

// known is what explain tells of the token, after the scene's clock.
func (s *scene) known(after time.Duration) *detect.Portrait {
	s.t.Helper()
	of, shared := rows(s.engine)
	p, err := detect.Explain(detect.DefaultConfig(), of[tokenOf("ann")], shared, s.at.Add(after))
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// habitsOf are the names of all that a portrait has for the token's own.
func habitsOf(p *detect.Portrait) (names []string) {
	for _, list := range [][]detect.Habit{p.Countries, p.Places, p.Networks, p.Clients} {
		for _, h := range list {
			names = append(names, h.Name)
		}
	}
	slices.Sort(names)
	return append(names, fmt.Sprint(p.Agents, " agents"))
}

// TestTheftTeachesNothing: thieves in many places are found by their number, and no detector finds any of the places odd,
// since the token has none to compare them with. They are not learnt for that, however often they come.
func TestTheftTeachesNothing(t *testing.T) {
	for name, client := range map[string]string{"the owner's program": "python-requests/2", "a version of it": "python-requests/9", "another program": "curl/8"} {
		t.Run(name, func(t *testing.T) {
			s := insider(t)
			before := habitsOf(s.known(0))
			for day := range 3 {
				s.play(s.theft(client))
				if len(s.found) == 0 {
					t.Fatal("the theft is not found: nothing is tested")
				}
				p := s.known(3 * time.Hour)
				if got := habitsOf(p); !slices.Equal(got, before) || p.Quarantine.IsZero() {
					t.Errorf("day %d, in quarantine until %s: the thief has taught %v, it was %v", day, p.Quarantine, got, before)
				}
				s.at = s.at.AddDate(0, 0, 1)
			}
			if n := s.engine.DaysFromMachines(tokenOf("ann")); n > 1 { // of the first day's first minutes
				t.Errorf("rented machines are the owner's on %d days", n)
			}
			s.aroundTheClock(1)
			if got := habitsOf(s.known(0)); !slices.Equal(got, before) {
				t.Errorf("a day later it is %v, it was %v", got, before)
			}
		})
	}
}

// TestQuarantineEnds: what was held back is learnt, on probation, as soon as nothing suspicious has come for a day, and at
// once when the owner answers for what was alerted.
func TestQuarantineEnds(t *testing.T) {
	for name, answers := range map[string]bool{"by time": false, "by the owner's verdict": true} {
		t.Run(name, func(t *testing.T) {
			s := insider(t)
			s.play(s.theft("python-requests/2"))
			s.request(4*time.Hour, berlin, "python-requests/2")
			if p := s.known(4 * time.Hour); p.Quarantine.IsZero() || slices.Contains(habitsOf(p), "DE") {
				t.Fatalf("in quarantine until %s: %v", p.Quarantine, habitsOf(p))
			}
			after := 28 * time.Hour
			if answers {
				s.say(4*time.Hour, schema.VerdictOwner)
				after = 5 * time.Hour
			}
			told := len(s.found)
			s.request(after, berlin, "python-requests/2")
			p := s.known(after)
			if !p.Quarantine.IsZero() || !slices.Contains(habitsOf(p), "DE") {
				t.Errorf("quarantine until %s: %v", p.Quarantine, habitsOf(p))
			}
			if answers && !slices.Contains(habitsOf(p), "AX") {
				t.Errorf("the owner has answered for other places than %v", habitsOf(p))
			}
			if len(s.found) > told {
				t.Errorf("and is told of: %s", s.found[told].Summary)
			}
		})
	}
}

// TestQuarantineLearnsUpdates: the owner's program has a new version while a thief is about, who uses another one.
func TestQuarantineLearnsUpdates(t *testing.T) {
	s := newScene(t)
	s.night()
	s.at = s.at.AddDate(0, 0, 1)
	before := s.known(0)
	if before.Quarantine.IsZero() {
		t.Fatal("there is no quarantine: nothing is tested")
	}
	s.request(0, berlin, "python-requests/3")
	if p := s.known(0); p.Agents != before.Agents+1 {
		t.Errorf("%d User-Agents, %d before", p.Agents, before.Agents)
	}
}

// TestQuarantineOfTheYoung: a token that alerts on its second day is in quarantine, has nothing of its own, and comes to
// know its owner all the same.
func TestQuarantineOfTheYoung(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 1
	s := &scene{t: t, engine: detect.New(cfg, "t", 0), at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	for i := range 24 {
		s.request(time.Duration(i)*10*time.Minute, inside, "")
	}
	s.at = s.at.Add(20 * time.Hour)
	s.play(s.theft("")[:300])
	s.request(time.Hour, berlin, "python-requests/2")
	if p := s.known(time.Hour); len(s.found) == 0 || p.Quarantine.IsZero() || !slices.Contains(habitsOf(p), "DE") {
		t.Errorf("%d findings, quarantine until %s: %v", len(s.found), p.Quarantine, habitsOf(p))
	}
}

// TestSuspectDayTeachesNoRoutes: what a thief asks for at night is new the night after as well, when nobody is told of him
// any more; of a day on which nothing suspicious happens, routes are learnt.
func TestSuspectDayTeachesNoRoutes(t *testing.T) {
	s := newScene(t)
	ask := func(after time.Duration, place schema.Place, client, route string) {
		at := s.at.Add(after)
		s.play([]schema.Event{{Time: at, Ingested: at, Token: tokenOf("ann"), Place: place, Client: client, UserAgent: client + ".31", Method: "GET", Route: route, Status: 200, Topic: "t", Offset: s.offset}})
		s.offset++
	}
	quiet := 0
	for range 6 {
		told := len(s.found)
		ask(0, berlin, "python-requests/2", "/v1/x")
		ask(6*time.Hour, lagos, "python-requests/2", "/admin/keys")
		if len(s.found) == told {
			quiet++
		}
		s.at = s.at.AddDate(0, 0, 1)
	}
	if len(s.found) == 0 || quiet == 0 {
		t.Fatalf("%d findings, %d days without: nothing is tested", len(s.found), quiet)
	}
	if n := s.engine.Routes(tokenOf("ann")); n != 0 {
		t.Errorf("%d routes are learnt", n)
	}
	s.at = s.at.AddDate(0, 0, 3)
	for range 2 {
		ask(0, berlin, "python-requests/2", "/v1/x")
		s.at = s.at.AddDate(0, 0, 1)
	}
	if n := s.engine.Routes(tokenOf("ann")); n != 1 {
		t.Errorf("%d routes are learnt when all is quiet", n)
	}
}

// TestQuarantineIsQuiet: whoever is in quarantine for a visit is not told of more often than anybody else when something
// new begins: each life is played with and without the visit that is alerted.
func TestQuarantineIsQuiet(t *testing.T) {
	provider, abroad := berlin, quito
	provider.ASN, provider.ASOrg = 8881, "1&1 Versatel"
	abroad.Network, abroad.ASN, abroad.ASOrg = schema.NetworkMobile, 27947, "Telconet"
	for name, c := range map[string]struct {
		place  schema.Place
		client string
		moving int // other tokens of the owner that do the same
	}{
		"a traveller":                 {abroad, "python-requests/2", 0},
		"another provider at home":    {provider, "python-requests/2", 0},
		"a deploy with a new program": {berlin, "node/22", 5},
		"an egress switch":            {provider, "python-requests/2", 5},
		"both":                        {provider, "node/22", 5},
	} {
		t.Run(name, func(t *testing.T) {
			var told [2]int
			for i := range told {
				s := newOffice(t, c.moving)
				if robbed := i == 1; robbed && s.night() == nil {
					t.Fatal("there is no quarantine: nothing is tested")
				}
				s.at = s.at.AddDate(0, 0, 1)
				s.everybody(0, 6, c.moving, berlin, "python-requests/2") // until the visit is another story
				if p := s.known(6 * time.Hour); p.Quarantine.IsZero() == (i == 1) {
					t.Fatalf("quarantine until %s", p.Quarantine)
				}
				before := len(s.found)
				s.everybody(6, 8, c.moving, c.place, c.client)
				for range 12 {
					s.at = s.at.AddDate(0, 0, 1)
					s.everybody(0, 8, c.moving, c.place, c.client)
				}
				told[i] = len(s.found) - before
				if p := s.known(8 * time.Hour); !p.Quarantine.IsZero() || len(p.Networks)+len(p.Clients) < 3 {
					t.Errorf("quarantine until %s, and after twelve days not learnt: %v", p.Quarantine, habitsOf(p))
				}
			}
			if told[1] > told[0] {
				t.Errorf("told %d times, without a quarantine %d times", told[1], told[0])
			}
		})
	}
}

// newOffice is newScene with others of the same owner.
func newOffice(t *testing.T, others int) *scene {
	s := &scene{t: t, engine: detect.New(detect.DefaultConfig(), "t", 0), at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	for range 20 {
		s.everybody(0, 8, others, berlin, "python-requests/2")
		s.at = s.at.AddDate(0, 0, 1)
	}
	return s
}

// everybody makes a request an hour, the scene's token and others, from and to some hours after the scene's clock.
func (s *scene) everybody(from, to, others int, place schema.Place, client string) {
	for hour := from; hour < to; hour++ {
		for i := range others + 1 {
			at, token := s.at.Add(time.Duration(hour)*time.Hour+time.Duration(i)*time.Minute), tokenOf("ann")
			if i > 0 {
				token = tokenOf(fmt.Sprint("other", i))
			}
			s.play([]schema.Event{{
				Time: at, Ingested: at, Token: token, Consumer: "acme", Environment: "prod", IP: netip.AddrFrom4([4]byte{81, 2, byte(place.ASN), 1}),
				Place: place, Client: client, UserAgent: client + ".31", Topic: "t", Offset: s.offset,
			}})
			s.offset++
		}
	}
}

// TestQuarantineSurvivesRestarts: what is held back is the same whether or not an engine was restarted meanwhile, and
// whether or not it passes over what is no news.
func TestQuarantineSurvivesRestarts(t *testing.T) {
	for seed := range uint64(4) {
		events := robbed(t, seed)
		cfg := detect.DefaultConfig()
		quick, thorough := detect.New(cfg, "t", 0), detect.New(cfg, "t", 0)
		var want []schema.Finding
		for i := range events {
			a, b := quick.Process(&events[i]), thorough.ProcessThoroughly(&events[i])
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("seed %d, event %d: found\n%+v\nlooking at all\n%+v", seed, i, a, b)
			}
			if a != nil {
				want = append(want, *a)
			}
		}
		if !reflect.DeepEqual(byToken(quick.Snapshot()), byToken(thorough.Snapshot())) {
			t.Errorf("seed %d: the two know different things", seed)
		}
		got, _ := interrupted(t, cfg, events, rand.New(rand.NewPCG(seed, 5)))
		if !reflect.DeepEqual(got, want) || len(want) == 0 {
			t.Fatalf("seed %d: %d findings with restarts, %d without; first difference %s", seed, len(got), len(want), firstDifference(got, want))
		}
	}
}

// robbed are two weeks of a token, a theft, and days in which its owner, the thieves and new places come by turns.
func robbed(t *testing.T, seed uint64) (events []schema.Event) {
	r := rand.New(rand.NewPCG(seed, 4))
	s := &scene{t: t, at: time.Date(2026, 3, 16, 0, 0, 0, 0, time.UTC)}
	theft := s.theft("python-requests/2")
	for i := range 21 * 24 * 6 {
		ev := theft[59] // the owner's
		ev.Time = s.at.AddDate(0, 0, -14).Add(time.Duration(i)*10*time.Minute + time.Duration(r.IntN(60))*time.Second)
		if ev.Time.After(s.at) {
			switch n := r.IntN(12); n {
			case 0:
				ev.Place = theft[r.IntN(59)].Place
			case 1:
				ev.Place, ev.UserAgent = berlin, fmt.Sprint("python-requests/2.", r.IntN(40))
			case 2:
				ev.Client, ev.Route = fmt.Sprint("tool", r.IntN(3), "/1"), fmt.Sprint("/v1/", r.IntN(9))
			}
		}
		ev.Ingested = ev.Time
		events = append(events, ev)
	}
	return inOrder(append(events, theft...))
}
