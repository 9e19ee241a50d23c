package main

import (
	"context"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/picture"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// gallery draws the pictures of incidents. Several channels want the same one at about the same
// time, so the last few are kept; and only one is drawn at a time, which takes a tenth of a
// second of processor time, so that a storm does not take it from detection.
type gallery struct {
	painter picture.Painter
	turn    chan struct{}

	mu   sync.Mutex
	last []drawing
}

type drawing struct {
	incident string
	updated  time.Time
	png      []byte
}

const keptDrawings = 8

func newGallery(db *clickhouse.DB) *gallery {
	return &gallery{painter: picture.Painter{History: pictureHistory{db}}, turn: make(chan struct{}, 1)}
}

// draw gives the picture of an incident. One that is about no token has none.
func (g *gallery) draw(ctx context.Context, inc schema.Incident) ([]byte, error) {
	if inc.Token.IsZero() {
		return nil, nil
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if png := g.find(inc); png != nil {
		return png, nil
	}
	png, err := g.painter.Paint(ctx, &inc)
	if err != nil {
		return nil, err
	}
	g.keep(drawing{inc.ID, inc.Updated, png})
	return png, nil
}

func (g *gallery) find(inc schema.Incident) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.last {
		if d.incident == inc.ID && d.updated.Equal(inc.Updated) {
			return d.png
		}
	}
	return nil
}

func (g *gallery) keep(d drawing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last = append(g.last, d); len(g.last) > keptDrawings {
		g.last = g.last[1:]
	}
}

// pictureHistory is the picture.History of ClickHouse.
type pictureHistory struct{ db *clickhouse.DB }

func (h pictureHistory) Hours(ctx context.Context, token schema.TokenID, from, to time.Time) ([]picture.Hour, error) {
	counts, err := h.db.RequestHours(ctx, token, from, to)
	if err != nil {
		return nil, err
	}
	hours := make([]picture.Hour, len(counts))
	for i, c := range counts {
		hours[i] = picture.Hour{At: c.At, Requests: c.Requests}
	}
	return hours, nil
}

func (h pictureHistory) Places(ctx context.Context, token schema.TokenID, from, began, to time.Time) ([]picture.Place, error) {
	counts, err := h.db.RequestPlaces(ctx, token, from, began, to)
	if err != nil {
		return nil, err
	}
	places := make([]picture.Place, len(counts))
	for i, c := range counts {
		places[i] = picture.Place{Name: placeName(c.City, c.Country), Before: c.Before, Since: c.Since}
	}
	return places, nil
}

func placeName(city, country string) string {
	switch {
	case city != "" && country != "":
		return city + ", " + country
	case city+country == "":
		return "unknown"
	}
	return city + country
}

// samplePicture draws an incident that never was, to see whether a channel takes pictures.
func samplePicture(ctx context.Context) ([]byte, error) {
	now := time.Now().UTC()
	return picture.Painter{History: sampleHistory{now}}.Paint(ctx, &schema.Incident{
		TokenHint: "demo_…0000", Consumer: "nobody", Environment: "test", Opened: now, Updated: now,
		Seen:     schema.Seen{Since: now.Add(-time.Hour)},
		Evidence: []schema.Evidence{{Detector: "new_geo", Time: now.Add(-time.Hour), LLR: 6}, {Detector: "traffic_spike", Time: now, LLR: 5}},
	})
}

// sampleHistory is of a token that is used in the daytime, and then was used elsewhere.
type sampleHistory struct{ now time.Time }

func (h sampleHistory) Hours(_ context.Context, _ schema.TokenID, from, _ time.Time) ([]picture.Hour, error) {
	var hours []picture.Hour
	for at := from; at.Before(h.now.Add(-2 * time.Hour)); at = at.Add(time.Hour) {
		if clock := at.Hour(); clock >= 7 && clock < 18 {
			hours = append(hours, picture.Hour{At: at, Requests: uint64(40 + 7*clock - at.Day()%5*4)})
		}
	}
	return append(hours, picture.Hour{At: h.now, Requests: 700}), nil
}

func (h sampleHistory) Places(context.Context, schema.TokenID, time.Time, time.Time, time.Time) ([]picture.Place, error) {
	return []picture.Place{{Name: "where it always is", Before: 20_000}, {Name: "somewhere else", Since: 700}}, nil
}
