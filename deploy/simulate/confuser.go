package simulate

import (
	"fmt"
	"time"
)

func errNobody(kind string) error {
	return fmt.Errorf("no token of the fleet can play in the story %q: take more tokens or another end", kind)
}

// journey: a traveller has landed, and works from a hotel by day, with the usual programs.
func (c *casting) journey(start time.Time) error {
	d := c.dice
	t := c.find(func(t *token) bool {
		p, ok := t.habit.(*person)
		return ok && t.Class == Traveller && p.rate > 10 && len(p.trips) > 0 && p.trips[0].away.to.Before(start.Add(-2*day)) &&
			p.whereabouts(start).trip == nil && p.whereabouts(start.Add(-day)).trip == nil
	})
	if t == nil {
		return errNobody(Journey)
	}
	p := t.habit.(*person)
	to := c.daylight(p.base, start)
	next := travel(d, p, to, start, d.between(2, 6))
	flown := next.there.from.Sub(start) // it is the landing that happens at the start
	next.away, next.there = next.away.earlier(flown), next.there.earlier(flown)
	next.story = c.tell(Journey, false, t, "A traveller of %s has flown from %s (%s) to %s (%s) and works from there.", t.Owner, t.City, t.Country, to.name, to.country)
	kept := []trip{next}
	for _, other := range p.trips {
		if other.away.to.Before(next.away.from) || next.away.to.Before(other.away.from) {
			kept = append(kept, other)
		}
	}
	p.trips = kept
	p.keen = &keen{stretch{start, c.fleet.finish()}, atHotel}
	return nil
}

// daylight picks a city abroad where it is daytime now and for some hours.
func (c *casting) daylight(home *place, at time.Time) *place {
	var best *place
	for _, p := range c.fleet.atlas.cities {
		if hour := at.In(p.zone).Hour(); p.country == home.country || hour < 8 || hour > 17 {
			continue
		}
		if best == nil || c.dice.chance(0.25) {
			best = p
		}
	}
	return best
}

// lateJob: a job that was due hours ago starts now.
func (c *casting) lateJob(start time.Time) error {
	for _, hours := range [][2]float64{{1, 6}, {0.75, 14}, {0.5, 24}} {
		t := c.find(func(t *token) bool {
			job, ok := t.habit.(*cron)
			return ok && job.run >= 10 && (job.every == 0 || job.every == 6*time.Hour) && !job.lastDue(start, hours).IsZero()
		})
		if t == nil {
			continue
		}
		job := t.habit.(*cron)
		due := job.lastDue(start, hours)
		story := c.tell(LateJob, false, t, "A job of %s that was due at %s UTC runs %.1f hours late.", t.Owner, due.UTC().Format("15:04"), start.Sub(due).Hours())
		job.late = &late{due: due, at: start, story: story}
		return nil
	}
	return errNobody(LateJob)
}

// lastDue finds a time between the given hours before now at which the job was due.
func (c *cron) lastDue(now time.Time, ago [2]float64) time.Time {
	from, to := between(now, -ago[1], -ago[1]).from, between(now, -ago[0], -ago[0]).from
	for hour := from.Truncate(time.Hour); hour.Before(to); hour = hour.Add(time.Hour) {
		for _, due := range c.due(stretch{hour, hour.Add(time.Hour)}) {
			if (stretch{from, to}).holds(due) {
				return due
			}
		}
	}
	return time.Time{}
}

// newOffice: some people of a company sit in another building from this morning on.
func (c *casting) newOffice(start time.Time) error {
	fits := func(weekday bool) func(*token) bool {
		return func(t *token) bool {
			p, ok := t.habit.(*person)
			if !ok || t.Class != Person || p.office == nil || p.rate < 8 || p.whereabouts(start).trip != nil || p.away(start) {
				return false
			}
			local := start.In(p.base.zone)
			return local.Hour() >= 8 && local.Hour() < 16 && p.start < 11 && !(weekday && p.off(local)) && c.fleet.building(p) != nil
		}
	}
	t := c.find(fits(true))
	if t == nil {
		t = c.find(fits(false)) // everybody has the day off: they carry boxes
	}
	if t == nil {
		return errNobody(NewOffice)
	}
	p := t.habit.(*person)
	n := c.fleet.building(p)
	story := c.tell(NewOffice, false, t, "People of %s in %s work from a new office, on %s's network.", t.Owner, p.base.name, n.operator)
	building := &office{place: n.place, uplinks: []line{fixed(c.dice, n)}}
	c.moveIn(t, building, start, story)
	for range c.dice.whole(0, 3) {
		mate := c.find(func(m *token) bool {
			q, ok := m.habit.(*person)
			return ok && m.Class == Person && q.office == p.office && fits(false)(m)
		})
		if mate != nil {
			c.moveIn(mate, building, start, story)
			c.fleet.stories[story].Others = append(c.fleet.stories[story].Others, mate.Index)
		}
	}
	return nil
}

func (c *casting) moveIn(t *token, o *office, start time.Time, story int) {
	p, window := t.habit.(*person), stretch{start, c.fleet.finish()}
	p.moved, p.keen = &move{window, o, story}, &keen{window, atOffice}
}

// building is a business network in the person's city that is not yet the company's; nil when there is none.
func (f *Fleet) building(p *person) *network {
	for _, n := range p.base.networks[business] {
		used := false
		for _, up := range p.office.uplinks {
			used = used || up.network.asn == n.asn
		}
		if !used {
			return n
		}
	}
	return nil
}

// deploy: a service restarts, and its new version calls the API with another library.
func (c *casting) deploy(start time.Time) error {
	t := c.find(func(t *token) bool { return t.Class == Server && t.habit.(*server).load(start) > 6 })
	if t == nil {
		return errNobody(Deploy)
	}
	v := t.habit.(*server)
	next := install(c.dice, workService)
	for next.product.agent == v.client.product.agent {
		next = install(c.dice, workService)
	}
	story := c.tell(Deploy, false, t, "A service of %s restarts after a deploy and calls the API with another client.", t.Owner)
	v.release = &release{at: start, client: next, story: story}
	return nil
}

// launch: a service has two to three times its usual customers for the day.
func (c *casting) launch(start time.Time) error {
	t := c.find(func(t *token) bool { return t.Class == Server && t.habit.(*server).load(start) > 12 })
	if t == nil {
		return errNobody(LaunchDay)
	}
	factor := c.dice.between(2, 3)
	story := c.tell(LaunchDay, false, t, "A launch brings a service of %s %.1f times its usual customers.", t.Owner, factor)
	t.habit.(*server).surge = &surge{stretch{start, c.fleet.finish()}, factor, story}
	return nil
}
