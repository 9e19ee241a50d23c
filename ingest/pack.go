package ingest

import "github.com/tokenwatch/tokenwatch/schema"

// Packer is a Store that has a form of its own for events, which they are put into while their block is filled. Its blocks
// have their events there, when they are complete.
type Packer interface {
	Store
	// Pack gives room for the events of a block.
	Pack() schema.Packed
}

// packEvery is of how many events the last stand in a block as they are, before they are packed. They have been decoded and looked at a moment
// ago, and as many find room in the part of a processor's cache that is nearest but one: neither are they fetched from memory
// again, nor do they have to get there.
const packEvery = 128

// packing tells how a store wants its events.
func packing(s Store) func() schema.Packed {
	if p, ok := s.(Packer); ok {
		return p.Pack
	}
	return nil
}

// pack packs the events that stand in the block as they are, if that is what the store wants.
func (r *room) pack() {
	b := r.block
	if b.Packed == nil || len(b.Events) == 0 {
		return
	}
	b.Packed.Add(b.Events)
	b.Texts.Reuse()
	b.Events = b.Events[:0]
	if cap(b.Events) > packEvery { // a record of very many
		b.Events = make([]schema.Event, 0, packEvery)
	}
}

// capacity is how many events there is room for.
func (r *room) capacity() int {
	if r.block.Packed == nil {
		return cap(r.block.Events)
	}
	return r.block.Packed.Cap()
}
