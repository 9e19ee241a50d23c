package kafka

import "slices"

// transactions tells which batches of a response nobody must see. The broker names the aborted transactions
// by producer and first offset; each ends with the producer's next marker, which is a batch of its own.
type transactions struct {
	aborted []aborted // not begun yet, by their first offset
	within  []int64   // producers of those that have begun; a response has few
}

// hides reports whether a batch is a marker, or belongs to an aborted transaction. It has to be asked about every
// batch of a response, in order.
func (t *transactions) hides(b *batch) bool {
	for len(t.aborted) > 0 && t.aborted[0].first <= b.last {
		t.within = append(t.within, t.aborted[0].producer)
		t.aborted = t.aborted[1:]
	}
	at := slices.Index(t.within, b.producer)
	if b.attributes&control != 0 {
		if at >= 0 {
			t.within = slices.Delete(t.within, at, at+1)
		}
		return true
	}
	return b.attributes&transactional != 0 && at >= 0
}
