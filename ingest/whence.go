package ingest

import (
	"hash/maphash"
	"math/bits"

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
	hash  uint64 // of what the record at hand says
	pairs [][2]whence
	kept  int // since there are so many pairs
}

// whence fills three lines of the processor's cache.
type whence struct {
	origin
	place   schema.Place
	edition uint64 // of the locator that said so; 0: it was not asked
	taken   bool   // something is remembered here
	older   bool   // of a pair's first: the second was used since
	peer    uint8  // how much of said is the peer, and then the client; the rest is the chain
	client  uint8
	size    uint8
	said    [maxSaid]byte
}

// maxSaid is how much is remembered that records say of an address: all but long chains.
const maxSaid = 59

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
	if len(r.Forwarded) > 0 || len(r.Peer)+len(r.Client)+len(r.ForwardedFor) > maxSaid {
		return nil
	}
	k.hash = maphash.Bytes(k.seed, r.Peer)
	if len(r.Client) > 0 {
		k.hash = bits.RotateLeft64(k.hash, 21) ^ maphash.Bytes(k.seed, r.Client)
	}
	if len(r.ForwardedFor) > 0 {
		k.hash = bits.RotateLeft64(k.hash, 42) ^ maphash.Bytes(k.seed, r.ForwardedFor)
	}
	return &k.pairs[k.hash&uint64(len(k.pairs)-1)]
}

// find gives what is remembered of what was looked for, or nil.
func (k *whences) find(pair *[2]whence, r *format.Record) *whence {
	if pair[0].is(r) {
		pair[0].older = false
		return &pair[0]
	}
	if pair[1].is(r) {
		pair[0].older = true
		return &pair[1]
	}
	return nil
}

// is reports whether this is what a record says. The parts are compared where they stand: put together first, they would have
// to be waited for.
func (k *whence) is(r *format.Record) bool {
	peer, client := int(k.peer), int(k.peer)+int(k.client)
	return k.taken && string(k.said[:peer]) == string(r.Peer) && string(k.said[peer:client]) == string(r.Client) &&
		string(k.said[client:k.size]) == string(r.ForwardedFor)
}

// room empties a place for what was not found.
func (k *whences) room(r *format.Record) *whence {
	if k.kept++; k.kept > len(k.pairs) && len(k.pairs) < mostWhences {
		k.pairs, k.kept = make([][2]whence, 4*len(k.pairs)), 0 // what is common is back at once
	}
	pair := &k.pairs[k.hash&uint64(len(k.pairs)-1)]
	taken := &pair[1]
	if pair[0].older {
		taken = &pair[0]
	}
	*taken = whence{taken: true, peer: uint8(len(r.Peer)), client: uint8(len(r.Client))}
	taken.size = uint8(len(append(append(append(taken.said[:0], r.Peer...), r.Client...), r.ForwardedFor...)))
	pair[0].older = taken == &pair[1]
	return taken
}

// trace sets where the request came from.
func (w *decoding) trace(e *schema.Event, pair *[2]whence, r *format.Record) {
	from := w.whence(pair, r)
	e.IP, e.IPFrom, e.IPSpoofed = from.ip, from.from, from.spoofed
	if w.locator != nil && from.ip.IsValid() {
		w.locate(from)
		e.Place = from.place
	}
	if len(r.Country) > 0 || r.ASN > 0 {
		w.vouched(e, r)
	}
}

// whence gives where a record says that the request came from, remembered or new.
func (w *decoding) whence(pair *[2]whence, r *format.Record) (from *whence) {
	if pair != nil {
		if from = w.whences.find(pair, r); from != nil {
			return from
		}
	}
	if pair != nil && w.addresses(r.Peer) && w.addresses(r.Client) && w.addresses(r.ForwardedFor) {
		from = w.whences.room(r)
	} else {
		from = new(whence)
	}
	from.origin = w.trust.origin(r)
	return from
}

// addresses reports whether a text has nothing in it but what addresses and lists of them are made of: what else
// callers write there, such as their tokens, is not remembered.
func (w *decoding) addresses(text []byte) bool {
	for _, c := range text {
		if unhex(c) > 15 && c != '.' && c != ':' && c != ',' && c != ' ' && c != '[' && c != ']' {
			return false
		}
	}
	return !w.scrub.bears(text)
}

// locate asks the locator for the place, unless it would say what it said last.
func (w *decoding) locate(from *whence) {
	if w.editions == nil {
		from.place = w.locator.Locate(from.ip)
		return
	}
	edition := w.editions.Edition()
	if from.edition == edition && edition != 0 {
		return
	}
	from.place, from.edition = w.locator.Locate(from.ip), edition
	if w.editions.Edition() != edition {
		from.edition = 0 // nobody knows which of them has said so
	}
}
