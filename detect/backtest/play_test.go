package backtest_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// scripted is an engine that thinks what the number of requests, or bytes, tells it to.
type scripted struct {
	score float64
	times []time.Time
}

func (s *scripted) Process(ev *schema.Event) *schema.Finding {
	return s.Count(ev.Token, ev.Time, 0, float64(ev.BytesOut))
}

func (s *scripted) Count(token schema.TokenID, at time.Time, _ time.Duration, requests float64) *schema.Finding {
	s.score, s.times = requests/100, append(s.times, at)
	if s.score < 1 {
		return nil
	}
	return &schema.Finding{Token: token, Time: at, Score: s.score, Evidence: []schema.Evidence{{Detector: "traffic_spike", Time: at, LLR: 3}}}
}

func (s *scripted) Score() float64 { return s.score }

// written is what a Player writes down.
type written struct {
	findings []schema.Finding
	scores   []float64
}

func (w *written) player(t *testing.T, engine backtest.Engine, warm time.Time, labels []backtest.Label) *backtest.Player {
	t.Helper()
	return &backtest.Player{
		Engine: engine, Tally: backtest.NewTally(warm, labels, named),
		Finding: func(f *schema.Finding, _ string) error { w.findings = append(w.findings, *f); return nil },
		Score: func(_ time.Time, _ schema.TokenID, _ string, score float64) error {
			w.scores = append(w.scores, score)
			return nil
		},
	}
}

