package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// actColumns is a block of the console's audit.
type actColumns struct {
	at      timeColumn
	id      proto.ColStr
	step    proto.ColUInt8
	person  proto.ColStr
	role    words
	via     words
	address proto.ColStr
	action  words
	subject proto.ColStr
	detail  proto.ColStr
	outcome words
	reason  proto.ColStr
}

func (c *actColumns) columns() []column {
	return []column{
		{"at", &c.at}, {"id", &c.id}, {"step", &c.step}, {"person", &c.person}, {"role", &c.role}, {"via", &c.via}, {"address", &c.address},
		{"action", &c.action}, {"subject", &c.subject}, {"detail", &c.detail}, {"outcome", &c.outcome}, {"reason", &c.reason},
	}
}

func (c *actColumns) append(a *schema.Act) {
	step := uint8(1)
	if a.Outcome == schema.ActBegun {
		step = 0
	}
	c.at.Append(a.At)
	c.id.Append(a.ID)
	c.step.Append(step)
	c.person.Append(a.Person)
	c.role.Append(a.Role)
	c.via.Append(a.Via)
	c.address.Append(a.Address)
	c.action.Append(a.Action)
	c.subject.Append(a.Subject)
	c.detail.Append(a.Detail)
	c.outcome.Append(string(a.Outcome))
	c.reason.Append(a.Reason)
}

func (c *actColumns) act(i int) schema.Act {
	return schema.Act{
		At: c.at.Row(i), ID: c.id.Row(i), Person: c.person.Row(i), Role: c.role.Row(i), Via: c.via.Row(i), Address: c.address.Row(i),
		Action: c.action.Row(i), Subject: c.subject.Row(i), Detail: c.detail.Row(i), Outcome: schema.ActOutcome(c.outcome.Row(i)), Reason: c.reason.Row(i),
	}
}

// InsertActs adds to the console's audit, and returns when the rows are there for every reader.
func (db *DB) InsertActs(ctx context.Context, acts []schema.Act) error {
	if len(acts) == 0 {
		return nil
	}
	c := &actColumns{at: newTime()}
	for i := range acts {
		c.append(&acts[i])
	}
	if err := db.insert(ctx, "console_audit", "", c.columns()); err != nil {
		return fmt.Errorf("writing to the console's audit: %w", err)
	}
	return nil
}

// Acts lists what people did in the console, the newest first, each with what came of it.
func (db *DB) Acts(ctx context.Context, q schema.ActQuery) ([]schema.Act, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	c := &actColumns{at: newTime()}
	var list []schema.Act
	// The newest row of an act says what came of it; the table's order gives both without sorting all of it.
	from := "console_audit WHERE " + actsWhere(q) + fmt.Sprintf(" ORDER BY at DESC, id DESC, step DESC LIMIT 1 BY at, id LIMIT %d", max(0, q.Limit))
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		list = append(list, c.act(i))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the console's audit: %w", err)
	}
	return list, nil
}

func actsWhere(q schema.ActQuery) string {
	where := []string{"1"}
	if !q.Before.IsZero() {
		where = append(where, fmt.Sprintf("(at, id) < (fromUnixTimestamp64Milli(toInt64(%d), 'UTC'), %s)", millis(q.Before), literal(q.BeforeID)))
	}
	if q.Person != "" {
		where = append(where, "person = "+literal(q.Person))
	}
	if q.Action != "" {
		where = append(where, "action = "+literal(q.Action))
	}
	return strings.Join(where, " AND ")
}
