package standard_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tokenwatch/tokenwatch/alert/standard"
)

const (
	secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" // of the specification's examples
	other  = "whsec_c2VjcmV0IG9mIHRoZSByZXZva2Ugc3RhbmQtaW4="
)

func sign(t *testing.T, s *standard.Signer, id string, at time.Time, body string) http.Header {
	t.Helper()
	h := http.Header{}
	if err := s.Sign(h, id, at, []byte(body)); err != nil {
		t.Fatal(err)
	}
	return h
}

func signer(t *testing.T, key string, secrets ...string) *standard.Signer {
	t.Helper()
	s, err := standard.New(key, secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSpecificationsVector(t *testing.T) {
	h := sign(t, signer(t, "", secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), `{"test": 2432232314}`)
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if h.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" || h.Get("webhook-timestamp") != "1614265330" {
		t.Errorf("headers %v", h)
	}
}

// While one secret takes the place of the other, receivers with either accept.
func TestRotation(t *testing.T) {
	h := sign(t, signer(t, "", other, secret), "id-1", time.Now(), "body")
	for _, known := range []string{secret, other} {
		receiver, err := webhooks.NewWebhook(known)
		if err != nil {
			t.Fatal(err)
		}
		if err := receiver.Verify([]byte("body"), h); err != nil {
			t.Errorf("a receiver refuses: %v", err)
		}
		if err := receiver.Verify([]byte("changed"), h); err == nil {
			t.Error("a changed body passes")
		}
	}
}

func TestEd25519(t *testing.T) {
	seed := []byte("0123456789abcdef0123456789abcdef")
	whole := ed25519.NewKeyFromSeed(seed)
	for name, raw := range map[string][]byte{"seed": seed, "seed and public half": whole} {
		s := signer(t, "whsk_"+base64.StdEncoding.EncodeToString(raw))
		public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Public(), "whpk_"))
		if err != nil || !whole.Public().(ed25519.PublicKey).Equal(ed25519.PublicKey(public)) {
			t.Fatalf("%s: public half %s, %v", name, s.Public(), err)
		}
		h := sign(t, s, "id-1", time.Unix(1614265330, 0), "body")
		encoded, is := strings.CutPrefix(h.Get("webhook-signature"), "v1a,")
		signature, err := base64.StdEncoding.DecodeString(encoded)
		if !is || err != nil || !ed25519.Verify(public, []byte("id-1.1614265330.body"), signature) {
			t.Errorf("%s: signature %s, %v", name, h.Get("webhook-signature"), err)
		}
	}
	h := sign(t, signer(t, "whsk_"+base64.StdEncoding.EncodeToString(seed), secret, other), "id-1", time.Now(), "body")
	if n := len(strings.Fields(h.Get("webhook-signature"))); n != 3 {
		t.Errorf("%d signatures, want 3", n)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	half := append([]byte("0123456789abcdef0123456789abcdef"), make([]byte, 32)...)
	for _, bad := range [][2]string{
		{"", ""}, {"", "hush"}, {"", "whsec_"}, {"", "whsec_c2hvcnQ="}, {"", "whsec_!"},
		{"hush", secret}, {"whsk_", secret}, {"whsk_c2hvcnQ=", secret}, {"whsk_" + base64.StdEncoding.EncodeToString(half), secret},
	} {
		_, err := standard.New(bad[0], bad[1])
		if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "c2hvcnQ") {
			t.Errorf("%q: error %v", bad, err)
		}
	}
}
