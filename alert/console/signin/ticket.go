package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// ticket is what has to be remembered between sending somebody to the provider and seeing that person come back.
type ticket struct {
	State    string    `json:"s"`
	Nonce    string    `json:"n"`
	Verifier string    `json:"v"`
	To       string    `json:"t"` // the page that was asked for
	Until    time.Time `json:"u"`
}

// ticketLife is how long somebody may take at the provider.
const ticketLife = 10 * time.Minute

// tickets seals tickets, so that the browser can keep them: nobody can fill our memory by beginning to sign in, and
// nobody can put one into somebody else's browser. The key lives as long as the process.
type tickets struct {
	seal cipher.AEAD
	now  func() time.Time
}

func newTickets(now func() time.Time) (tickets, error) {
	key := sha256.Sum256([]byte(rand.Text() + rand.Text()))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return tickets{}, fmt.Errorf("making a key for sign-ins: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return tickets{}, fmt.Errorf("making a key for sign-ins: %w", err)
	}
	return tickets{seal, now}, nil
}

func (t tickets) write(one ticket) (string, error) {
	one.Until = t.now().Add(ticketLife)
	text, err := json.Marshal(one)
	if err != nil {
		return "", fmt.Errorf("writing down a sign-in: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(t.seal.Seal(nil, nil, text, nil)), nil
}

func (t tickets) read(value string) (one ticket, valid bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return one, false
	}
	text, err := t.seal.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(text, &one) != nil {
		return one, false
	}
	return one, t.now().Before(one.Until)
}
