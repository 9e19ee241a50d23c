package ingest

import (
	"bytes"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Entry is what one entry of a record becomes: an event or a dead letter.
type Entry struct {
	Event  *schema.Event
	Letter *schema.DeadLetter
	Item   uint32
	Raw    []byte // as it stands in the record: the secrets are still in it
}

// Reread decodes a record as Decode does, and gives with each entry its own text, so that
// it can be sent again without those beside it.
func (d *Decoder) Reread(value []byte, pos Position) []Entry {
	var b schema.Block
	d.Decode(&b, value, pos)
	raws := d.raws(value, pos)
	entries := make([]Entry, 0, len(b.Events)+len(b.DeadLetters))
	for i := range b.Events {
		e := &b.Events[i]
		entries = append(entries, Entry{Event: e, Item: e.Item, Raw: raws[e.Item]})
	}
	for i := range b.DeadLetters {
		l := &b.DeadLetters[i]
		entries = append(entries, Entry{Letter: l, Item: l.Item, Raw: raws[l.Item]})
	}
	return entries
}

func (d *Decoder) raws(value []byte, pos Position) map[uint32][]byte {
	d = d.of(pos.Topic)
	raws := map[uint32][]byte{}
	if len(value) > d.cfg.MaxRecordBytes {
		return raws
	}
	w := d.take()
	sound := survived(func() {
		_ = w.format.Decode(value, func(r *format.Record) error { // what is wrong with it, Decode has told
			raws[uint32(r.Item)] = bytes.Clone(r.Raw)
			return nil
		})
	})
	if sound {
		d.rest(w)
	}
	return raws
}
