package console

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"time"
)

// grace is what a handler has to notice that its time is over.
const grace = 400 * time.Millisecond

// errLate is said in the place of a handler that did not notice, since what it waits for does not look at the context.
var errLate = errors.New("no answer in time, and the wait cannot be cut short")

// reply is the answer of one handler. Once the handler has begun to answer, it goes straight to the browser; before, it
// can be taken away from a handler that waits for too long.
type reply struct {
	w      http.ResponseWriter
	header http.Header // the handler's own, until it begins

	mu           sync.Mutex
	began, taken bool
	beginning    chan struct{} // closed when it begins
}

func newReply(w http.ResponseWriter) *reply {
	return &reply{w: w, header: w.Header().Clone(), beginning: make(chan struct{})}
}

// wait runs the handler until it ends, or until its time is over before it has begun to answer.
func (p *reply) wait(ctx context.Context, handle func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- handle() }()
	select {
	case err := <-ended:
		return err
	case <-p.beginning:
		return <-ended
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-p.beginning:
		return <-ended
	case <-timer.C:
	}
	p.mu.Lock()
	if !p.began {
		p.taken = true
		p.mu.Unlock()
		return errors.Join(errLate, context.DeadlineExceeded)
	}
	p.mu.Unlock()
	return <-ended
}

// take ends the handler's part, and tells whether it has begun to answer. If not, the headers that it set are those of
// whatever is answered in its place.
func (p *reply) take() (began bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.began && !p.taken {
		maps.Copy(p.w.Header(), p.header)
	}
	p.taken = true
	return p.began
}

// Header is the handler's.
func (p *reply) Header() http.Header { return p.header }

// WriteHeader begins the answer.
func (p *reply) WriteHeader(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begin(status)
}

func (p *reply) begin(status int) {
	if p.began || p.taken {
		return
	}
	p.began = true
	close(p.beginning)
	maps.Copy(p.w.Header(), p.header)
	p.w.WriteHeader(status)
}

// Write sends part of the answer.
func (p *reply) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.begin(http.StatusOK)
	lost := p.taken
	p.mu.Unlock()
	if lost {
		return 0, http.ErrHandlerTimeout
	}
	return p.w.Write(b)
}

// Flush sends what was written.
func (p *reply) Flush() {
	p.mu.Lock()
	p.begin(http.StatusOK)
	lost := p.taken
	p.mu.Unlock()
	if !lost {
		_ = http.NewResponseController(p.w).Flush() // whoever looks may have gone
	}
}

// Unwrap is for http.ResponseController.
func (p *reply) Unwrap() http.ResponseWriter { return p.w }
