package ingest_test

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// noting is a store that keeps what blocks say about offsets without a record.
type noting struct {
	*store
	mu      sync.Mutex
	missing []schema.Missing
}

func (n *noting) InsertBlock(ctx context.Context, b *schema.Block) error {
	n.mu.Lock()
	n.missing = append(n.missing, b.Missing...)
	n.mu.Unlock()
	return n.store.InsertBlock(ctx, b)
}

// deaf is a handler, and its lane, that makes nothing of events.
type deaf struct{}

func (d deaf) Resume(context.Context, string, int32, int64) (ingest.Lane, error) { return d, nil }
func (deaf) Look([]schema.Event)                                                 {}
func (deaf) Cut(int64)                                                           {}
func (deaf) Handle(context.Context, *schema.Block) error                         { return nil }

// What the reader was told about offsets without a record goes with the block of the
// next record, so that the store can tell a gap that is right from one that is not.
func TestMissingOffsetsGoWithTheBlock(t *testing.T) {
	with := func(n int, holes ...int) []string {
		list := values(n)
		for _, at := range holes {
			list[at] = hole
		}
		return list
	}
	for _, c := range []struct {
		name      string
		values    []string
		start     int64 // of what retention left
		committed int64
		note      string
		want      []schema.Missing
	}{
		{"none", with(6), 0, 0, "", nil},
		{"holes", with(12, 2, 3, 7), 0, 0, "", []schema.Missing{{First: 2, Last: 3, Kind: schema.MissingAbsent}, {First: 7, Last: 7, Kind: schema.MissingAbsent}}},
		{"a hole in front", with(6, 0), 0, 0, "", []schema.Missing{{First: 0, Last: 0, Kind: schema.MissingAbsent}}},
		{"not from the start", with(6, 0), 0, -1, "", nil},
		{"retention", with(9), 5, 2, "", []schema.Missing{{First: 2, Last: 4, Kind: schema.MissingLost}}},
		{"made anew", with(4), 0, 100, "", []schema.Missing{{First: 0, Last: 99, Kind: schema.MissingReset}}},
		{"a replay without its end", with(9, 4, 5), 0, 2, `{"pending":[2,5],"at":1735689600000}`, []schema.Missing{{First: 4, Last: 5, Kind: schema.MissingAbsent}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, log := &noting{store: newStore(t)}, newLog(c.values...)
			log.start, log.committed, log.note = c.start, c.committed, c.note
			end := int64(len(c.values))
			err := runUntil(t, pipeline(s, deaf{}), log.claim(), "the end", func() bool {
				offset, note := log.group()
				return offset == end && note == ""
			})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(s.missing, c.want) {
				t.Errorf("have %+v, want %+v", s.missing, c.want)
			}
		})
	}
}
