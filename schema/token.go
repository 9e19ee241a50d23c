package schema

import (
	"encoding/hex"
	"fmt"
)

// TokenID is the keyed fingerprint of an API token: the first 16 bytes of an
// HMAC-SHA256 under a secret pepper, over the token, or over the gateway's own id of it,
// each in a space of its own (see ingest.Fingerprinter). Without the pepper it can neither be reversed nor
// recomputed, so it is safe in tables, logs and messages.
type TokenID [16]byte

// String is the fingerprint as 32 lower-case hexadecimal digits.
func (t TokenID) String() string { return hex.EncodeToString(t[:]) }

// IsZero reports whether no token was fingerprinted.
func (t TokenID) IsZero() bool { return t == TokenID{} }

// MarshalText writes the hexadecimal form.
func (t TokenID) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads the hexadecimal form.
func (t *TokenID) UnmarshalText(text []byte) error { return decodeID(t[:], text, "token fingerprint") }

// ParseTokenID reads a fingerprint as String prints it.
func ParseTokenID(s string) (TokenID, error) {
	var t TokenID
	return t, t.UnmarshalText([]byte(s))
}

// FindingID names a finding. It is derived from what the finding is about, so that a
// block which is processed twice yields the same ids.
type FindingID [16]byte

// String is the id as 32 lower-case hexadecimal digits.
func (f FindingID) String() string { return hex.EncodeToString(f[:]) }

// MarshalText writes the hexadecimal form.
func (f FindingID) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads the hexadecimal form.
func (f *FindingID) UnmarshalText(text []byte) error { return decodeID(f[:], text, "finding id") }

func decodeID(into, text []byte, what string) error {
	if len(text) != hex.EncodedLen(len(into)) {
		return fmt.Errorf("%s: want %d hexadecimal digits, have %d characters", what, hex.EncodedLen(len(into)), len(text))
	}
	if _, err := hex.Decode(into, text); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
