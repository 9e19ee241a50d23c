package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// allowanceColumns is a block of the allowances table.
type allowanceColumns struct {
	id        proto.ColStr
	action    words
	at        timeColumn
	by        proto.ColStr
	kind      words
	value     proto.ColStr
	detectors *proto.ColArr[string]
	owner     proto.ColStr
	reason    proto.ColStr
	until     optionalTime
}

func newAllowanceColumns() *allowanceColumns {
	return &allowanceColumns{at: newTime(), detectors: proto.NewArray(new(proto.ColStr).LowCardinality()), until: newOptionalTime()}
}

func (c *allowanceColumns) columns() []column {
	return []column{
		{"id", &c.id}, {"action", &c.action}, {"at", &c.at}, {"by", &c.by}, {"kind", &c.kind}, {"value", &c.value},
		{"detectors", c.detectors}, {"owner", &c.owner}, {"reason", &c.reason}, {"until", c.until},
	}
}

func (c *allowanceColumns) append(a *schema.Allowance) {
	c.id.Append(a.ID)
	c.action.Append(string(a.Action))
	c.at.Append(a.At)
	c.by.Append(a.By)
	c.kind.Append(string(a.Kind))
	c.value.Append(a.Value)
	c.detectors.Append(a.Detectors)
	c.owner.Append(a.Owner)
	c.reason.Append(a.Reason)
	c.until.Append(a.Until)
}

func (c *allowanceColumns) allowance(i int) schema.Allowance {
	a := schema.Allowance{
		ID: c.id.Row(i), Action: schema.AllowAction(c.action.Row(i)), At: c.at.Row(i), By: c.by.Row(i), Kind: schema.AllowKind(c.kind.Row(i)),
		Value: c.value.Row(i), Owner: c.owner.Row(i), Reason: c.reason.Row(i), Until: c.until.Row(i),
	}
	if detectors := c.detectors.Row(i); len(detectors) > 0 {
		a.Detectors = detectors
	}
	return a
}

// InsertAllowances adds changes to the allow-list.
func (db *DB) InsertAllowances(ctx context.Context, changes []schema.Allowance) error {
	if len(changes) == 0 {
		return nil
	}
	c := newAllowanceColumns()
	for i := range changes {
		c.append(&changes[i])
	}
	if err := db.insert(ctx, "allowances", "", c.columns()); err != nil {
		return fmt.Errorf("writing to the allow-list: %w", err)
	}
	return nil
}

// Allowances lists all changes of the allow-list, in the order in which they were made. People make
// them, so they are few.
func (db *DB) Allowances(ctx context.Context) ([]schema.Allowance, error) {
	c := newAllowanceColumns()
	var list []schema.Allowance
	err := db.stream(ctx, "allowances ORDER BY at, stored_at, id", c.columns(), func(i int) error {
		list = append(list, c.allowance(i))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the allow-list: %w", err)
	}
	return list, nil
}
