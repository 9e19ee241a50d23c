package simulate

import (
	"cmp"
	"slices"
	"time"
)

// reel plays a stretch of the fleet's life hour by hour. It holds one hour of requests and what spills over from
// earlier hours; the records are written into pages that the reader's records share.
type reel struct {
	fleet    *Fleet
	scene    scene
	cast     []*token // who plays
	hour     time.Time
	from, to int64
	due      []request // this hour's, in order
	page     []byte
}

const pageSize = 256 << 10

func newReel(f *Fleet, from, to time.Time, cast []*token) *reel {
	r := &reel{fleet: f, cast: cast, from: from.UnixMilli(), to: to.UnixMilli()}
	// Begin early enough that jobs which began before the stretch are in it.
	r.hour = from.Truncate(time.Hour).Add(-spill)
	r.scene = scene{fleet: f, agents: agents{}, dice: newDice(0), plan: newDice(0)}
	for i := range f.staged {
		if e := f.staged[i].end; e >= r.from && e < r.to {
			r.scene.calls = append(r.scene.calls, f.staged[i])
		}
	}
	return r
}

// next draws hours until one has requests; false when the stretch is over.
func (r *reel) next() bool {
	for r.hour.UnixMilli() < r.to {
		for _, t := range r.cast {
			r.scene.enter(t, r.hour)
			r.scene.token.habit.hour(&r.scene, r.hour)
		}
		r.visits(r.hour)
		r.hour = r.hour.Add(time.Hour)
		r.take(min(r.hour.UnixMilli(), r.to))
		if len(r.due) > 0 {
			return true
		}
	}
	return false
}

// take moves the requests that ended before limit into due, in order; later ones stay for the next hour.
func (r *reel) take(limit int64) {
	r.due = r.due[:0]
	kept := r.scene.calls[:0]
	for _, c := range r.scene.calls {
		switch {
		case c.end >= limit:
			kept = append(kept, c)
		case c.end >= r.from:
			r.due = append(r.due, c)
		}
	}
	r.scene.calls = kept
	slices.SortFunc(r.due, func(a, b request) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.token, b.token), cmp.Compare(a.draw, b.draw))
	})
}

// reserve opens a new page when the current one may not hold another record. Old pages belong to those who still hold
// their records.
func (r *reel) reserve() {
	if cap(r.page)-len(r.page) < 4096 {
		r.page = make([]byte, 0, pageSize)
	}
}
