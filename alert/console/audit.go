package console

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// auditStore keeps what people did here.
type auditStore interface {
	// InsertActs returns when the rows are there for every reader.
	InsertActs(ctx context.Context, acts []schema.Act) error
	Acts(ctx context.Context, q schema.ActQuery) ([]schema.Act, error)
}

// auditPatience bounds one write to the audit, well within the time that a page has.
const auditPatience = 2 * time.Second

// note writes down what is about to be done, before it is done: an act that cannot be written down must not be made, so
// return its error from the handler. What came of it, which is whether the handler returns an error, is added after the
// handler. A handler that does several things notes each. A POST that notes nothing is written down all the same, after
// it was done, under the name of its path.
func (s *Server) note(r *http.Request, action, subject, detail string) error {
	ctx, cancel := context.WithTimeout(r.Context(), auditPatience)
	defer cancel()
	act := s.act(r, action, subject, detail)
	if err := s.parts.Store.InsertActs(ctx, []schema.Act{act}); err != nil {
		s.parts.Log.Warn("console: an act was not made, since it cannot be written down", "person", act.Person, "action", act.Action, "subject", act.Subject, "error", err)
		return Fault{http.StatusServiceUnavailable, "Nothing was done: what people do is written down first, and ClickHouse does not take it.", "Try again in a moment; the log of tokenwatch says why."}
	}
	if n, ok := r.Context().Value(notedKey{}).(*noted); ok {
		n.acts = append(n.acts, act)
	}
	return nil
}

// noted are the acts of one request.
type noted struct {
	acts    []schema.Act
	refused string // why nothing was done, where the handler has told the person so itself
}

type notedKey struct{}

// act is an act of the person who asks. Texts from outside are bounded here.
func (s *Server) act(r *http.Request, action, subject, detail string) schema.Act {
	p := sessionOf(r).Person
	return schema.Act{
		ID: rand.Text(), At: time.Now().UTC().Truncate(time.Millisecond), Person: clip(p.Name, 100), Role: p.Role.String(), Via: p.Via, Address: s.parts.Door.Address(r),
		Action: clip(action, 60), Subject: clip(subject, 200), Detail: clip(detail, 1000), Outcome: schema.ActBegun,
	}
}

// conclude writes down what came of a request's acts. It is too late to stop them, so what cannot be written now is kept.
func (s *Server) conclude(r *http.Request, n *noted, err error) {
	if len(n.acts) == 0 {
		n.acts = []schema.Act{s.act(r, clip(r.Method+" "+r.URL.Path, 60), "", "")}
	}
	outcome, reason := outcomeOf(err)
	if err == nil && n.refused != "" {
		outcome, reason = schema.ActRefused, n.refused
	}
	for i := range n.acts {
		n.acts[i].Outcome, n.acts[i].Reason = outcome, reason
	}
	s.audit.add(r.Context(), n.acts...)
}

func outcomeOf(err error) (schema.ActOutcome, string) {
	if err == nil {
		return schema.ActDone, ""
	}
	f := faultOf(err)
	if f.Status >= 500 {
		return schema.ActFailed, clip(err.Error(), 300)
	}
	return schema.ActRefused, clip(f.Text, 300)
}

// mostWaiting bounds the rows that wait for ClickHouse; the oldest of more go to the log alone.
const mostWaiting = 1000

// audit writes down what has happened already. Nobody waits for long when ClickHouse is away, which is when people have
// to be able to sign in: rows then wait in memory, and are in the log as well, in case that the process ends before.
type audit struct {
	store auditStore
	log   *slog.Logger

	mu      sync.Mutex
	waiting []schema.Act // bounded by mostWaiting
}

func (a *audit) add(ctx context.Context, acts ...schema.Act) {
	a.mu.Lock()
	stuck := len(a.waiting) > 0
	a.mu.Unlock()
	if stuck { // Run sees to it
		a.keep(acts, nil)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditPatience/2)
	defer cancel()
	if err := a.store.InsertActs(ctx, acts); err != nil {
		a.keep(acts, err)
	}
}

func (a *audit) keep(acts []schema.Act, err error) {
	for _, act := range acts {
		a.log.Warn("console: an act waits to be written down", "at", act.At, "person", act.Person, "address", act.Address,
			"action", act.Action, "subject", act.Subject, "outcome", act.Outcome, "reason", act.Reason, "error", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, acts...)
	if over := len(a.waiting) - mostWaiting; over > 0 {
		a.waiting = append([]schema.Act(nil), a.waiting[over:]...)
	}
}

// flush writes down what waits. Rows that an attempt stored without being able to say so are stored twice, which
// readers do not see.
func (a *audit) flush(ctx context.Context) error {
	a.mu.Lock()
	acts := a.waiting
	a.mu.Unlock()
	if len(acts) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, auditPatience)
	defer cancel()
	if err := a.store.InsertActs(ctx, acts); err != nil {
		return fmt.Errorf("writing down %d acts that wait: %w", len(acts), err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	written := make(map[string]bool, len(acts)) // bounded by mostWaiting
	for _, act := range acts {
		written[act.ID] = true
	}
	var left []schema.Act // those that came meanwhile
	for _, act := range a.waiting {
		if !written[act.ID] {
			left = append(left, act)
		}
	}
	a.waiting = left
	return nil
}
