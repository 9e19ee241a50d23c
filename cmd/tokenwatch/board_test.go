package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// notice is what goes over the wire to the board.
type notice struct {
	Kind      alert.Kind
	Key, Ref  string
	Severity  string
	Incidents []string
	Worst     []string // severity of each
}

// board is a destination with every ability that a channel can have: messages are edited, replied to, found again,
// and tell of several incidents. It goes wrong in every way.
type board struct {
	server *httptest.Server

	mu      sync.Mutex
	random  *rand.Rand
	faulty  bool
	posts   map[string]notice // by ref
	byKey   map[string]string
	told    map[string]int // posts about an incident
	replies map[string]int // by key
	count   map[string]int // answers
	last    time.Time
}

func startBoard(t *testing.T, seed uint64) *board {
	b := &board{
		random: rand.New(rand.NewPCG(seed, 3)), posts: map[string]notice{}, byKey: map[string]string{},
		told: map[string]int{}, replies: map[string]int{}, count: map[string]int{},
	}
	b.server = httptest.NewServer(http.HandlerFunc(b.serve))
	t.Cleanup(b.server.Close)
	return b
}

func (b *board) url() string { return b.server.URL }

// worsen begins the trouble.
func (b *board) worsen() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faulty = true
}

func (b *board) fault() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = time.Now()
	fault := ""
	if b.faulty {
		switch n := b.random.IntN(100); {
		case n < 1:
			fault = "429"
		case n < 5:
			fault = "500"
		case n < 8:
			fault = "reset"
		case n < 11:
			fault = "lost"
		case n < 15:
			fault = "slow"
		}
	}
	b.count[fault]++
	return fault
}

func (b *board) serve(w http.ResponseWriter, r *http.Request) {
	var n notice
	if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch fault := b.fault(); fault {
	case "429":
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case "500":
		w.WriteHeader(http.StatusInternalServerError)
	case "reset", "lost":
		if fault == "lost" {
			b.take(r.URL.Path, n)
		}
		panic(http.ErrAbortHandler)
	default:
		if fault == "slow" {
			time.Sleep(300 * time.Millisecond) // a slow answer is what is tested
		}
		_, _ = io.WriteString(w, b.take(r.URL.Path, n))
	}
}

func (b *board) take(path string, n notice) (ref string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case path == "/find":
		return b.byKey[n.Key]
	case n.Kind == alert.KindReply:
		b.replies[n.Key]++
		b.byKey[n.Key] = n.Ref
		return n.Ref
	case n.Ref != "":
		b.posts[n.Ref] = n
		return n.Ref
	}
	n.Ref = "ref-" + strconv.Itoa(len(b.posts)+1)
	b.posts[n.Ref], b.byKey[n.Key] = n, n.Ref
	for _, id := range n.Incidents {
		b.told[id]++
	}
	return n.Ref
}

func (b *board) has(incident string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.told[incident] > 0
}

func (b *board) distinct() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.told)
}

func (b *board) idle(for_ time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(b.last) > for_
}

func (b *board) severity(ref string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.posts[ref].Severity
}

// repeated lists what was told twice. What was told in a digest is told again when it is more severe.
func (b *board) repeated() (list []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	alone, together := map[string]int{}, map[string]int{}
	for _, n := range b.posts {
		for i, id := range n.Incidents {
			if n.Kind == alert.KindDigest {
				together[id+" "+n.Worst[i]]++
			} else {
				alone[id]++
			}
		}
	}
	for what, count := range map[string]map[string]int{"messages": alone, "digests": together} {
		for id, n := range count {
			if n > 1 {
				list = append(list, fmt.Sprintf("%s (in %d %s)", id, n, what))
			}
		}
	}
	for key, n := range b.replies {
		if n > 1 {
			list = append(list, fmt.Sprintf("%s (%d replies)", key, n))
		}
	}
	return list
}

func (b *board) summary() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	digests := 0
	for _, n := range b.posts {
		if n.Kind == alert.KindDigest {
			digests++
		}
	}
	return fmt.Sprintf("%d messages, %d of them digests, %d replies, answers %v", len(b.posts), digests, len(b.replies), b.count)
}

// pinner is the notifier that speaks to a board.
type pinner struct {
	url    string
	client *http.Client
}

func newPinner(url string) pinner {
	return pinner{url, alert.HTTPClient(2*time.Second, &http.Transport{DialContext: (&net.Dialer{}).DialContext})}
}

func (pinner) Name() string       { return "board" }
func (pinner) Replies() bool      { return true }
func (pinner) DigestEntries() int { return 25 }

func (p pinner) Notify(ctx context.Context, m alert.Message) (string, error) {
	return p.send(ctx, "/post", m)
}

func (p pinner) Find(ctx context.Context, m alert.Message) (string, error) {
	return p.send(ctx, "/find", m)
}

func (p pinner) send(ctx context.Context, path string, m alert.Message) (string, error) {
	n := notice{Kind: m.Kind, Key: m.Key, Ref: m.Ref, Severity: m.Incident.Severity.String(), Incidents: []string{m.Incident.ID}}
	if m.Kind == alert.KindDigest {
		n.Incidents = nil
		for _, e := range m.Entries {
			n.Incidents, n.Worst = append(n.Incidents, e.Incident), append(n.Worst, e.Severity.String())
		}
	}
	body, err := json.Marshal(n)
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+path, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return "", alert.RetryAfter{After: time.Second, Err: errors.New("429")}
	case resp.StatusCode != http.StatusOK:
		return "", fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	return string(answer), err
}
