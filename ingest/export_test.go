package ingest

import (
	"net/netip"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// SipHash is the hash by which identities are remembered, for its published test vectors.
func SipHash(key [2]uint64, input []byte) [2]uint64 {
	low, high := sipKey(key).sum(input)
	return [2]uint64{low, high}
}

// Identities is what a Decoder remembers of identities.
type Identities struct{ *identities }

// NewIdentities makes one that remembers nothing yet.
func NewIdentities() Identities { return Identities{newIdentities()} }

// Find reports whether an identity is remembered, and remembers it.
func (d Identities) Find(kind byte, source string, said []byte) bool {
	if d.find(d.look(kind, source, said)) != nil {
		return true
	}
	d.room()
	return false
}

// Size is how many identities can be remembered as things are, and at most.
func (d Identities) Size() (now, most int) { return 2 * len(d.pairs), 2 * mostPairs }

// ClientIP gives what finds the client's address in a record.
func ClientIP(trusted []string) func(*format.Record) netip.Addr {
	t, err := parseTrust(trusted)
	if err != nil {
		panic(err) // the caller is a test
	}
	return func(r *format.Record) netip.Addr { return t.origin(r).ip }
}

// Survived is survived.
var Survived = survived
