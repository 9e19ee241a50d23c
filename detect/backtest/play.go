package backtest

import (
	"fmt"
	"math"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Engine is what a run plays into: a [detect.Engine].
type Engine interface {
	// Process takes in an event and returns a finding if it tips the scale.
	Process(ev *schema.Event) *schema.Finding
	// Count takes in how many requests a token made in an interval, likewise.
	Count(token schema.TokenID, at time.Time, interval time.Duration, requests float64) *schema.Finding
	// Score is what the last event or count brought its token to; 1.0 = alert.
	Score() float64
}

// Player plays history into an engine and tells what the engine thought.
type Player struct {
	Engine Engine
	Tally  *Tally
	// Findings and Scores get what is to be written down; Name is what the input calls the
	// token, where that is no secret.
	Finding func(f *schema.Finding, name string) error
	Score   func(at time.Time, token schema.TokenID, name string, score float64) error

	found Findings // since the end of the warm-up
}

// Event plays one event. One without a token belongs to nobody, and is passed over.
func (p *Player) Event(ev *schema.Event) error {
	if ev.Token.IsZero() {
		return nil
	}
	found := p.Engine.Process(ev)
	return p.note(Observation{Token: ev.Token, At: ev.Time, Known: ev.Time, Requests: 1, Score: p.Engine.Score()}, found, "")
}

// Counts plays counts; ids are what their tokens are called in findings. tick is called now and then
// with how many rows are done, and ends it with an error.
func (p *Player) Counts(c *Counts, ids []schema.TokenID, tick func(done int) error) error {
	if len(ids) != len(c.Tokens) {
		return fmt.Errorf("%d tokens have %d names", len(c.Tokens), len(ids))
	}
	later := postponed(c.From(), c.To())
	for i, row := range c.Rows {
		found := p.Engine.Count(ids[row.Token], row.At.Add(later), c.Interval, row.Requests)
		forward(found, later)
		seen := Observation{
			Token: ids[row.Token], At: row.At, Known: row.At.Add(c.Interval), Requests: row.Requests, Score: p.Engine.Score(),
		}
		if err := p.note(seen, found, c.Tokens[row.Token]); err != nil {
			return err
		}
		if i%1024 == 1023 && tick != nil {
			if err := tick(i + 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// postponed is by how much counts are played later, in whole weeks, so that hours of the week stay what they are.
// The engine's times begin in 1970 and end in 2106, and those of counts may be seconds from 0 on, or outside of that;
// later ones are played earlier. What is longer than that has its end cut off by the engine.
func postponed(from, to time.Time) time.Duration {
	const week = 7 * 24 * time.Hour
	begin, end := time.Unix(0, 0).Add(week), time.Unix(math.MaxUint32, 0).Add(-week)
	switch {
	case from.Before(begin):
		return (begin.Sub(from) + week - 1) / week * week
	case to.After(end) && to.Sub(from) < end.Sub(begin)-2*week:
		return -(to.Sub(end) + week - 1) / week * week
	}
	return 0
}

// forward sets a finding's times back to those of the input.
func forward(f *schema.Finding, later time.Duration) {
	if f == nil || later == 0 {
		return
	}
	for _, at := range []*time.Time{&f.Time, &f.Ingested, &f.Seen.Since, &f.Normal.Since, &f.Normal.LastSeen} {
		*at = at.Add(-later)
	}
	for i := range f.Evidence {
		f.Evidence[i].Time = f.Evidence[i].Time.Add(-later)
	}
}

func (p *Player) note(o Observation, found *schema.Finding, name string) error {
	p.Tally.Observe(o)
	if p.Score != nil {
		if err := p.Score(o.At, o.Token, name, o.Score); err != nil {
			return fmt.Errorf("writing a score: %w", err)
		}
	}
	if found == nil || o.At.Before(p.Tally.warm) {
		return nil
	}
	p.found.add(found, name, p.Tally.where(o, found.Token))
	if p.Finding != nil {
		if err := p.Finding(found, name); err != nil {
			return fmt.Errorf("writing a finding: %w", err)
		}
	}
	return nil
}

// Found are the findings since the end of the warm-up.
func (p *Player) Found() *Findings { return &p.found }

// WarmUp is how long a run learns before it is judged: as long as asked for, but at most half
// of what there is, so that a short history is judged too.
func WarmUp(asked time.Duration, from, to time.Time) time.Duration {
	return min(asked, to.Sub(from)/2)
}
