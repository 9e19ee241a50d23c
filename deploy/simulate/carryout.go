package simulate

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// tale is what a token lives through: all its requests within it belong to a story.
type tale struct {
	stretch
	story int
}

// carryOut lays the plan over the fleet. What concerns whole companies comes first, since most other stories want a token
// that is in none. In a small fleet a kind may find nobody; the stories tell how many there are of each.
func (f *Fleet) carryOut() error {
	c := &casting{fleet: f, dice: newDice(f.config.Seed, 0x91a4), taken: map[int]bool{}, rented: f.atlas.byCountry(),
		staff: map[*owner][]*token{}, changes: map[string]time.Time{}}
	for _, t := range f.tokens {
		c.staff[t.owner] = append(c.staff[t.owner], t)
	}
	for _, whole := range []bool{true, false} {
		for _, confuser := range f.config.Plan.Confusers {
			if act := acts()[confuser.Kind]; act.companies == whole {
				c.dice.about(f.config.Seed, 0xca14, uint64(slices.Index(ConfuserKinds(), confuser.Kind)))
				c.confuse(confuser, act)
			}
		}
		if !whole {
			break
		}
		for _, theft := range f.config.Plan.Thefts {
			c.dice.about(f.config.Seed, 0x7e47, uint64(slices.Index(TheftKinds(), theft.Kind)))
			c.steal(theft)
		}
	}
	if thefts := f.config.Plan.Thefts; len(thefts) > 0 && f.thefts() == 0 && thefts[0].Share > 0 {
		return errors.New("no theft of the plan found a token: take more tokens or more days")
	}
	slices.SortFunc(f.visits, func(a, b visit) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seed, b.seed)) })
	f.tally()
	return nil
}

// thieves are the ways in which the kinds of theft are carried out; nil when nobody fits.
func thieves() map[string]func(*casting, Theft, stretch) bool {
	return map[string]func(*casting, Theft, stretch) bool{
		NightAbroad: (*casting).robAtNight, SlowUse: (*casting).exfiltrate, Burst: (*casting).exhaust,
		ManyHosts: (*casting).publish, BusinessHours: (*casting).blendIn, OwnNetwork: (*casting).impersonate,
	}
}

// steal spreads the thefts of a kind over their window.
func (c *casting) steal(t Theft) {
	n := times(t.Share, len(c.fleet.tokens))
	from, to := c.fleet.config.End, c.fleet.finish().Add(-time.Duration(t.Hours.High*float64(time.Hour)))
	if !t.From.IsZero() {
		from = later(from, t.From)
	}
	if !t.To.IsZero() {
		to = earlier(to, t.To)
	}
	if !from.Before(to) {
		return
	}
	c.from = from
	c.spread(slots(from, to, n), func(slot stretch) bool { return thieves()[t.Kind](c, t, slot) })
}

// spread plays something once in each slot. Where nobody fits (it is a weekend) it tries other moments, and gives up when
// slot after slot has nobody.
func (c *casting) spread(all []stretch, play func(stretch) bool) {
	misses := 0
	for _, slot := range all {
		played := false
		for try := 0; try < 5 && !played; try++ {
			played = play(slot)
		}
		if played {
			misses = 0
		} else if misses++; misses == 3 {
			return
		}
	}
}

// slots cuts a window into so many parts, so that what is spread over it lies everywhere.
func slots(from, to time.Time, n int) []stretch {
	all := make([]stretch, n)
	each := to.Sub(from) / time.Duration(max(1, n))
	for i := range all {
		begin := from.Add(time.Duration(i) * each)
		all[i] = stretch{begin, begin.Add(each)}
	}
	return all
}

// within is a moment of a stretch.
func (s stretch) within(d dice) time.Time {
	return s.from.Add(time.Duration(d.Float64() * float64(s.to.Sub(s.from)))).Truncate(time.Millisecond)
}

// looks is how many tokens are looked at before a story does without: the time that a large fleet takes to cast must not
// grow with its square.
const looks = 20_000

// search finds a token that fits, is in no other story, and has been used for two weeks when the story begins, or for as
// long as there is a past; nil when there is none. It looks in another order each time.
func (c *casting) search(start time.Time, fits func(*token) bool) *token {
	all := c.fleet.tokens
	at, step := c.dice.IntN(len(all)), 7919 // a prime: every token comes
	if len(all)%step == 0 {
		step = 1
	}
	settled := start.Add(-min(14*day, c.fleet.config.History))
	for range min(len(all), looks) {
		t := all[at]
		at = (at + step) % len(all)
		if !c.taken[t.Index] && t.Class != Sparse && t.until.IsZero() && !t.Since.After(settled) && fits(t) {
			c.taken[t.Index] = true
			return t
		}
	}
	return nil
}

// hourOf is the given hour of the local day of a moment, or of the next day on which that is within the window and, where a
// person is given, that person works.
func (c *casting) hourOf(at time.Time, zone *time.Location, hour float64, p *person) time.Time {
	for ahead := range 7 {
		on := atHour(at.In(zone).AddDate(0, 0, ahead), zone, hour)
		if !on.Before(c.from) && (p == nil || p.works(on)) {
			return on
		}
	}
	return later(at, c.from)
}

// byCountry lists the networks of each country.
func (a *atlas) byCountry() map[string][]*network {
	all := map[string][]*network{}
	for _, p := range a.places {
		for _, networks := range p.networks {
			all[p.country] = append(all[p.country], networks...)
		}
	}
	return all
}

// tally plays each story's time with its tokens alone, to know when it really begins and ends.
func (f *Fleet) tally() {
	where := f.atlas.countries()
	for i := range f.stories {
		s := &f.stories[i]
		cast := []*token{f.tokens[s.Index]}
		for _, other := range s.Others {
			cast = append(cast, f.tokens[other])
		}
		reel := newReel(f, s.From.Add(-time.Hour), earlier(s.To.Add(time.Hour), f.finish()), cast)
		var first, last int64
		for reel.next() {
			for k := range reel.due {
				if r := &reel.due[k]; int(r.story) == i {
					s.add(r, where.of(r.from))
					if first == 0 || r.began() < first {
						first = r.began()
					}
					last = r.end
				}
			}
		}
		if first != 0 && s.exact {
			s.From, s.To = time.UnixMilli(first).UTC().Truncate(time.Second), time.UnixMilli(last).UTC().Truncate(time.Second).Add(time.Second)
		}
	}
}
