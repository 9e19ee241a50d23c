package webhook

import (
	"sync"
	"time"
)

// quota counts incidents that were acted on within the last hour. An incident counts
// once, however often its request is repeated. It holds at most as many entries as the
// cap allows, and forgets them after an hour.
type quota struct {
	mu    sync.Mutex
	limit int
	taken map[string]time.Time
}

func newQuota(limit int) *quota {
	return &quota{limit: limit, taken: map[string]time.Time{}}
}

// take reserves a place for the incident, and reports whether there was one.
func (q *quota) take(incident string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, at := range q.taken {
		if now.Sub(at) >= time.Hour {
			delete(q.taken, id)
		}
	}
	if _, ok := q.taken[incident]; !ok {
		if len(q.taken) >= q.limit {
			return false
		}
		q.taken[incident] = now
	}
	return true
}

// note counts what was done earlier, within the cap or not.
func (q *quota) note(incident string, at time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if time.Since(at) < time.Hour {
		q.taken[incident] = at
	}
}
