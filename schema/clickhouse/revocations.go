package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// revocationColumns is a block of the revocations table: columns to query by, and the whole step as JSON, which is
// what is read back.
type revocationColumns struct {
	incident proto.ColStr
	step     proto.ColUInt64
	at       timeColumn
	action   words
	state    words
	token    proto.ColFixedStr16
	consumer words
	by       proto.ColStr
	rule     proto.ColStr
	via      words
	request  proto.ColStr
	attempt  proto.ColUInt32
	answer   proto.ColStr
	reason   proto.ColStr
	instance proto.ColStr
	whole    proto.ColStr
}

func (c *revocationColumns) columns() []column {
	return []column{
		{"incident", &c.incident}, {"step", &c.step}, {"at", &c.at}, {"action", &c.action}, {"state", &c.state}, {"token", &c.token},
		{"consumer", &c.consumer}, {"by", &c.by}, {"rule", &c.rule}, {"via", &c.via}, {"request", &c.request}, {"attempt", &c.attempt},
		{"answer", &c.answer}, {"reason", &c.reason}, {"instance", &c.instance}, {"step_json", &c.whole},
	}
}

func (c *revocationColumns) append(s *schema.RevocationStep) error {
	whole, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("writing a step of the revocation of %s as JSON: %w", s.Incident, err)
	}
	r := &s.Revocation
	c.incident.Append(s.Incident)
	c.step.Append(r.Step)
	c.at.Append(r.At)
	c.action.Append(s.Action)
	c.state.Append(string(r.State))
	c.token.Append(s.Token)
	c.consumer.Append(s.Consumer)
	c.by.Append(r.By)
	c.rule.Append(r.Rule)
	c.via.Append(r.Via)
	c.request.Append(s.Request)
	c.attempt.Append(uint32(max(0, r.Attempts)))
	c.answer.Append(r.Answer)
	c.reason.Append(r.Reason)
	c.instance.Append(s.Instance)
	c.whole.AppendBytes(whole)
	return nil
}

// InsertRevocations stores steps of revocations, and returns when they are there for every reader.
func (db *DB) InsertRevocations(ctx context.Context, steps []schema.RevocationStep) error {
	if len(steps) == 0 {
		return nil
	}
	c := &revocationColumns{at: newTime()}
	for i := range steps {
		if err := c.append(&steps[i]); err != nil {
			return err
		}
	}
	if err := db.insert(ctx, "revocations", "", c.columns()); err != nil {
		return fmt.Errorf("storing steps of revocations: %w", err)
	}
	return nil
}

// Revocations lists the steps made at or after since, and all those of one incident if it is not empty, in the order
// in which they were made.
func (db *DB) Revocations(ctx context.Context, since time.Time, incident string) ([]schema.RevocationStep, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	where := fmt.Sprintf("at >= fromUnixTimestamp64Milli(toInt64(%d))", millis(since))
	if incident != "" {
		where += " OR incident = " + literal(incident)
	}
	return db.revocations(ctx, where+" ORDER BY at, incident, step")
}

func (db *DB) revocations(ctx context.Context, where string) ([]schema.RevocationStep, error) {
	var whole proto.ColStr
	var list []schema.RevocationStep
	err := db.stream(ctx, "revocations WHERE "+where, []column{{"step_json", &whole}}, func(i int) error {
		var s schema.RevocationStep
		if err := json.Unmarshal(whole.RowBytes(i), &s); err != nil {
			return fmt.Errorf("reading a step's JSON: %w", err)
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading steps of revocations: %w", err)
	}
	return list, nil
}

// Incident reads one incident as of its highest revision, and reports whether there is one.
func (db *DB) Incident(ctx context.Context, id string) (inc schema.Incident, found bool, err error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	var whole proto.ColStr
	err = db.stream(ctx, "incidents FINAL WHERE id = "+literal(id), []column{{"incident", &whole}}, func(i int) error {
		found = true
		return json.Unmarshal(whole.RowBytes(i), &inc)
	})
	if err != nil {
		return inc, false, fmt.Errorf("reading incident %.40q: %w", id, err)
	}
	return inc, found, nil
}
