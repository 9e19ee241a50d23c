package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// InsertSightings stores sightings. The token names the block they came from: inserted again under the same token,
// they are not stored a second time.
func (db *DB) InsertSightings(ctx context.Context, token string, list []schema.Sighting) error {
	if len(list) == 0 {
		return nil
	}
	var (
		ts                                   = newTime()
		id                                   proto.ColFixedStr16
		consumer, environment, client, topic words
		asn                                  proto.ColUInt32
		score                                proto.ColFloat64
		partition                            proto.ColInt32
		offset                               proto.ColInt64
		whole                                proto.ColStr
	)
	for i := range list {
		s := &list[i]
		text, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("writing a sighting of %s as JSON: %w", s.Token, err)
		}
		ts.Append(s.Time)
		id.Append(s.Token)
		consumer.Append(s.Consumer)
		environment.Append(s.Environment)
		asn.Append(s.ASN)
		client.Append(s.Client)
		score.Append(s.Score)
		topic.Append(s.Topic)
		partition.Append(s.Partition)
		offset.Append(s.Offset)
		whole.AppendBytes(text)
	}
	err := db.insert(ctx, "sightings", token, []column{
		{"ts", &ts}, {"token", &id}, {"consumer", &consumer}, {"environment", &environment}, {"asn", &asn}, {"client", &client},
		{"score", &score}, {"topic", &topic}, {"partition", &partition}, {"offset", &offset}, {"sighting", &whole},
	})
	if err != nil {
		return fmt.Errorf("storing sightings of %s: %w", token, err)
	}
	return nil
}

// Sightings calls each for the sightings that were stored, by ClickHouse's clock, at or after since, in the order in which
// they were stored. It returns since when to ask for those that come next: an insert of the last moments may not be
// seen yet, so they are read again.
func (db *DB) Sightings(ctx context.Context, since time.Time, each func(schema.Sighting) error) (next time.Time, err error) {
	var whole proto.ColStr
	at := newTime()
	next = since
	from := fmt.Sprintf("sightings WHERE stored_at >= fromUnixTimestamp64Milli(toInt64(%d)) ORDER BY stored_at, topic, `partition`, offset", millis(since))
	err = db.stream(ctx, from, []column{{"stored_at", &at}, {"sighting", &whole}}, func(i int) error {
		var s schema.Sighting
		if err := json.Unmarshal(whole.RowBytes(i), &s); err != nil {
			return fmt.Errorf("reading a sighting's JSON: %w", err)
		}
		if back := at.Row(i).Add(-unseen); back.After(next) {
			next = back
		}
		return each(s)
	})
	if err != nil {
		return since, fmt.Errorf("reading sightings: %w", err)
	}
	return next, nil
}

// unseen is how long an insert may take from its time to when others see it.
const unseen = 10 * time.Second

type fleetColumns struct {
	id                   proto.ColStr
	at, until            timeColumn
	kind                 words
	value, among, client proto.ColStr
}

func newFleetColumns() *fleetColumns { return &fleetColumns{at: newTime(), until: newTime()} }

func (c *fleetColumns) columns() []column {
	return []column{{"id", &c.id}, {"at", &c.at}, {"until", &c.until}, {"kind", &c.kind}, {"value", &c.value}, {"among", &c.among}, {"client", &c.client}}
}

// InsertFleetEvents stores fleet events.
func (db *DB) InsertFleetEvents(ctx context.Context, list []schema.FleetEvent) error {
	if len(list) == 0 {
		return nil
	}
	c := newFleetColumns()
	for _, e := range list {
		c.id.Append(e.ID)
		c.at.Append(e.At)
		c.until.Append(e.Until)
		c.kind.Append(e.Kind)
		c.value.Append(e.Value)
		c.among.Append(e.Among)
		c.client.Append(e.Client)
	}
	if err := db.insert(ctx, "fleet_events", "", c.columns()); err != nil {
		return fmt.Errorf("storing fleet events: %w", err)
	}
	return nil
}

// FleetEvents lists the fleet events that were stored, by ClickHouse's clock, at or after since (a zero since: all), in
// their order.
func (db *DB) FleetEvents(ctx context.Context, since time.Time) ([]schema.FleetEvent, error) {
	c := newFleetColumns()
	var list []schema.FleetEvent
	from := fmt.Sprintf("fleet_events FINAL WHERE stored_at >= fromUnixTimestamp64Milli(toInt64(%d)) ORDER BY at, id, until DESC", millis(since))
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		list = append(list, schema.FleetEvent{
			ID: c.id.Row(i), At: c.at.Row(i), Until: c.until.Row(i), Kind: c.kind.Row(i), Value: c.value.Row(i), Among: c.among.Row(i), Client: c.client.Row(i),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading fleet events: %w", err)
	}
	return list, nil
}
