package ingest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// intent is the note that goes with a committed offset: this range is about to be stored.
// It is written before the first attempt to store the range, and replaced only after
// the last.
type intent struct {
	first, last int64
	at          time.Time
}

// note is an intent as it is committed: {"pending":[17,42],"at":1735689600000}. It says which
// range and which ingested time a replay has to reproduce.
type note struct {
	Pending *[2]int64 `json:"pending"`
	At      int64     `json:"at"` // milliseconds since 1970
}

func intentOf(b *schema.Block) intent { return intent{first: b.First, last: b.Last, at: b.Ingested} }

func (i intent) String() string {
	text, err := json.Marshal(note{Pending: &[2]int64{i.first, i.last}, At: i.at.UnixMilli()})
	if err != nil {
		panic(err) // three integers always marshal
	}
	return string(text)
}

// latest is the last millisecond that a DateTime64 column holds: the end of 2299.
const latest = 10_413_791_999_999

// readIntent reads the note committed with an offset. No note means that nothing is
// pending. A note that is not ours, or does not belong to the offset, is an error: somebody
// else commits for this group, or moved its offset by hand.
func readIntent(offset int64, metadata string) (*intent, error) {
	if metadata == "" {
		return nil, nil
	}
	var n note
	if err := json.Unmarshal([]byte(metadata), &n); err != nil {
		return nil, fmt.Errorf("note %q at offset %d is not an intent: %w", metadata, offset, err)
	}
	if n.Pending == nil || n.Pending[0] != offset || n.Pending[1] < offset || n.At <= 0 || n.At > latest {
		return nil, fmt.Errorf("note %q does not belong to offset %d", metadata, offset)
	}
	return &intent{first: n.Pending[0], last: n.Pending[1], at: time.UnixMilli(n.At).UTC()}, nil
}
