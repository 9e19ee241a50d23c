package clickhouse

import (
	"context"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// renameColumns is a block of the token_renames table.
type renameColumns struct {
	token proto.ColFixedStr16
	name  proto.ColFixedStr16
	newer proto.ColBool
	seen  proto.ColDateTime
}

func (c *renameColumns) columns() []column {
	return []column{{"token", &c.token}, {"name", &c.name}, {"newer", &c.newer}, {"seen", &c.seen}}
}

func (c *renameColumns) append(token, name schema.TokenID, newer bool, seen time.Time) {
	c.token.Append(token)
	c.name.Append(name)
	c.newer.Append(newer)
	c.seen.Append(seen)
}

// rename is the two fingerprints of a token in an event that carries both.
type rename struct{ token, former schema.TokenID }

// renames are a block's, each once: at most as many as it has events.
func renames(c *eventColumns) []rename {
	var found []rename
	known := map[rename]bool{}
	for i, former := range c.former {
		if former == (schema.TokenID{}) || former == c.token[i] {
			continue
		}
		if r := (rename{c.token[i], former}); !known[r] {
			known[r] = true
			found = append(found, r)
		}
	}
	return found
}

// insertRenames writes down under which two fingerprints a token is known, both ways. A materialized view of events did it
// before: every insert paid for that, and only while peppers are rotated is there anything to write.
func (db *DB) insertRenames(ctx context.Context, token string, events *eventColumns) error {
	found := renames(events)
	if len(found) == 0 {
		return nil
	}
	c := &renameColumns{seen: proto.ColDateTime{Location: time.UTC}}
	for _, r := range found {
		c.append(r.token, r.former, false, events.ingestedAt.Row(0))
		c.append(r.former, r.token, true, events.ingestedAt.Row(0))
	}
	return db.insert(ctx, "token_renames", token, c.columns())
}
