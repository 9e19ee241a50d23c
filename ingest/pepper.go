package ingest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
)

// minPepper is how many bytes a pepper needs at least: whoever has the events and could
// guess the pepper could try out tokens on them.
const minPepper = 16

// Pepper is the secret that fingerprints are keyed with. It prints as ***. While peppers are
// rotated it also knows the one that it takes the place of.
type Pepper struct{ key, former string }

// After is the pepper in the place of a former one: events then carry both fingerprints, so
// that what is known of a token under the former one goes on under this one.
func (p Pepper) After(former Pepper) (Pepper, error) {
	if p.key == former.key {
		return Pepper{}, errors.New("former_pepper_file: the same pepper as pepper_file; put a new one there (openssl rand -hex 32), or leave this key out")
	}
	return Pepper{key: p.key, former: former.key}, nil
}

// ParsePepper reads a pepper of at least 16 bytes: 32 or more hexadecimal digits, or
// base64 of 16 or more bytes, or else the text as it is. White space around it is dropped.
func ParsePepper(s string) (Pepper, error) {
	s = strings.TrimSpace(s)
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString,
		base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(s); err == nil && len(key) >= minPepper {
			return Pepper{key: string(key)}, nil
		}
	}
	if len(s) < minPepper {
		return Pepper{}, fmt.Errorf("a pepper needs at least %d bytes, this one has %d: make one with `openssl rand -hex 32`", minPepper, len(s))
	}
	return Pepper{key: s}, nil
}

// ReadPepper reads a pepper from a file. Its errors name the configuration's key.
func ReadPepper(path string) (Pepper, error) { return readPepper("pepper_file", path) }

// ReadFormerPepper reads the pepper that was in use before, likewise.
func ReadFormerPepper(path string) (Pepper, error) { return readPepper("former_pepper_file", path) }

func readPepper(key, path string) (Pepper, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Pepper{}, fmt.Errorf("%s: %w", key, err)
	}
	p, err := ParsePepper(string(text))
	if err != nil {
		return Pepper{}, fmt.Errorf("%s: %s: %w", key, path, err)
	}
	return p, nil
}

// OpenPepper reads the pepper in a file, and first makes the file, readable by its owner
// only, if there is none. Losing it means losing every token's history.
func OpenPepper(path string) (Pepper, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ReadPepper(path)
	}
	if err != nil {
		return Pepper{}, fmt.Errorf("pepper_file: %w", err)
	}
	_, err = fmt.Fprintln(file, hex.EncodeToString(key))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return Pepper{}, fmt.Errorf("pepper_file: %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return ReadPepper(path)
}

// IsZero reports whether there is no pepper.
func (p Pepper) IsZero() bool { return p.key == "" }

func (p Pepper) String() string               { return "***" }
func (p Pepper) GoString() string             { return "ingest.Pepper(***)" }
func (p Pepper) Format(s fmt.State, _ rune)   { fmt.Fprint(s, "***") }
func (p Pepper) LogValue() slog.Value         { return slog.StringValue("***") }
func (p Pepper) MarshalText() ([]byte, error) { return []byte("***"), nil }
