package detect_test

import (
	"math"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// rows are what is stored of an engine's tokens, and what they share.
func rows(e *detect.Engine) (of map[schema.TokenID]schema.Profile, shared *schema.Profile) {
	of = map[schema.TokenID]schema.Profile{}
	for _, p := range e.Snapshot() {
		if p.Token.IsZero() {
			shared = &p
			continue
		}
		of[p.Token] = p
	}
	return of, shared
}

// What is told of a profile is what the engine knows: its days, events and habits, and the score that it would give.
func TestExplain(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 4
	events := stream(3, 20, 25)
	e := detect.New(cfg, "t", 0)
	inTheAir, alerted := 0, 0
	for i := range events {
		e.Process(&events[i])
		if i%50 != 49 {
			continue
		}
		last := &events[i]
		of, shared := rows(e)
		row := of[last.Token]
		p, err := detect.Explain(cfg, row, shared, last.Time)
		if err != nil {
			t.Fatal(err)
		}
		if p.State != row.Status || p.Days != int(row.Days) || p.Events != row.Events || p.Last.Sub(last.Time).Abs() > time.Second {
			t.Fatalf("%+v of %+v", p, row)
		}
		if math.Abs(p.Score-e.Score()) > 1e-9 {
			t.Errorf("event %d: score %g, the engine says %g", i, p.Score, e.Score())
		}
		if p.Score > 0 {
			inTheAir++
		}
		if !p.Quarantine.IsZero() {
			alerted++
		}
		told(t, p)
	}
	if inTheAir == 0 || alerted == 0 {
		t.Errorf("evidence in the air %d times, quarantine %d times: nothing is tested", inTheAir, alerted)
	}
}

// told checks that a portrait is fit to be shown.
func told(t *testing.T, p *detect.Portrait) {
	t.Helper()
	for kind, list := range map[string][]detect.Habit{"countries": p.Countries, "places": p.Places, "networks": p.Networks, "clients": p.Clients} {
		sum := 0.0
		for i, h := range list {
			sum += h.Share
			if h.Name == "" || h.Days < 1 || h.First.IsZero() || i > 0 && h.Days > list[i-1].Days {
				t.Errorf("%s: %+v", kind, list)
			}
		}
		if len(list) > 0 && math.Abs(sum-1) > 1e-9 {
			t.Errorf("%s: shares of %g in all", kind, sum)
		}
	}
	for i, e := range p.Evidence {
		if e.Seen == "" || math.Abs(e.Weight) > math.Abs(e.LLR)+1e-9 || i > 0 && e.Weight > p.Evidence[i-1].Weight {
			t.Errorf("evidence %+v", p.Evidence)
		}
	}
	if len(p.Rates) != 4 || p.HoursInWords == "" || p.Last.Before(p.First) {
		t.Errorf("%+v", p)
	}
}

// Evidence fades while nothing happens, and a token that is silent for long is stale.
func TestExplainLater(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 4
	s := newScene(t)
	s.request(10*time.Hour, lagos, "python-requests/2")
	of, shared := rows(s.engine)
	for _, row := range of {
		now, err := detect.Explain(cfg, row, shared, row.Updated)
		if err != nil || now.Score <= 0 || now.State != schema.ProfileActive {
			t.Fatalf("%+v, %v", now, err)
		}
		later, err := detect.Explain(cfg, row, nil, row.Updated.AddDate(0, 2, 0))
		if err != nil || later.Score > now.Score/4 || later.State != schema.ProfileStale || !later.Quarantine.IsZero() {
			t.Errorf("%+v, %v", later, err)
		}
	}
}

func TestExplainWhatItCannotRead(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	events := stream(1, 1, 3)
	findings(e, events)
	of, shared := rows(e)
	row := of[events[0].Token]
	for name, state := range map[string][]byte{"nothing": nil, "another version": {1, 2, 3}, "cut off": row.State[:len(row.State)/2]} {
		bad := row
		bad.State = state
		if p, err := detect.Explain(detect.DefaultConfig(), bad, shared, row.Updated); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if p, err := detect.Explain(detect.DefaultConfig(), *shared, nil, row.Updated); err == nil {
		t.Errorf("what all tokens share: %+v", p)
	}
	if p, err := detect.Explain(detect.DefaultConfig(), schema.Profile{Status: schema.ProfileRenamed, Token: row.Token}, shared, row.Updated); err == nil {
		t.Errorf("a token that moved on: %+v", p)
	}
}