func counts(t *testing.T, csv string) *backtest.Counts {
	t.Helper()
	c, err := backtest.ReadCounts(strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Counts from second 0 on, or from before 1970, are played at times that the engine knows, at the same hours of the
// week; what it finds has the times of the input.
func TestCountsOfAnyTime(t *testing.T) {
	for name, first := range map[string]string{"second 0": "0", "before 1970": "-86400", "long before": "1895-03-04T05:00:00Z", "the first days": "300000", "now": "2026-11-02T00:00:00Z"} {
		c := counts(t, "ts,token,requests\n"+first+",A,500\n")
		var engine scripted
		var w written
		p := w.player(t, &engine, c.From(), nil)
		if err := p.Counts(c, []schema.TokenID{token('A')}, nil); err != nil {
			t.Fatal(err)
		}
		played, at := engine.times[0], c.Rows[0].At
		if played.Unix() < 604800 || played.Weekday() != at.Weekday() || played.Hour() != at.Hour() {
			t.Errorf("%s: %s is played at %s", name, at, played)
		}
		if len(w.findings) != 1 || !w.findings[0].Time.Equal(at) || !w.findings[0].Evidence[0].Time.Equal(at) {
			t.Errorf("%s: found %+v, want at %s", name, w.findings, at)
		}
	}
}

func TestPlayerJudgesAfterTheWarmUp(t *testing.T) {
	var w written
	p := w.player(t, &scripted{}, monday.Add(time.Hour), []backtest.Label{
		{Token: "A", Start: monday.Add(2 * time.Hour), End: monday.Add(3 * time.Hour), Kind: "burst"},
		{Token: "A", Start: monday.Add(4 * time.Hour), End: monday.Add(5 * time.Hour), Kind: "benign:deploy"},
		{Token: "Z", Start: monday, End: monday.Add(2 * time.Hour), Kind: "burst"},
		{Token: "A", Start: monday, End: monday.Add(time.Hour), Kind: "burst"}, // in the warm-up
	})
	for hour := range 6 {
		e := schema.Event{Token: token('A'), Time: monday.Add(time.Duration(hour) * time.Hour), BytesOut: 120}
		if err := p.Event(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Event(&schema.Event{Time: monday, BytesOut: 900}); err != nil {
		t.Fatal(err)
	}
	if len(w.scores) != 6 || len(w.findings) != 5 || p.Found().Len() != 5 {
		t.Errorf("%d scores, %d findings written, %d counted", len(w.scores), len(w.findings), p.Found().Len())
	}
	have := p.Found().Detectors()
	if len(have) != 1 || have[0] != (backtest.DetectorResult{Detector: "traffic_spike", Findings: 5, Strongest: 5, Thefts: 1, Confusers: 1, Nats: 15}) {
		t.Errorf("%+v", have)
	}
	if r := p.Tally.Report(2, p.Found()); r.Labels != 3 || r.Unmatched != 1 || r.Early != 1 || r.Recall[0].Thefts != 2 || r.Findings != 5 || r.Seen != 1 {
		t.Errorf("%+v", r)
	}
}

func TestPlayerStops(t *testing.T) {
	c := counts(t, "ts,token,requests\n"+manyRows(5000))
	stop := errors.New("enough")
	var w written
	err := w.player(t, &scripted{}, c.From(), nil).Counts(c, []schema.TokenID{token('A')}, func(done int) error {
		if done >= 2000 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || len(w.scores) < 2000 || len(w.scores) > 4000 {
		t.Errorf("after %d rows: %v", len(w.scores), err)
	}
	if err := w.player(t, &scripted{}, c.From(), nil).Counts(c, nil, nil); err == nil {
		t.Error("tokens without names were played")
	}
	p := w.player(t, &scripted{}, c.From(), nil)
	p.Score = func(time.Time, schema.TokenID, string, float64) error { return stop }
	if err := p.Counts(c, []schema.TokenID{token('A')}, nil); !errors.Is(err, stop) {
		t.Errorf("a full disk: %v", err)
	}
}

func manyRows(n int) string {
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "%d,A,1\n", i*60)
	}
	return rows.String()
}

// Only the highest findings are kept for the page, in the order of time.
func TestTopFindings(t *testing.T) {
	var w written
	p := w.player(t, &scripted{}, monday, nil)
	for i := range 1000 {
		e := schema.Event{Token: token('A'), Time: monday.Add(time.Duration(i) * time.Minute), BytesOut: uint64(100 + i*7919%1000)}
		if err := p.Event(&e); err != nil {
			t.Fatal(err)
		}
	}
	top := p.Found().Top()
	if len(top) != 200 || p.Found().Len() != 1000 {
		t.Fatalf("%d of %d", len(top), p.Found().Len())
	}
	for i, f := range top {
		if f.Score < 9 || i > 0 && f.Time.Before(top[i-1].Time) {
			t.Errorf("finding %d: score %g at %s", i, f.Score, f.Time)
		}
	}
}

func TestWarmUp(t *testing.T) {
	for _, c := range []struct{ asked, lasts, want time.Duration }{
		{28 * 24 * time.Hour, 60 * 24 * time.Hour, 28 * 24 * time.Hour}, {28 * 24 * time.Hour, 14 * 24 * time.Hour, 7 * 24 * time.Hour}, {0, time.Hour, 0}, {time.Hour, 0, 0},
	} {
		if have := backtest.WarmUp(c.asked, monday, monday.Add(c.lasts)); have != c.want {
			t.Errorf("%s of %s: %s, want %s", c.asked, c.lasts, have, c.want)
		}
	}
}

// The real engine, on counts: a burst of thirty times the usual is found while it lasts, and an ordinary life is not.
func TestBurstInCounts(t *testing.T) {
	var rows strings.Builder
	rows.WriteString("ts,token,requests\n")
	for i := range 14 * 144 {
		n := 40 + 20*math.Sin(float64(i)/144*2*math.Pi)
		for _, name := range []string{"A", "B"} {
			requests := n
			if name == "A" && i >= 12*144 && i < 12*144+6 {
				requests *= 30
			}
			fmt.Fprintf(&rows, "%d,%s,%.0f\n", i*600, name, requests)
		}
	}
	c := counts(t, rows.String())
	burst := time.Unix(12*86400, 0)
	var w written
	p := w.player(t, detect.New(detect.DefaultConfig(), "t", 0), c.From().Add(7*24*time.Hour), []backtest.Label{{Token: "A", Start: burst, End: burst.Add(time.Hour), Kind: "burst"}})
	if err := p.Counts(c, []schema.TokenID{token('A'), token('B')}, nil); err != nil {
		t.Fatal(err)
	}
	r := p.Tally.Report(2, p.Found())
	if r.Recall[1].Configured != 1 || *r.Recall[1].SecondsP50 > 3600 || r.Alerts != 0 || c.Interval != 10*time.Minute {
		t.Errorf("%+v, %d alerts in ordinary life", r.Recall[1], r.Alerts)
	}
}
