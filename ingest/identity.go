package ingest

import (
	"crypto/rand"
	"encoding/binary"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// identity is what is stored in place of whatever told whose request it was.
type identity struct {
	token, former schema.TokenID
	hint          string
	credential    string // the gateway's own id, see credentialName
}

// identities remembers identities by a hash of what they were made of, keyed with a secret
// of the process: the credential itself is not kept, and nobody can make two that share a
// place for good, or take another one's. Outsiders choose credentials, so the number
// of places is fixed: a hash has two, and the one used last stays.
type identities struct {
	key   sipKey
	space space     // that was asked for last: as a rule the next one too
	hash  [2]uint64 // of the identity at hand
	pairs [][2]caller
	kept  int // since there are so many pairs
}

// space is one of those that must not mix, and the key of its hashes.
type space struct {
	kind   byte
	source string
	key    sipKey
}

// caller is an identity, and what its last record said besides, which as a rule the next one says too. It fills
// three lines of the processor's cache that follow one another, in place of one each of several tables.
type caller struct {
	hash [2]uint64 // zero: none
	identity
	habit
}

// Pairs of places: few where little happens, and at most enough for the tokens that a
// partition sees in a short time, which take one and a half megabytes.
const (
	leastPairs = 64
	mostPairs  = 4096
)

func newIdentities() *identities {
	var key [16]byte
	rand.Read(key[:]) // never fails
	return &identities{
		key:   sipKey{binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])},
		pairs: make([][2]caller, leastPairs),
	}
}

// look gives the places that an identity may have, which find then looks into.
// Kind and source keep spaces apart as the Fingerprinter does.
func (d *identities) look(kind byte, source string, said []byte) *[2]caller {
	if d.space.kind != kind || d.space.source != source {
		low, high := d.key.sum(append([]byte{kind}, source...))
		d.space = space{kind, source, sipKey{low, high}}
	}
	low, high := d.space.key.sum(said)
	d.hash[0], d.hash[1] = low, high
	return &d.pairs[low&uint64(len(d.pairs)-1)]
}

// find gives what is remembered of the identity that was looked for last, or nil: then whoever asks makes it, in the
// place that room gives.
func (d *identities) find(pair *[2]caller) *caller {
	low, high := d.hash[0], d.hash[1]
	if pair[0].hash[0] == low && pair[0].hash[1] == high {
		pair[0].older = false
		return &pair[0]
	}
	if pair[1].hash[0] == low && pair[1].hash[1] == high {
		pair[0].older = true
		return &pair[1]
	}
	return nil
}

// room gives the place of the identity that was not found, empty but for its hash.
func (d *identities) room() *caller {
	if d.kept++; d.kept > len(d.pairs) && len(d.pairs) < mostPairs {
		d.pairs, d.kept = make([][2]caller, 4*len(d.pairs)), 0 // what is common is back at once
	}
	pair := &d.pairs[d.hash[0]&uint64(len(d.pairs)-1)]
	taken := &pair[1]
	if pair[0].older {
		taken = &pair[0]
	}
	*taken = caller{hash: d.hash}
	pair[0].older = taken == &pair[1]
	return taken
}

// identity says whose request it was. What the gateway made of the credential goes before
// what the client claimed; a consumer's name serves where there is neither. It is nil if
// there is nothing. The place has been looked for already, see glance.
func (w *decoding) identity(r *format.Record, pair *[2]caller) *caller {
	source := w.format.Name()
	switch {
	case len(r.Credential) > 0:
		who := w.known.find(pair)
		if who == nil {
			who = w.known.room()
			who.identity = identity{w.prints.Credential(source, r.Credential), w.prints.Former().whose(source, r), w.hint(appendIDHint, r.Credential), credentialName(source, r.Credential)}
		}
		return who
	case len(r.Token) > 0:
		who := w.known.find(pair)
		if who == nil && len(canonical(r.Token)) > 0 {
			who = w.known.room()
			who.identity = identity{w.prints.For(source, r.Token), w.prints.Former().whose(source, r), w.hint(appendHint, canonical(r.Token)), ""}
		}
		if who != nil {
			return who
		}
	}
	if len(r.Consumer) == 0 {
		return nil
	}
	who := w.known.find(w.known.look('n', "", r.Consumer))
	if who == nil {
		who = w.known.room()
		who.identity = identity{w.prints.Consumer(r.Consumer), w.prints.Former().whose(source, r), "", ""}
	}
	return who
}

func (w *decoding) hint(of func(dst, said []byte) []byte, said []byte) string {
	w.buf = of(w.buf[:0], said)
	return w.texts.intern(w.buf)
}
