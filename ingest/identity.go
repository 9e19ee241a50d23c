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
	space space // that was asked for last: as a rule the next one too
	pairs [][2]knownIdentity
	kept  int // since there are so many pairs
}

// space is one of those that must not mix, and the key of its hashes.
type space struct {
	kind   byte
	source string
	key    sipKey
}

type knownIdentity struct {
	hash [2]uint64 // zero: none
	identity
}

// Pairs of places: few where little happens, and at most enough for the tokens that a
// partition sees in a short time, which take half a megabyte.
const (
	leastPairs = 64
	mostPairs  = 4096
)

func newIdentities() *identities {
	var key [16]byte
	rand.Read(key[:]) // never fails
	return &identities{
		key:   sipKey{binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])},
		pairs: make([][2]knownIdentity, leastPairs),
	}
}

// find gives the place of an identity, and whether it is there already. Otherwise the caller makes it.
// Kind and source keep spaces apart as the Fingerprinter does.
func (d *identities) find(kind byte, source string, said []byte) (*identity, bool) {
	if d.space.kind != kind || d.space.source != source {
		d.space = space{kind, source, d.key.sum(append([]byte{kind}, source...))}
	}
	hash := d.space.key.sum(said)
	pair := &d.pairs[hash[0]&uint64(len(d.pairs)-1)]
	if pair[0].hash == hash {
		return &pair[0].identity, true
	}
	pair[0], pair[1] = pair[1], pair[0]
	if pair[0].hash == hash {
		return &pair[0].identity, true
	}
	if d.kept++; d.kept > len(d.pairs) && len(d.pairs) < mostPairs {
		d.pairs, d.kept = make([][2]knownIdentity, 4*len(d.pairs)), 0 // what is common is back at once
		pair = &d.pairs[hash[0]&uint64(len(d.pairs)-1)]
	}
	pair[0].hash = hash
	return &pair[0].identity, false
}

// identity says whose request it was. What the gateway made of the credential goes before
// what the client claimed; a consumer's name serves where there is neither. It is nil if
// there is nothing.
func (w *decoding) identity(r *format.Record) *identity {
	source := w.format.Name()
	switch {
	case len(r.Credential) > 0:
		id, known := w.known.find('c', source, r.Credential)
		if !known {
			*id = identity{w.prints.Credential(source, r.Credential), w.prints.Former().whose(source, r), w.hint(appendIDHint, r.Credential), credentialName(source, r.Credential)}
		}
		return id
	case len(r.Token) > 0 && len(canonical(r.Token)) > 0:
		id, known := w.known.find('t', source, r.Token)
		if !known {
			*id = identity{w.prints.For(source, r.Token), w.prints.Former().whose(source, r), w.hint(appendHint, canonical(r.Token)), ""}
		}
		return id
	case len(r.Consumer) > 0:
		id, known := w.known.find('n', "", r.Consumer)
		if !known {
			*id = identity{w.prints.Consumer(r.Consumer), w.prints.Former().whose(source, r), "", ""}
		}
		return id
	}
	return nil
}

func (w *decoding) hint(of func(dst, said []byte) []byte, said []byte) string {
	w.buf = of(w.buf[:0], said)
	return w.texts.intern(w.buf)
}
