package detect_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// say gives a verdict on the scene's last finding, some time after its clock.
func (s *scene) say(after time.Duration, kind schema.VerdictKind) {
	s.t.Helper()
	if len(s.found) == 0 {
		s.t.Fatal("there is nothing to judge")
	}
	f := s.found[len(s.found)-1]
	s.engine.Verdict(&schema.Verdict{
		ID: fmt.Sprint("v", s.offset), Incident: "inc-1", Token: f.Token, Kind: kind, By: "cli:ann", At: s.at.Add(after), Since: f.Seen.Since, To: f.Time,
	})
}

// night is a visit that is alerted: another country, another program, at two in the morning.
func (s *scene) night() *schema.Finding {
	var last *schema.Finding
	for i := range 5 {
		if f := s.request(17*time.Hour+time.Duration(i)*10*time.Minute, lagos, "curl/8"); f != nil {
			last = f
		}
	}
	return last
}

// TestOwnersVerdict: what the owner has answered for is quiet from then on, the next night and a month later, and
// somebody else is found as before.
func TestOwnersVerdict(t *testing.T) {
	for name, later := range map[string]int{"the next night": 1, "four days later": 4, "a month later": 28} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			if s.night() == nil {
				t.Fatal("the visit is no news: nothing is tested")
			}
			s.say(18*time.Hour, schema.VerdictOwner)
			s.at = s.at.AddDate(0, 0, 1)
			s.work(later)
			before := len(s.found)
			if f := s.night(); f != nil || len(s.found) > before {
				t.Errorf("found again: %s %s", f.Summary, reasons(f))
			}
			if f := s.request(18*time.Hour+30*time.Minute, quito, "okhttp/4"); f == nil {
				t.Error("a stranger is not found any more")
			}
		})
	}
}

// TestVerdictOnAClosedEpisode: people answer in the morning, when the episode is long over.
func TestVerdictOnAClosedEpisode(t *testing.T) {
	s := newScene(t)
	s.night()
	s.at = s.at.AddDate(0, 0, 1)
	s.work(3)
	s.say(0, schema.VerdictOwner)
	if f := s.night(); f != nil {
		t.Errorf("found again: %s", f.Summary)
	}
}

// TestConfirmedTheft: what was confirmed is never learnt, however long it goes on, and weighs more than before.
func TestConfirmedTheft(t *testing.T) {
	heard, unheard := newScene(t), newScene(t)
	for _, s := range []*scene{heard, unheard} {
		s.night()
		if s == heard {
			s.say(18*time.Hour, schema.VerdictTheft)
		}
		s.at = s.at.AddDate(0, 0, 1)
		s.work(3)
	}
	a, b := heard.night(), unheard.night()
	if a == nil || b == nil || a.Score < b.Score+0.3 {
		t.Fatalf("after the verdict %+v, without one %+v", a, b)
	}
	if a.Evidence[0].Detector != "confirmed_theft" && !slices.ContainsFunc(a.Evidence, func(e schema.Evidence) bool { return e.Detector == "confirmed_theft" }) {
		t.Errorf("the finding does not say that it is known: %s", reasons(a))
	}
	for range 20 {
		heard.at, unheard.at = heard.at.AddDate(0, 0, 1), unheard.at.AddDate(0, 0, 1)
		a, b = heard.night(), unheard.night()
	}
	if a == nil || b != nil {
		t.Errorf("after three weeks without pause: with a verdict %v, without %v", a, b)
	}
	heard.work(1)
	if f := heard.request(time.Hour, berlin, "python-requests/2"); f != nil {
		t.Errorf("the owner at work: %s", f.Summary)
	}
}

// TestVerdictsThatChangeNothing: somebody is looking, or wants to sleep: what is learnt is the same.
func TestVerdictsThatChangeNothing(t *testing.T) {
	plain, judged := newScene(t), newScene(t)
	for _, s := range []*scene{plain, judged} {
		s.night()
		if s == judged {
			s.say(18*time.Hour, schema.VerdictSnooze)
			s.say(18*time.Hour, schema.VerdictAcknowledged)
		}
		s.at = s.at.AddDate(0, 0, 1)
		s.night()
	}
	if !reflect.DeepEqual(plain.found, judged.found) || !reflect.DeepEqual(plain.engine.Snapshot(), judged.engine.Snapshot()) {
		t.Error("they change something")
	}
}

