package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Fingerprinter turns what identifies a caller into a schema.TokenID:
//
//	HMAC-SHA256(pepper, kind ‖ identity)[:16]
//
// The kind keeps three spaces apart, so that nobody can take another one's identity by
// sending its id or name as a token:
//
//	t  a raw token, canonical (see canonical): the same whether it came with or without
//	   a scheme, in a header or in the query string
//	c  a credential's id or hash, behind the name of the format that it is known in
//	n  a consumer's name, of a record that names nothing better
//
// While peppers are rotated there are two of them for each identity: see Former.
//
// The raw token goes no further than this file. A Fingerprinter reuses its state and
// allocates nothing: every goroutine needs its own.
type Fingerprinter struct {
	mac    hash.Hash
	keyID  uint16
	input  []byte
	sum    []byte
	former *Fingerprinter // of the former pepper, nil when there is none
}

// NewFingerprinter makes a Fingerprinter of a pepper.
func NewFingerprinter(p Pepper) *Fingerprinter {
	f := &Fingerprinter{mac: hmac.New(sha256.New, []byte(p.key))}
	if p.former != "" {
		f.former = NewFingerprinter(Pepper{key: p.former})
	}
	id := f.make('k', nil, []byte("key id"))
	f.keyID = max(1, binary.BigEndian.Uint16(id[:]))
	return f
}

// KeyID names the pepper without giving it away; it is never 0.
func (f *Fingerprinter) KeyID() uint16 { return f.keyID }

// Former makes the fingerprints of the pepper that was in use before. It is nil unless
// peppers are being rotated.
func (f *Fingerprinter) Former() *Fingerprinter { return f.former }

// Token fingerprints a raw token, with or without its scheme.
func (f *Fingerprinter) Token(raw []byte) schema.TokenID { return f.make('t', nil, canonical(raw)) }

// Credential fingerprints the id or hash by which a gateway of that format knows a credential.
func (f *Fingerprinter) Credential(source string, id []byte) schema.TokenID {
	return f.make('c', []byte(source), id)
}

// Consumer fingerprints a consumer's name.
func (f *Fingerprinter) Consumer(name []byte) schema.TokenID { return f.make('n', nil, name) }

// For fingerprints a raw token as ingest does for records of that format: LiteLLM logs a
// key's SHA-256, so its fingerprint is made of that. Kong's records are told by the id
// of the credential where Kong authenticated them: for those see Credential.
func (f *Fingerprinter) For(source string, raw []byte) schema.TokenID {
	if source != "litellm" {
		return f.Token(raw)
	}
	sum := sha256.Sum256(canonical(raw))
	return f.Credential(source, hex.AppendEncode(nil, sum[:]))
}

// whose is the fingerprint that a record's event had under this pepper, in the order in
// which identify looks; zero without a pepper.
func (f *Fingerprinter) whose(source string, r *format.Record) schema.TokenID {
	switch {
	case f == nil:
		return schema.TokenID{}
	case len(r.Credential) > 0:
		return f.Credential(source, r.Credential)
	case len(canonical(r.Token)) > 0:
		return f.For(source, r.Token)
	}
	return f.Consumer(r.Consumer)
}

// make is one HMAC. A zero byte ends the space: no format's name has one.
func (f *Fingerprinter) make(kind byte, space, identity []byte) (id schema.TokenID) {
	f.input = append(append(f.input[:0], kind), space...)
	f.input = append(append(f.input, 0), identity...)
	f.mac.Reset()
	f.mac.Write(f.input)
	clear(f.input)
	f.sum = f.mac.Sum(f.sum[:0])
	copy(id[:], f.sum)
	return id
}
