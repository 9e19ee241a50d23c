package simulate

import "time"

// hour draws the sittings that begin in the hour.
func (p *person) hour(s *scene, from time.Time) {
	if p.rhythm != nil {
		p.live(s, from)
		return
	}
	to := from.Add(time.Hour)
	where := p.whereabouts(from.Add(30 * time.Minute))
	local := from.In(where.place.zone)
	for _, back := range []int{0, -1} { // a night owl's yesterday ends today
		date := time.Date(local.Year(), local.Month(), local.Day()+back, 0, 0, 0, 0, where.place.zone)
		for _, sp := range p.day(s, date, where) {
			p.sit(s, sp, stretch{from, to})
		}
	}
	p.overnight(s, from, where)
	if p.keen != nil {
		p.arrive(s, stretch{from, to})
	}
}

// arrive draws the sittings of a person who is keen: one in the first minutes, and two or three an hour.
func (p *person) arrive(s *scene, hour stretch) {
	from, to := later(p.keen.from, hour.from), earlier(p.keen.to, hour.to)
	if hour.holds(p.keen.from) {
		p.sitting(s, p.keen.from.Add(time.Duration(s.dice.between(0.5, 9)*float64(time.Minute))), p.keen.venue)
	}
	p.sit(s, span{stretch{from, to}, p.keen.venue, 2.5}, hour)
}

// sit draws the sittings of one span that begin within the hour.
func (p *person) sit(s *scene, sp span, hour stretch) {
	from, to := later(sp.from, hour.from), earlier(sp.to, hour.to)
	if !from.Before(to) {
		return
	}
	d := s.dice
	for n := d.poisson(sp.weight * to.Sub(from).Hours()); n > 0; n-- {
		at := from.Add(time.Duration(d.Float64() * float64(to.Sub(from))))
		p.sitting(s, at, sp.venue)
	}
}

// sitting is one stretch of work: a question, then more, with pauses for thought. Its length is heavy-tailed.
func (p *person) sitting(s *scene, at time.Time, v venue) {
	d := s.dice
	way, story := p.way(s, at, v)
	c := p.clients[0]
	if len(p.clients) > 1 && d.chance(0.22) {
		c = p.clients[1+d.IntN(len(p.clients)-1)]
	}
	agent, address := s.agent(c, at), way.address(at)
	end := at.Add(100 * time.Minute)
	s.story = story
	n := 1 + int(min(d.logNormal(p.session, 1.0), 150))
	if p.keen != nil && p.keen.holds(at) {
		n += 3
	}
	for ; n > 0 && at.Before(end) && !p.whereabouts(at).flying; n-- {
		s.call(at, address, agent, s.order())
		at = at.Add(time.Duration(min(d.logNormal(p.pause, 1.1), 1500) * float64(time.Second)))
	}
	s.story = ordinary
}

// way is the line that a sitting goes over, and the story that it belongs to.
func (p *person) way(s *scene, at time.Time, v venue) (line, int) {
	where, d := p.whereabouts(at), s.dice
	if p.tunnel != nil && d.chance(p.inTunnel) {
		return *p.tunnel, where.story
	}
	if t := where.trip; t != nil {
		if v == atHotel && !d.chance(0.35) {
			return t.hotel, where.story
		}
		return t.phone, where.story
	}
	if d.chance(p.onPhone) {
		return p.phone, ordinary
	}
	if d.chance(0.006) { // a café, a friend's place
		return p.base.home(d), ordinary
	}
	if x := s.token.owner.exit; x != nil && x.people != nil && !at.Before(x.at) && (v == atOffice || p.office != nil) {
		return *x.people, ordinary
	}
	if v != atOffice {
		return p.cable, ordinary
	}
	if p.moved != nil && p.moved.holds(at) {
		return pick(d, p.moved.office.uplinks), p.moved.story
	}
	if len(p.office.uplinks) > 1 && d.chance(0.1) {
		return p.office.uplinks[1], ordinary
	}
	return p.office.uplinks[0], ordinary
}

// overnight is a script that somebody starts before going home, on few days.
func (p *person) overnight(s *scene, from time.Time, where whereabouts) {
	if where.trip != nil || p.rate < 15 {
		return
	}
	local := from.In(where.place.zone)
	d := s.about(aJob, dayNumber(local))
	begin := int(p.start + p.length)
	if !d.chance(0.006) || local.Hour() != begin%24 || p.off(local) {
		return
	}
	c, pause := p.clients[len(p.clients)-1], d.between(15, 90)
	at, end := from.Add(time.Duration(d.Float64()*float64(time.Hour))), from.Add(time.Duration(d.between(1, 4)*float64(time.Hour)))
	for at.Before(end) {
		s.call(at, p.cable.address(at), s.agent(c, at), s.order())
		at = at.Add(time.Duration(s.dice.logNormal(pause, 0.4) * float64(time.Second)))
	}
}
