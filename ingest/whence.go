package ingest

import (
	"hash/maphash"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// whences remember where requests came from by what records say of it: peer, client and forwarding chain
// together, so that a record that says the same again costs one look instead of reading addresses,
// asking which of them are trusted, and looking up a place. Outsiders choose what they say, so
// the number of places is fixed: each saying has two, and the one used last stays. The hash is keyed by chance.
// Nothing is allocated, so what comes only once need not be kept out.
type whences struct {
	seed  maphash.Seed
	said  []byte // by the record at hand
	hash  uint64 // of said
	pairs [][2]whence
	kept  int // since there are so many pairs
}

// whence fills three lines of the processor's cache.
type whence struct {
	origin
	place   schema.Place
	edition uint64 // of the locator that said so; 0: it was not asked
	older   bool   // of a pair's first: the second was used since
	size    uint8  // of said; 0: nothing is remembered here
	said    [maxSaid]byte
}

// maxSaid is how much is remembered that records say of an address: all but long chains.
const maxSaid = 62

// Pairs of places: few where little happens, and at most enough for the addresses that call through
// one partition in a short time, which take one and a half megabytes.
const (
	leastWhences = 32
	mostWhences  = 4096
)

func newWhences() *whences {
	return &whences{seed: maphash.MakeSeed(), pairs: make([][2]whence, leastWhences)}
}

// look gives the places that what a record says may have, which find then looks into: nil if it is too long, or rare.
func (k *whences) look(r *format.Record) *[2]whence {
	if len(r.Forwarded) > 0 || len(r.Peer)+len(r.Client)+len(r.ForwardedFor) > maxSaid-2 {
		return nil
	}
	said := append(append(append(k.said[:0], byte(len(r.Peer)), byte(len(r.Client))), r.Peer...), r.Client...)
	k.said = append(said, r.ForwardedFor...)
	k.hash = maphash.Bytes(k.seed, k.said)
	return &k.pairs[k.hash&uint64(len(k.pairs)-1)]
}

// find gives what is remembered of what was looked for last, or nil.
func (k *whences) find(pair *[2]whence) *whence {
	if string(pair[0].said[:pair[0].size]) == string(k.said) {
		pair[0].older = false
		return &pair[0]
	}
	if string(pair[1].said[:pair[1].size]) == string(k.said) {
		pair[0].older = true
		return &pair[1]
	}
	return nil
}

// room empties a place for what was not found.
func (k *whences) room() *whence {
	if k.kept++; k.kept > len(k.pairs) && len(k.pairs) < mostWhences {
		k.pairs, k.kept = make([][2]whence, 4*len(k.pairs)), 0 // what is common is back at once
	}
	pair := &k.pairs[k.hash&uint64(len(k.pairs)-1)]
	taken := &pair[1]
	if pair[0].older {
		taken = &pair[0]
	}
	*taken = whence{size: uint8(len(k.said))}
	copy(taken.said[:], k.said)
	pair[0].older = taken == &pair[1]
	return taken
}

// trace sets where the request came from.
func (w *decoding) trace(e *schema.Event, pair *[2]whence, r *format.Record) {
	from := w.whence(pair, r)
	e.IP, e.IPFrom, e.IPSpoofed = from.ip, from.from, from.spoofed
	if w.locator != nil && e.IP.IsValid() {
		e.Place = w.locate(from)
	}
	if len(r.Country) > 0 || r.ASN > 0 {
		w.vouched(e, r)
	}
}

// whence gives where a record says that the request came from, remembered or new.
func (w *decoding) whence(pair *[2]whence, r *format.Record) (from *whence) {
	if pair != nil {
		if from = w.whences.find(pair); from != nil {
			return from
		}
	}
	if pair != nil && addresses(w.whences.said[2:]) && !w.scrub.bears(w.whences.said[2:]) {
		from = w.whences.room()
	} else {
		from = new(whence)
	}
	from.origin = w.trust.origin(r)
	return from
}

// addresses reports whether a text has nothing in it but what addresses and lists of them are made of: what else
// callers write there, such as their tokens, is not remembered.
func addresses(text []byte) bool {
	for _, c := range text {
		if unhex(c) > 15 && c != '.' && c != ':' && c != ',' && c != ' ' && c != '[' && c != ']' {
			return false
		}
	}
	return true
}

// locate asks the locator, unless it would say what it said last.
func (w *decoding) locate(from *whence) schema.Place {
	if w.editions == nil {
		return w.locator.Locate(from.ip)
	}
	edition := w.editions.Edition()
	if from.edition == edition && edition != 0 {
		return from.place
	}
	place := w.locator.Locate(from.ip)
	if w.editions.Edition() == edition { // else nobody knows which of them has said so
		from.place, from.edition = place, edition
	}
	return place
}
