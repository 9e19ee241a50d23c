// Package standard signs requests after the Standard Webhooks specification, so that a
// receiver knows who sent them and that nothing was changed on the way. It is the only
// importer of the specification's library.
//
//	webhook-id:        revoke-inc-3f9a…         the same on every repetition
//	webhook-timestamp: 1772334727
//	webhook-signature: v1,K5oZ… v1,g0hM… v1a,hnO3…
//
// There is a signature for every key: two shared secrets (v1) while one takes the place of
// the other, and an Ed25519 key (v1a), of which the receiver needs the public half only. It
// refuses to send: whoever calls has the connection.
package standard

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Prefixes of keys, as the specification writes them.
const (
	secretPrefix  = "whsec_"
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
)

// ErrSecret and ErrKey say what a key has to look like. They never quote one.
var (
	ErrSecret = errors.New("want whsec_ and the base64 of 24 to 64 random bytes, e.g. from: echo whsec_$(openssl rand -base64 32)")
	ErrKey    = errors.New("want whsk_ and the base64 of an Ed25519 seed of 32 bytes, e.g. from: echo whsk_$(openssl rand -base64 32)")
)

// Signer signs with all the keys that it was given. It is safe for concurrent use.
type Signer struct {
	shared []*webhooks.Webhook
	key    ed25519.PrivateKey // nil: none
}

// New makes a signer of shared secrets, empty ones left out, and of an Ed25519 key, which
// may be empty. Without any key it signs nothing, which is an error.
func New(key string, secrets ...string) (*Signer, error) {
	s := &Signer{}
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		if err := CheckSecret(secret); err != nil {
			return nil, err
		}
		shared, err := webhooks.NewWebhook(secret)
		if err != nil {
			return nil, ErrSecret // the library's error may quote it
		}
		s.shared = append(s.shared, shared)
	}
	var err error
	if s.key, err = readKey(key); err != nil {
		return nil, err
	}
	if len(s.shared) == 0 && s.key == nil {
		return nil, ErrSecret
	}
	return s, nil
}

// CheckSecret reports a shared secret that is none.
func CheckSecret(secret string) error {
	encoded, prefixed := strings.CutPrefix(secret, secretPrefix)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !prefixed || err != nil || len(raw) < 24 || len(raw) > 64 {
		return ErrSecret
	}
	return nil
}

// CheckKey reports an Ed25519 key that is none.
func CheckKey(key string) error {
	_, err := readKey(key)
	return err
}

// readKey takes a seed, or a seed with its public half behind it, as some libraries write it.
func readKey(key string) (ed25519.PrivateKey, error) {
	if key == "" {
		return nil, nil
	}
	encoded, prefixed := strings.CutPrefix(key, privatePrefix)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case !prefixed || err != nil:
		return nil, ErrKey
	case len(raw) == ed25519.SeedSize:
		return ed25519.NewKeyFromSeed(raw), nil
	case len(raw) == ed25519.PrivateKeySize:
		whole := ed25519.NewKeyFromSeed(raw[:ed25519.SeedSize])
		if whole.Equal(ed25519.PrivateKey(raw)) {
			return whole, nil
		}
	}
	return nil, ErrKey
}

// Public is the public half of the Ed25519 key, as the receiver needs it; empty without one.
func (s *Signer) Public() string {
	if s.key == nil {
		return ""
	}
	return publicPrefix + base64.StdEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey))
}

// Sign puts the specification's headers on a request.
func (s *Signer) Sign(h http.Header, id string, at time.Time, body []byte) error {
	var signatures []string
	for _, shared := range s.shared {
		signature, err := shared.Sign(id, at, body)
		if err != nil {
			return fmt.Errorf("signing: %w", err)
		}
		signatures = append(signatures, signature)
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	if s.key != nil {
		signed := ed25519.Sign(s.key, fmt.Appendf(nil, "%s.%s.%s", id, stamp, body))
		signatures = append(signatures, "v1a,"+base64.StdEncoding.EncodeToString(signed))
	}
	h.Set(webhooks.HeaderWebhookID, id)
	h.Set(webhooks.HeaderWebhookTimestamp, stamp)
	h.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
