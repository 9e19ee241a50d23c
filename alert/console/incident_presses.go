package console

import (
	"crypto/rand"
	"regexp"
	"sync"
	"time"
)

// mostPresses is how many presses are remembered; the oldest goes first. A repetition comes within seconds: somebody
// clicks twice, or a browser sends a form again.
const mostPresses = 1000

// presses remembers what was pressed on pages, so that a form that is sent twice is one verdict: with one id, one time
// and one answer. Its map is bounded by mostPresses.
type casePresses struct {
	mu    sync.Mutex
	known map[string]*casePress
	order []string
}

// press is one button of one page.
type casePress struct {
	mu   sync.Mutex // held while it is taken in
	at   time.Time  // of the first try
	said string     // what came of it; empty while nothing has
}

func newCasePresses() *casePresses { return &casePresses{known: map[string]*casePress{}} }

// of gives the press of an id, locked. Whoever calls it unlocks it.
func (p *casePresses) of(id string, now time.Time) *casePress {
	p.mu.Lock()
	found := p.known[id]
	if found == nil {
		found = &casePress{at: now}
		p.known[id] = found
		p.order = append(p.order, id)
		if len(p.order) > mostPresses {
			delete(p.known, p.order[0])
			p.order = p.order[1:]
		}
	}
	p.mu.Unlock()
	found.mu.Lock()
	return found
}

// pressID names the presses of a page that is about to be shown.
func newPressWord() string { return rand.Text() }

var pressWords = regexp.MustCompile(`^[A-Z2-7]{20,40}$`)
