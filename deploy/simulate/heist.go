package simulate

import (
	"net/netip"
	"time"
)

// The thefts of a plan, each against a token that it makes sense to steal: a night is somebody's night, a
// steady token is one whose busiest hours are like its others.

// begin tells a theft, which lasts from its first request to its last.
func (c *casting) begin(kind string, t *token, at time.Time, hours float64, title string, words ...any) *heist {
	story := c.tell(kind, true, t, title, words...)
	s := &c.fleet.stories[story]
	s.From, s.To, s.exact = at.UTC().Truncate(time.Second), at.UTC().Add(time.Duration(hours*float64(time.Hour))+2*time.Hour), true
	return &heist{c, t, story, pick(c.dice, []*diet{dietOf("resale"), dietOf("looting")})}
}

type heist struct {
	*casting
	token *token
	story int
	diet  *diet
}

func dietOf(name string) *diet {
	d := diets()[name]
	return &d
}

// visit plans requests from one address with one program.
func (h *heist) visit(at time.Time, requests int, over time.Duration, pause float64, from netip.Addr, agent string) {
	if requests <= 0 {
		return
	}
	h.fleet.visits = append(h.fleet.visits, visit{
		at: at.UnixMilli(), token: int32(h.token.Index), story: int32(h.story), requests: int32(requests), over: over, pause: pause,
		seed: h.dice.Uint64(), from: from, agent: agent, diet: h.diet,
	})
}

// hourly plans visits at a rate an hour for so many hours.
func (h *heist) hourly(at time.Time, hours, rate float64, from netip.Addr, agent string) {
	for hours > 0 {
		part := min(1, hours)
		h.visit(at, h.dice.poisson(rate*part), time.Duration(part*float64(time.Hour)), 0, from, agent)
		at, hours = at.Add(time.Hour), hours-1
	}
}

// tool is the program that a thief uses, as it calls itself at a time: now and then the owner's, to the last digit,
// which is all that it takes to look like it.
func (c *casting) tool(t *token, at time.Time, copied float64) (agent, whose string) {
	tool, whose := install(c.dice, workThief), "another program"
	if c.dice.chance(copied) {
		tool, whose = t.tools()[0], "its own program"
	}
	return tool.agent(tool.release(at), 0), whose
}

// robAtNight: while somebody sleeps, their token is tried and then used from another country.
func (c *casting) robAtNight(theft Theft, slot stretch) bool {
	d := c.dice
	at := slot.within(d)
	t := c.search(at, func(t *token) bool {
		p, ok := t.habit.(*person)
		if !ok || p.rate < 2 {
			return false
		}
		_, part := p.rhythm.quiet()
		return part < 0.02 && p.atHomeAround(at)
	})
	if t == nil {
		return false
	}
	p := t.habit.(*person)
	begin, _ := p.rhythm.quiet()
	at = c.hourOf(at, p.base.zone, begin+p.shift+0.3+1.5*d.Float64(), nil)
	n := c.foreign(t, pick(d, []kind{residential, residential, mobile, hosting, vpn}))
	hours := theft.Hours.draw(d)
	h := c.begin(NightAbroad, t, at, hours, "A thief in %s (%s) uses a token of %s whose owner sleeps in %s (%s).", n.place.name, n.operator, t.Owner, t.City, t.Country)
	from := fixed(d, n).address(at)
	agent, _ := c.tool(t, at, 0)
	loot := h.diet
	h.diet = dietOf("checking")
	h.visit(at, d.whole(2, 5), 0, 8, from, agent) // does it work, and what does it open?
	h.diet = loot
	h.hourly(at.Add(40*time.Second), hours, theft.Rate.draw(d), from, agent)
	return true
}

// atHomeAround says that a person is on no journey within a day.
func (p *person) atHomeAround(at time.Time) bool {
	for _, when := range []time.Time{at.Add(-day), at, at.Add(day)} {
		if p.whereabouts(when).trip != nil || p.whereabouts(when).flying {
			return false
		}
	}
	return !p.away(at)
}

// atHour is the given hour of the local day of a moment.
func atHour(at time.Time, zone *time.Location, hour float64) time.Time {
	local := at.In(zone)
	midnight := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)
	return midnight.Add(time.Duration(hour * float64(time.Hour))).Truncate(time.Millisecond)
}

// exfiltrate: for about a day, a few requests an hour from a network that is new to the token.
func (c *casting) exfiltrate(theft Theft, slot stretch) bool {
	d := c.dice
	at := slot.within(d)
	t := c.search(at, func(t *token) bool {
		p, ok := t.habit.(*person)
		return ok && p.tunnel == nil && p.atHomeAround(at) || t.Class == Cron || t.Class == Server || t.Class == Worker
	})
	if t == nil {
		return false
	}
	n := c.foreign(t, pick(d, []kind{hosting, hosting, vpn}))
	if near := c.unused(t, hosting, vpn); near != nil && d.chance(0.4) {
		n = near
	}
	hours := theft.Hours.draw(d)
	agent, whose := c.tool(t, at, 0.35)
	h := c.begin(SlowUse, t, at, hours, "A thief takes a little of %s's %s token every few minutes for %.0f hours, from %s in %s (%s), with %s.", t.Owner, t.Class, hours, n.operator, n.place.name, n.place.country, whose)
	h.hourly(at, hours, theft.Rate.draw(d), fixed(d, n).address(at), agent)
	return true
}

// publish: a token was published, and scripts on rented machines all over the world take what they can.
func (c *casting) publish(theft Theft, slot stretch) bool {
	d := c.dice
	at := slot.within(d)
	t := c.search(at, func(t *token) bool { return t.Class != CI && t.Class != Batch && t.Class != Worker })
	if t == nil {
		return false
	}
	hours, hosts := theft.Hours.draw(d), int(theft.Hosts.draw(d))
	h := c.begin(ManyHosts, t, at, hours, "A leaked token of %s is used from %d machines of hosting companies in many countries at once.", t.Owner, hosts)
	each := theft.Rate.draw(d) * hours / float64(hosts)
	for range hosts {
		n := pick(d, c.fleet.atlas.vpn)
		if d.chance(0.8) {
			n = pick(d, c.fleet.atlas.hosting)
		}
		h.diet = dietOf(pick(d, []string{"resale", "resale", "looting", "checking"}))
		start := at.Add(time.Duration(d.Float64() * d.Float64() * hours * float64(time.Hour)))
		agent, _ := c.tool(t, at, 0)
		h.visit(start, 1+d.poisson(d.logNormal(each, 0.8)), 0, 35, fixed(d, n).address(at), agent)
	}
	return true
}