// TestVerdictWaitsForItsTime: events that were ingested before a verdict are judged without it.
func TestVerdictWaitsForItsTime(t *testing.T) {
	s := newScene(t)
	s.night()
	s.say(48*time.Hour, schema.VerdictOwner) // two days from now
	s.at = s.at.AddDate(0, 0, 1)
	if s.night() == nil {
		t.Error("it had its effect before it was given")
	}
	s.at = s.at.AddDate(0, 0, 2)
	if f := s.night(); f != nil {
		t.Errorf("it had none: %s", f.Summary)
	}
}

// judged is a store that knows what people decided, as ClickHouse does.
type judged struct {
	store
	verdicts []schema.Verdict
	allowed  []schema.Allowance
	moves    []schema.FleetEvent
}

func (j *judged) Verdicts(context.Context, time.Time) ([]schema.Verdict, error) {
	return j.verdicts, nil
}

func (j *judged) Allowances(context.Context) ([]schema.Allowance, error) { return j.allowed, nil }

func (j *judged) FleetEvents(context.Context, time.Time) ([]schema.FleetEvent, error) {
	return j.moves, nil
}

// decide has people decide on a finding: what, and whether, follows from the finding alone.
func (j *judged) decide(e *detect.Engine, f *schema.Finding, at time.Time) {
	kind := []schema.VerdictKind{schema.VerdictOwner, schema.VerdictTheft, schema.VerdictSnooze, ""}[f.ID[0]%4]
	if kind == "" {
		return
	}
	v := schema.Verdict{ID: f.ID.String(), Token: f.Token, Kind: kind, At: at.Add(time.Duration(f.ID[1]) * time.Minute), Since: f.Seen.Since, To: f.Time}
	j.verdicts = append(j.verdicts, v)
	e.Verdict(&v)
	if f.ID[2]%8 == 0 && len(f.Evidence) > 0 {
		j.allowed = append(j.allowed, schema.Allowance{ID: f.ID.String(), Action: schema.AllowAdd, At: v.At, Kind: schema.AllowToken, Value: f.Token.String(), Until: v.At.Add(48 * time.Hour)})
		e.Allow(j.allowed)
	}
}

// TestRestartsWithDecisions: verdicts and allowances have the same effect at the same events, whatever restarts.
func TestRestartsWithDecisions(t *testing.T) {
	for seed := range uint64(12) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats = 3
		cfg.Simulate = []string{"new_client"}
		cfg.MaxTokens = 1000
		events := stream(seed, 40, 25)
		run := func(r *rand.Rand) (found []schema.Finding, j *judged) {
			j = &judged{store: store{profiles: map[schema.TokenID]schema.Profile{}, events: events}}
			e := detect.New(cfg, "t", 0)
			for i := range events {
				if f := e.Process(&events[i]); f != nil {
					found = append(found, *f)
					j.decide(e, f, events[i].Ingested)
				}
				if r == nil {
					continue
				}
				if r.IntN(300) == 0 {
					j.save(e.Snapshot())
					e.Stored()
				}
				if r.IntN(300) == 0 {
					var err error
					if e, err = detect.Resume(t.Context(), j, cfg, "t", 0, events[i].Offset+1, time.Time{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			return found, j
		}
		want, decided := run(nil)
		if len(want) == 0 || len(decided.verdicts) == 0 {
			t.Fatalf("seed %d: %d findings, %d verdicts: nothing is tested", seed, len(want), len(decided.verdicts))
		}
		if got, _ := run(rand.New(rand.NewPCG(seed, 3))); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %d findings with restarts, %d without; first difference %s", seed, len(got), len(want), firstDifference(got, want))
		}
	}
}

// TestOwnersVerdictOnABurst: a burst that the owner has answered for is part of what the token does.
func TestOwnersVerdictOnABurst(t *testing.T) {
	burst := func(s *scene, n int) (found *schema.Finding) {
		for i := range n {
			if f := s.request(3*time.Hour+time.Duration(i)*time.Minute/time.Duration(n), berlin, "python-requests/2"); f != nil {
				found = f
			}
		}
		return found
	}
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 2
	s := newSceneWith(t, cfg)
	if burst(s, 400) == nil {
		t.Fatal("the burst is no news: nothing is tested")
	}
	s.at = s.at.AddDate(0, 0, 1)
	s.work(1)
	s.say(0, schema.VerdictOwner)
	s.at = s.at.AddDate(0, 0, 1)
	if f := burst(s, 400); f != nil {
		t.Errorf("found again: %s", f.Summary)
	}
}
