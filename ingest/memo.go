package ingest

import "hash/maphash"

// memo remembers what was made of texts that come again and again. Outsiders choose the
// texts, so it has a fixed number of places. A text has one, and takes it when it comes there
// twice with no other stranger in between: texts that come once, however many, displace nothing
// and allocate nothing. The hash is keyed by chance, so that nobody can aim at a place.
type memo[V any] struct {
	seed    maphash.Seed
	longest int // bytes of a text that is remembered
	most    int // places
	places  []memoPlace[V]
	kept    int // since there are so many places

	hash uint64 // of the text that was looked for last
}

type memoPlace[V any] struct {
	text     string
	value    V
	stranger uint64 // hash of the text that was looked for last and is not the one here
}

// leastPlaces is what a memo begins with: where little happens it should take little memory.
const leastPlaces = 64

// newMemo makes a memo of at most so many places, a power of two.
func newMemo[V any](most, longest int) *memo[V] {
	return &memo[V]{seed: maphash.MakeSeed(), longest: longest, most: most, places: make([]memoPlace[V], leastPlaces)}
}

// look gives the place that a text may have, which find then looks into: nil if it is none that is remembered.
func (m *memo[V]) look(text []byte) *memoPlace[V] {
	if len(text) == 0 || len(text) > m.longest {
		return nil
	}
	m.hash = maphash.Bytes(m.seed, text)
	return &m.places[m.hash&uint64(len(m.places)-1)]
}

// find gives what is remembered of the text that was looked for last. Where nothing is and the text has come before,
// it gives the place where it may be kept instead.
func (m *memo[V]) find(place *memoPlace[V], text []byte) (known *V, room *memoPlace[V]) {
	if place == nil {
		return nil, nil
	}
	if place.text == string(text) {
		return &place.value, nil
	}
	if place.stranger != m.hash {
		place.stranger = m.hash
		return nil, nil
	}
	if m.kept++; m.kept > len(m.places) && len(m.places) < m.most {
		m.places, m.kept = make([]memoPlace[V], min(4*len(m.places), m.most)), 0 // what is common is back at once
		return nil, nil
	}
	return nil, place
}

// keep remembers what was made of a text.
func (p *memoPlace[V]) keep(text []byte, value V) {
	if p != nil {
		p.text, p.value, p.stranger = string(text), value, 0
	}
}
