package detect

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// Profiles leave in the order of their last use: by offset and, for the items of one
// record, by token, so that it is the same order after a restart. No list is kept of it,
// since every event would have to move two neighbours. When room is needed, all profiles
// are looked through for an eighth of those unused for longest, which then leave one by
// one, unless they were used in the meantime.

// leaving are profiles that leave next, oldest first.
type leaving []candidate

type candidate struct {
	offset int64
	slot   slot
}

// evict drops one profile. Whoever invents tokens makes young ones, so these go first
// as long as they are more than a quarter of all: a flood of made-up tokens cannot push
// out what was learnt over weeks.
func (e *Engine) evict() {
	young := e.young*4 > e.cfg.MaxTokens || e.young == e.Tokens()
	list := &e.leaving[0]
	if young {
		list = &e.leaving[1]
	}
	victim, found := e.next(list, young)
	if !found {
		*list = e.oldest(young)
		victim, _ = e.next(list, young)
	}
	e.drop(victim)
	e.evicted++
}

// next takes the first of a list that was not used since the list was made.
func (e *Engine) next(list *leaving, young bool) (slot, bool) {
	for len(*list) > 0 {
		c := (*list)[0]
		*list = (*list)[1:]
		if p := e.memory.at(c.slot); p.offset == c.offset && !p.token.IsZero() && p.young() == young {
			return c.slot, true
		}
	}
	return 0, false
}

// oldest lists the young or the grown profiles that were unused for longest. Those that
// the record at hand used come last, and one at a time: more of its items may follow.
func (e *Engine) oldest(young bool) leaving {
	list := e.upTo(min(e.eighth(young), e.offset-1), young)
	if len(list) > 0 {
		e.sort(list)
		return list
	}
	list = e.upTo(math.MaxInt64, young)
	e.sort(list)
	return list[:1]
}

// eighth is an offset up to which roughly an eighth of the profiles was used last.
func (e *Engine) eighth(young bool) int64 {
	var sample []int64
	for s := slot(0); s < e.memory.slots; s += 64 {
		if p := e.memory.at(s); !p.token.IsZero() && p.young() == young {
			sample = append(sample, p.offset)
		}
	}
	if len(sample) == 0 {
		return math.MaxInt64
	}
	slices.Sort(sample)
	return sample[len(sample)/8]
}

func (e *Engine) upTo(bound int64, young bool) leaving {
	var list leaving
	for s := slot(0); s < e.memory.slots; s++ {
		if p := e.memory.at(s); p.offset <= bound && !p.token.IsZero() && p.young() == young {
			list = append(list, candidate{p.offset, s})
		}
	}
	return list
}

func (e *Engine) sort(list leaving) {
	slices.SortFunc(list, func(a, b candidate) int {
		if a.offset != b.offset {
			return cmp.Compare(a.offset, b.offset)
		}
		return bytes.Compare(e.memory.at(a.slot).token[:], e.memory.at(b.slot).token[:])
	})
}

// young tells profiles that were seen on one day so far.
func (p *profile) young() bool { return p.days <= 1 }
