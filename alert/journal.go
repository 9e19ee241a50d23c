package alert

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Journal is a compacted topic that keeps incidents: of the records of one key the last holds, and one without a value
// takes the key away. Its partitions are those of the findings.
type Journal interface {
	// Bounds are the offset of the partition's first record and the one that its next record will have.
	Bounds(ctx context.Context, partition int32) (first, end int64, err error)
	// Read calls each for the records from an offset on, up to but without another, in order.
	Read(ctx context.Context, partition int32, from, to int64, each func(key string, value []byte) error) error
	// Append adds records, all or none, and gives the offset of the first. They are durable when it returns; after an
	// error nobody knows.
	Append(ctx context.Context, partition int32, records []JournalRecord) (first int64, err error)
}

// JournalRecord is an incident as it stands, by its id. Without a value, the incident is over and done with.
type JournalRecord struct {
	Key   string
	Value []byte
}

// Archive is where incidents are kept for ever, for SQL. Of one id, the highest revision counts.
type Archive interface {
	SaveIncidents(ctx context.Context, incidents []schema.Incident) error
	Incidents(ctx context.Context, states ...schema.IncidentState) ([]schema.Incident, error)
}

// entry is an incident in the journal. The epoch rises with every owner of the partition: what a former owner wrote
// after it should have stopped does not count.
type entry struct {
	Epoch int64 `json:"epoch"`
	schema.Incident
}

// newer reports whether e takes the place of old.
func (e entry) newer(old entry) bool {
	if e.Epoch != old.Epoch {
		return e.Epoch > old.Epoch
	}
	return e.Revision >= old.Revision
}

func (e entry) record() (JournalRecord, error) {
	value, err := json.Marshal(e)
	if err != nil {
		return JournalRecord{}, fmt.Errorf("writing incident %s as JSON: %w", e.ID, err)
	}
	return JournalRecord{Key: e.ID, Value: value}, nil
}

// parseEntry reads what record writes. The topic is not ours alone: what is no incident, or another than its key says,
// is refused.
func parseEntry(key string, value []byte) (entry, error) {
	var e entry
	if err := json.Unmarshal(value, &e); err != nil {
		return e, fmt.Errorf("reading incident %q: %w", key, err)
	}
	if e.ID == "" || e.ID != key || e.Revision == 0 {
		return e, fmt.Errorf("reading incident %q: it names itself %q, revision %d", key, e.ID, e.Revision)
	}
	return e, nil
}

// FindingKey is what a finding goes by in the findings topic: its token, so that all findings about one token come to
// one place; of a campaign or a fleet event the group. While peppers are rotated it is the former name, under which an incident may be open.
func FindingKey(f *schema.Finding) []byte {
	if !f.Former.IsZero() && f.Kind == schema.FindingToken {
		return []byte(f.Former.String())
	}
	return []byte(subjectFound(f).String())
}
