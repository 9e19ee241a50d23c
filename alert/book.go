package alert

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// page is an incident as the dispatcher keeps it. It is replaced as a whole and never
// changed, so whoever holds one may read it without a lock.
type page struct {
	inc     schema.Incident
	share   *Share
	content uint64    // revision of the last change that a reader would notice
	changed time.Time // wall clock of that change
	heard   time.Time // wall clock of the last finding; quiet is counted from here
	snoozed time.Time // findings are no news until then; what people and gateways say is
	unsaved bool      // the Log has not accepted this revision yet
	remind  bool      // it is time to say that it is still open
}

// book holds the incidents that are open, and those resolved ones that somebody still
// has to hear about.
//
// What outsiders can fill: a stolen token makes an incident, many make many. Open pages
// are bounded by Config.MaxOpen (the dispatcher resolves the quietest early), resolved
// ones by the same number again (the oldest leaves; the Log still has it, and the next
// start delivers it), and the findings known from resolved incidents by keptFindings.
type book struct {
	seed    maphash.Seed
	stripes [stripes]chan struct{} // one writer an incident at a time, also while it is saved

	mu      sync.Mutex
	pages   map[string]*page          // by incident id
	open    map[schema.TokenID]string // by subject
	closed  []string                  // ids of resolved pages, oldest first
	known   map[schema.FindingID]struct{}
	knownAt []schema.FindingID // ring: what known holds, oldest at knownTo
	knownTo int
}

// keptFindings is how many findings of resolved incidents are remembered, so that a
// replay of them opens nothing. A replay covers the last block of each partition.
const keptFindings = 100_000

// stripes is how many incidents can be changed, and saved, at once.
const stripes = 64

func newBook() *book {
	b := &book{
		seed:  maphash.MakeSeed(),
		pages: map[string]*page{},
		open:  map[schema.TokenID]string{},
		known: map[schema.FindingID]struct{}{},
	}
	for i := range b.stripes {
		b.stripes[i] = make(chan struct{}, 1)
	}
	return b
}

// lock makes the caller the only one to change incidents of a token, under any of the names
// given, until it calls the function that it gets back. It is held over a save, so it is not
// one lock for all, and channels hold it, which a test's fake clock can wait for. Several
// are taken in one order by everybody, or two callers might wait for each other.
func (b *book) lock(names ...schema.TokenID) (unlock func()) {
	var held []uint64
	for _, name := range names {
		held = append(held, maphash.Bytes(b.seed, name[:])%stripes)
	}
	slices.Sort(held)
	held = slices.Compact(held)
	for _, i := range held {
		b.stripes[i] <- struct{}{}
	}
	return func() {
		for _, i := range held {
			<-b.stripes[i]
		}
	}
}

func (b *book) page(id string) *page {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pages[id]
}

// openFor is the page of the open incident about a subject, or nil.
func (b *book) openFor(about schema.TokenID) *page {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pages[b.open[about]]
}

// put files a page. Of a resolved incident it remembers the findings.
func (b *book) put(p *page, limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id, about := p.inc.ID, subjectOf(&p.inc)
	old := b.pages[id]
	b.pages[id] = p
	if old != nil && subjectOf(&old.inc) != about && b.open[subjectOf(&old.inc)] == id {
		delete(b.open, subjectOf(&old.inc)) // the token was renamed
	}
	if p.inc.State != schema.IncidentResolved {
		b.open[about] = id
		return
	}
	if b.open[about] == id {
		delete(b.open, about)
	}
	if old != nil && old.inc.State == schema.IncidentResolved {
		return
	}
	b.remember(p.inc.Findings)
	if b.closed = append(b.closed, id); len(b.closed) > limit {
		delete(b.pages, b.closed[0])
		b.closed = b.closed[1:]
	}
}

// drop forgets a resolved page that everybody has heard about.
func (b *book) drop(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pages[id]
	if p == nil || p.inc.State != schema.IncidentResolved || p.unsaved {
		return
	}
	delete(b.pages, id)
	for i, closed := range b.closed {
		if closed == id {
			b.closed = append(b.closed[:i:i], b.closed[i+1:]...)
			return
		}
	}
}

// swap replaces a page, unless that has happened already.
func (b *book) swap(old, p *page) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pages[p.inc.ID] == old {
		b.pages[p.inc.ID] = p
	}
}

// leave forgets the pages of a share, and gives their ids. The findings of resolved incidents stay known.
func (b *book) leave(s *Share) (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, p := range b.pages {
		if p.share != s {
			continue
		}
		ids = append(ids, id)
		delete(b.pages, id)
		if about := subjectOf(&p.inc); b.open[about] == id {
			delete(b.open, about)
		}
	}
	b.closed = slices.DeleteFunc(b.closed, func(id string) bool { return b.pages[id] == nil })
	return ids
}

func (b *book) remember(findings []schema.FindingID) {
	for _, id := range findings {
		if _, ok := b.known[id]; ok {
			continue
		}
		if len(b.knownAt) < keptFindings {
			b.knownAt = append(b.knownAt, id)
		} else {
			delete(b.known, b.knownAt[b.knownTo])
			b.knownAt[b.knownTo] = id
			b.knownTo = (b.knownTo + 1) % keptFindings
		}
		b.known[id] = struct{}{}
	}
}

func (b *book) knows(id schema.FindingID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.known[id]
	return ok
}

// list returns the pages that match.
func (b *book) list(match func(*page) bool) []*page {
	b.mu.Lock()
	defer b.mu.Unlock()
	var pages []*page
	for _, p := range b.pages {
		if match(p) {
			pages = append(pages, p)
		}
	}
	return pages
}

// size is the number of open incidents.
func (b *book) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}
