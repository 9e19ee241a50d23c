package standin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Revoke stands in for the endpoint that blocks tokens at a gateway. It verifies requests
// as the Standard Webhooks specification says, with an implementation of its own, and acts
// on each webhook-id once.
type Revoke struct {
	server

	mu       sync.Mutex
	requests []RevokeRequest
	seen     map[string]bool
}

// RevokeRequest is a verified request.
type RevokeRequest struct {
	ID       string // webhook-id
	Repeated bool   // the id came before: nothing was done again
	Type     string
	Token    string // fingerprint
	Hint     string
	Consumer string
	Severity string
	Body     []byte
	At       time.Time
}

// StartRevoke starts a stand-in for a revoke endpoint at URL(). Options.Secret is the
// signing secret ("whsec_…") and has to be set.
func StartRevoke(opts Options) (*Revoke, error) {
	if _, err := signingKey(opts.Secret); err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	e := &Revoke{seen: map[string]bool{}}
	return e, e.start(opts, http.HandlerFunc(e.handle), func(w http.ResponseWriter, f Fault) {
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(int(f.RetryAfter.Seconds())))
		}
		w.WriteHeader(f.Status)
	})
}

// Requests returns the verified requests in the order in which they came.
func (e *Revoke) Requests() []RevokeRequest {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]RevokeRequest(nil), e.requests...)
}

func (e *Revoke) handle(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil || r.Method != http.MethodPost {
		http.Error(w, "want a POST of at most 1 MiB", http.StatusBadRequest)
		return
	}
	if err := verify(e.opts.Secret, r.Header, body, time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	req, err := decodeRevoke(r.Header.Get("webhook-id"), body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.file(&req)
	e.print(req.card())
	w.WriteHeader(http.StatusNoContent)
}

func (e *Revoke) file(req *RevokeRequest) {
	e.mu.Lock()
	defer e.mu.Unlock()
	req.Repeated = e.seen[req.ID]
	e.seen[req.ID] = true
	if e.requests = append(e.requests, *req); len(e.requests) > kept {
		delete(e.seen, e.requests[0].ID)
		e.requests = e.requests[1:]
	}
}

func decodeRevoke(id string, body []byte) (RevokeRequest, error) {
	var payload struct {
		Type string
		Data struct{ Token, Hint, Consumer, Severity string }
	}
	if err := json.Unmarshal(body, &payload); err != nil {
		return RevokeRequest{}, fmt.Errorf("payload: %w", err)
	}
	if (payload.Type != "token.revoke" && payload.Type != "token.restore") || payload.Data.Token == "" {
		return RevokeRequest{}, fmt.Errorf("payload: want the type token.revoke or token.restore and data.token, have %q", payload.Type)
	}
	d := payload.Data
	return RevokeRequest{
		ID: id, Type: payload.Type, Token: d.Token, Hint: d.Hint, Consumer: d.Consumer, Severity: d.Severity,
		Body: body, At: time.Now(),
	}, nil
}

func (r *RevokeRequest) card() card {
	done := "✔ token " + r.Hint + " of " + r.Consumer + " blocked at the gateway"
	if r.Type == "token.restore" {
		done = "✔ token " + r.Hint + " of " + r.Consumer + " let in again"
	}
	if r.Repeated {
		done = "✔ seen before, nothing done again: token " + r.Hint + " of " + r.Consumer
	}
	return card{from: "Revoke endpoint · " + r.Type, at: r.At, icon: "✔", lines: []line{
		{spans: []span{{done, bold}}},
		{spans: []span{{"fingerprint " + r.Token, dim}}},
		{spans: []span{{"signature valid · " + r.ID, dim}}},
	}}
}

// verify checks a request after the Standard Webhooks specification: the signature is over
// id, timestamp and body, and the timestamp at most five minutes off.
func verify(secret string, h http.Header, body []byte, now time.Time) error {
	id, stamp, signatures := h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature")
	if id == "" || stamp == "" || signatures == "" {
		return errors.New("webhook-id, webhook-timestamp or webhook-signature is missing")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return errors.New("webhook-timestamp is not within five minutes")
	}
	key, err := signingKey(secret)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, signature := range strings.Fields(signatures) {
		if hmac.Equal([]byte(signature), want) {
			return nil
		}
	}
	return errors.New("no signature matches")
}

func signingKey(secret string) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return nil, errors.New("the signing secret has to be whsec_ and base64")
	}
	return key, nil
}
