package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// verdictColumns is a block of the verdicts table.
type verdictColumns struct {
	id       proto.ColStr
	incident proto.ColStr
	token    proto.ColFixedStr16
	kind     words
	by       proto.ColStr
	note     proto.ColStr
	at       timeColumn
	since    timeColumn
	to       timeColumn
	until    optionalTime
	allow    proto.ColBool
}

func newVerdictColumns() *verdictColumns {
	return &verdictColumns{at: newTime(), since: newTime(), to: newTime(), until: newOptionalTime()}
}

func (c *verdictColumns) columns() []column {
	return []column{
		{"id", &c.id}, {"incident", &c.incident}, {"token", &c.token}, {"kind", &c.kind}, {"by", &c.by}, {"note", &c.note},
		{"at", &c.at}, {"since", &c.since}, {"to", &c.to}, {"until", c.until}, {"allow", &c.allow},
	}
}

func (c *verdictColumns) append(v *schema.Verdict) {
	c.id.Append(v.ID)
	c.incident.Append(v.Incident)
	c.token.Append(v.Token)
	c.kind.Append(string(v.Kind))
	c.by.Append(v.By)
	c.note.Append(v.Note)
	c.at.Append(v.At)
	c.since.Append(v.Since)
	c.to.Append(v.To)
	c.until.Append(v.Until)
	c.allow.Append(v.Allow)
}

func (c *verdictColumns) verdict(i int) schema.Verdict {
	return schema.Verdict{
		ID: c.id.Row(i), Incident: c.incident.Row(i), Token: c.token[i], Kind: schema.VerdictKind(c.kind.Row(i)), By: c.by.Row(i), Note: c.note.Row(i),
		At: c.at.Row(i), Since: c.since.Row(i), To: c.to.Row(i), Until: c.until.Row(i), Allow: c.allow.Row(i),
	}
}

// InsertVerdicts stores verdicts. One with an id, token and time that are stored already changes nothing.
func (db *DB) InsertVerdicts(ctx context.Context, verdicts []schema.Verdict) error {
	if len(verdicts) == 0 {
		return nil
	}
	c := newVerdictColumns()
	for i := range verdicts {
		c.append(&verdicts[i])
	}
	if err := db.insert(ctx, "verdicts", "", c.columns()); err != nil {
		return fmt.Errorf("storing verdicts: %w", err)
	}
	return nil
}

// Verdicts lists the verdicts that were stored, by ClickHouse's clock, at or after since (a zero since: all), in the
// order in which they were given.
func (db *DB) Verdicts(ctx context.Context, since time.Time) ([]schema.Verdict, error) {
	c := newVerdictColumns()
	var list []schema.Verdict
	from := fmt.Sprintf("verdicts FINAL WHERE stored_at >= fromUnixTimestamp64Milli(toInt64(%d)) ORDER BY at, id", millis(since))
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		list = append(list, c.verdict(i))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading verdicts: %w", err)
	}
	return list, nil
}
