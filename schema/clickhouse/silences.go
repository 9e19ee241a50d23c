package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

type silenceColumns struct {
	id       proto.ColStr
	matchers *proto.ColArr[string]
	by       proto.ColStr
	reason   proto.ColStr
	from     timeColumn
	until    timeColumn
	revised  timeColumn
}

func newSilenceColumns() *silenceColumns {
	return &silenceColumns{matchers: new(proto.ColStr).Array(), from: newTime(), until: newTime(), revised: newTime()}
}

func (c *silenceColumns) columns() []column {
	return []column{
		{"id", &c.id}, {"matchers", c.matchers}, {"by", &c.by}, {"reason", &c.reason},
		{"from_at", &c.from}, {"until_at", &c.until}, {"revised", &c.revised},
	}
}

// SaveSilence stores a silence, in place of one with its id that was revised earlier.
func (db *DB) SaveSilence(ctx context.Context, s schema.Silence) error {
	c := newSilenceColumns()
	c.id.Append(s.ID)
	c.matchers.Append(s.Matchers)
	c.by.Append(s.By)
	c.reason.Append(s.Reason)
	c.from.Append(s.From)
	c.until.Append(s.Until)
	c.revised.Append(s.Revised)
	if err := db.insert(ctx, "silences", "", c.columns()); err != nil {
		return fmt.Errorf("storing silence %s: %w", s.ID, err)
	}
	return nil
}

// Silences gives the silences that have not expired, the one that does first coming first.
func (db *DB) Silences(ctx context.Context) ([]schema.Silence, error) {
	return db.SilencesSince(ctx, time.Now())
}

// SilencesSince gives those too that expired since then.
func (db *DB) SilencesSince(ctx context.Context, since time.Time) ([]schema.Silence, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	c := newSilenceColumns()
	var list []schema.Silence
	from := fmt.Sprintf("silences FINAL WHERE until_at > fromUnixTimestamp64Milli(toInt64(%d)) ORDER BY until_at, id", millis(since))
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		list = append(list, schema.Silence{
			ID: c.id.Row(i), Matchers: c.matchers.Row(i), By: c.by.Row(i), Reason: c.reason.Row(i),
			From: c.from.Row(i), Until: c.until.Row(i), Revised: c.revised.Row(i),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading silences: %w", err)
	}
	return list, nil
}
