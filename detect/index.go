package detect

import (
	"encoding/binary"
	"math/bits"

	"github.com/tokenwatch/tokenwatch/schema"
)

// index finds a token's slot: an open table of 8 bytes an entry, at most three quarters
// full, that is probed linearly. An entry holds 32 bits of the token's hash and its slot,
// so that growing and deleting touch no profile. Fingerprints are keyed with a secret, so
// nobody outside can aim at one place of the table.
type index struct {
	entries []uint64 // hash<<32 | slot+1; 0 is empty
	len     int
}

const leastIndex = 1024

func tokenHash(t *schema.TokenID) uint32 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(t[:8])^0x9E3779B97F4A7C15, binary.LittleEndian.Uint64(t[8:])^0xD6E8FEB86659FD93)
	h := hi ^ lo
	return uint32(h ^ h>>32)
}

// find returns a token's slot.
func (m *memory) find(token *schema.TokenID) (slot, bool) {
	x := m.index.entries
	if len(x) == 0 {
		return 0, false
	}
	hash, mask := tokenHash(token), uint32(len(x)-1)
	for i := hash & mask; x[i] != 0; i = (i + 1) & mask {
		if s := slot(uint32(x[i]) - 1); uint32(x[i]>>32) == hash && m.at(s).token == *token {
			return s, true
		}
	}
	return 0, false
}

// add files a slot that is not in the table yet.
func (x *index) add(hash uint32, s slot) {
	if 4*(x.len+1) > 3*len(x.entries) {
		x.grow()
	}
	x.place(uint64(hash)<<32 | uint64(s+1))
	x.len++
}

func (x *index) place(entry uint64) {
	mask := uint32(len(x.entries) - 1)
	i := uint32(entry>>32) & mask
	for x.entries[i] != 0 {
		i = (i + 1) & mask
	}
	x.entries[i] = entry
}

func (x *index) grow() {
	old := x.entries
	x.entries = make([]uint64, max(leastIndex, 2*len(old)))
	for _, e := range old {
		if e != 0 {
			x.place(e)
		}
	}
}

// remove takes a slot out and closes the gap, so that probing needs no tombstones.
func (x *index) remove(hash uint32, s slot) {
	mask := uint32(len(x.entries) - 1)
	gap := hash & mask
	for x.entries[gap] != uint64(hash)<<32|uint64(s+1) {
		gap = (gap + 1) & mask
	}
	for i := (gap + 1) & mask; x.entries[i] != 0; i = (i + 1) & mask {
		home := uint32(x.entries[i]>>32) & mask
		if (i-home)&mask >= (i-gap)&mask { // it may stand in the gap
			x.entries[gap] = x.entries[i]
			gap = i
		}
	}
	x.entries[gap] = 0
	x.len--
}

// Ahead is how many events Prefetch looks ahead.
const Ahead = 8

// ahead are the slots that Prefetch has found, for events in their order.
type ahead struct {
	slots   [Ahead]slot
	n, next int
}

// slot finds a token's slot: as a rule Prefetch has found it already. Whether the events did come in that order, and
// whether the profile is still there, its name tells.
func (e *Engine) slot(token *schema.TokenID) (slot, bool) {
	if a := &e.found; a.next < a.n {
		a.next++
		if s := a.slots[a.next-1]; s < e.memory.slots && e.memory.at(s).token == *token {
			return s, true
		}
	}
	return e.memory.find(token)
}

// Prefetch brings the profiles of the first Ahead events near the processor, before they
// are processed: a million profiles are far away, and fetching a few side by side takes
// hardly longer than fetching one. It changes nothing that is found.
func (e *Engine) Prefetch(events []schema.Event) {
	var near [Ahead]*profile
	n, m := 0, e.memory
	events = events[:min(len(events), Ahead)]
	e.found.n, e.found.next = len(events), 0
	for i := range events {
		s, known := m.find(&events[i].Token)
		if e.found.slots[i] = s; known {
			near[n] = m.at(s)
			n++
		}
	}
	touched := uint64(0)
	for _, p := range near[:n] {
		touched += uint64(p.rate.spans[0].window) + p.doings.routes + uint64(p.doings.sums[3]) + uint64(p.doings.methods) + uint64(p.awake.newest) + uint64(p.quarantine.since)
		if p.usualHour == uint32(events[0].Time.Unix()/3600) {
			continue // most likely it is no news
		}
		touched += uint64(p.hours[0]) + uint64(p.hours[64]) + uint64(p.hours[128])
		list := m.all(&p.habits)
		for i := 0; i < len(list); i += 3 { // a habit is 24 bytes, a cache line 64
			touched += uint64(list[i].key)
		}
	}
	e.near = touched
}
