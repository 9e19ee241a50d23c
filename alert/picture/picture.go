// Package picture draws what a message says, for those who see faster than they read: a
// token's requests over the last days with the band in which they were to be expected, the
// hours of the week at which it is used, and from where. It is the only importer of
// gonum/plot.
//
//	schema.Incident ─┐
//	History ─────────┴─► Painter.Paint ─► PNG, 1080 pixels wide: a telephone's width
//
// It refuses to be waited for: Paint ends with its context, and a picture that fails is an
// error for the caller to pass over, since the message says all of it in words. It refuses
// to be transparent too, so that it reads the same on a light and on a dark background.
package picture

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	daysShown = 7  // of requests, hour by hour
	daysKnown = 35 // of history, from which comes what is expected
	maxHours  = 24 * (daysKnown + 1)
	maxPlaces = 200
)

// Hour is how often a token was used within an hour of the clock.
type Hour struct {
	At       time.Time // when it began
	Requests uint64
}

// Place is how often a token was used from somewhere, before the incident and since.
type Place struct {
	Name   string
	Before uint64
	Since  uint64
}

// History knows how a token was used. Answers may come in any order; what is outside of the
// times that were asked for is not looked at.
type History interface {
	Hours(ctx context.Context, token schema.TokenID, from, to time.Time) ([]Hour, error)
	Places(ctx context.Context, token schema.TokenID, from, began, to time.Time) ([]Place, error)
}

// Painter draws incidents.
type Painter struct {
	History History
}

// Paint draws an incident as a PNG.
func (p Painter) Paint(ctx context.Context, inc *schema.Incident) ([]byte, error) {
	v := viewOf(inc)
	hours, err := p.History.Hours(ctx, inc.Token, v.learnt, v.to)
	if err != nil {
		return nil, fmt.Errorf("picture: hours of the token: %w", err)
	}
	places, err := p.History.Places(ctx, inc.Token, v.learnt, v.began, v.to)
	if err != nil {
		return nil, fmt.Errorf("picture: places of the token: %w", err)
	}
	v.fill(hours, places)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	var out bytes.Buffer
	if err := v.draw(&out); err != nil {
		return nil, fmt.Errorf("picture: %w", err)
	}
	return out.Bytes(), nil
}

// view is what is drawn, by hours of the clock in UTC.
type view struct {
	inc    *schema.Incident
	learnt time.Time // from when on there is history
	from   time.Time // first hour shown
	began  time.Time // of the incident
	last   time.Time // hour of the last evidence
	to     time.Time // end of the last hour shown

	counts map[time.Time]uint64 // of the hours that were asked for: bounded by their number
	first  time.Time            // first hour of which something is known
	bands  map[time.Time]band   // what is expected of the hours shown, where that is known
	places []Place
}

func viewOf(inc *schema.Incident) *view {
	last := inc.Updated.UTC().Truncate(time.Hour)
	to := last.Add(time.Hour)
	began := inc.Seen.Since
	if began.IsZero() || began.After(inc.Updated) {
		began = inc.Opened
	}
	began = began.UTC()
	if began.After(inc.Updated) {
		began = inc.Updated.UTC()
	}
	return &view{
		inc: inc, began: began, last: last, to: to,
		from:   to.Add(-daysShown * 24 * time.Hour),
		learnt: to.Add(-daysKnown * 24 * time.Hour),
		counts: map[time.Time]uint64{}, bands: map[time.Time]band{},
	}
}

func (v *view) fill(hours []Hour, places []Place) {
	for _, h := range hours {
		at := h.At.UTC().Truncate(time.Hour)
		if at.Before(v.learnt) || !at.Before(v.to) || len(v.counts) >= maxHours {
			continue
		}
		v.counts[at] += h.Requests
		if v.first.IsZero() || at.Before(v.first) {
			v.first = at
		}
	}
	v.places = ranked(places[:min(len(places), maxPlaces)])
	for at := v.from; at.Before(v.to); at = at.Add(time.Hour) {
		if b, ok := v.expect(at); ok {
			v.bands[at] = b
		}
	}
}

// ofIncident reports whether an hour belongs to what the incident is about.
func (v *view) ofIncident(hour time.Time) bool {
	return !hour.Before(v.began.Truncate(time.Hour)) && !hour.After(v.last)
}

// title names the token and its owner.
func (v *view) title() string {
	name := v.inc.TokenHint
	if name == "" {
		name = "token " + v.inc.Token.String()[:8] + "…"
	}
	for _, part := range []string{v.inc.Consumer, v.inc.Environment} {
		if part != "" {
			name += " · " + part
		}
	}
	return name
}
