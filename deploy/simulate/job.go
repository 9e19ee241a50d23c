package simulate

import "time"

// cron is a job at fixed times: each run makes a series of requests, in haste, from one machine.
type cron struct {
	every  time.Duration  // of an hourly job; zero: a daily or weekly one
	minute int            // of the hour, or of the day
	days   []time.Weekday // of a daily job; none: all
	zone   *time.Location
	run    float64 // median requests of a run
	spread float64 // how much runs differ
	pace   float64 // median seconds between requests
	jitter float64 // seconds by which it starts late as a rule
	egress line
	client client
	late   *late
}

// late is a run that a story tells: it starts hours after it was due.
type late struct {
	due, at time.Time
	story   int
}

func (c *cron) hour(s *scene, from time.Time) {
	hour := stretch{from, from.Add(time.Hour)}
	if c.late != nil && hour.holds(c.late.at) {
		s.story = c.late.story
		c.make(s, c.late.at)
		s.story = ordinary
	}
	for _, due := range c.due(hour) {
		if c.late != nil && due.Equal(c.late.due) {
			continue
		}
		d := s.about(aRun, due.Unix())
		if d.chance(0.008) { // the machine was down
			continue
		}
		delay := d.logNormal(c.jitter, 0.8)
		if d.chance(0.01) { // a queue in front of it
			delay += d.between(300, 5400)
		}
		c.make(s, due.Add(time.Duration(delay*float64(time.Second))))
	}
}

// due lists the times within the hour at which the job is to start.
func (c *cron) due(hour stretch) []time.Time {
	if c.every > 0 {
		return c.repeated(hour)
	}
	local := hour.from.In(c.zone)
	for _, next := range []int{0, 1} { // zones off by half an hour: the hour may cross midnight
		at := time.Date(local.Year(), local.Month(), local.Day()+next, c.minute/60, c.minute%60, 0, 0, c.zone)
		if hour.holds(at) && c.on(at.Weekday()) {
			return []time.Time{at}
		}
	}
	return nil
}

func (c *cron) repeated(hour stretch) []time.Time {
	var due []time.Time
	first := hour.from.Truncate(c.every).Add(time.Duration(c.minute) * time.Minute)
	for at := first; at.Before(hour.to); at = at.Add(c.every) {
		if hour.holds(at) {
			due = append(due, at)
		}
	}
	return due
}

func (c *cron) on(d time.Weekday) bool {
	for _, w := range c.days {
		if w == d {
			return true
		}
	}
	return len(c.days) == 0
}

// make draws one run.
func (c *cron) make(s *scene, at time.Time) {
	d, address, agent, end := s.dice, s.out(c.egress, at), s.agent(c.client, at), at.Add(3*time.Hour)
	for n := max(1, int(d.logNormal(c.run, c.spread))); n > 0 && at.Before(end); n-- {
		s.call(at, address, agent, s.order())
		at = at.Add(time.Duration(min(d.logNormal(c.pace, 0.8), 300) * float64(time.Second)))
	}
}

// batch is a large job that somebody starts on some days: hundreds of requests within an hour or so.
type batch struct {
	often   float64 // chance of a job on a working day
	size    float64 // median requests of a job
	pace    float64
	nightly bool // started at any hour, by an orchestrator
	zone    *time.Location
	egress  []line
	client  client
}

func (b *batch) hour(s *scene, from time.Time) {
	local := from.In(b.zone)
	d := s.about(aJob, dayNumber(local))
	hour, chance := int(min(max(d.normal(14, 3), 0), 23)), b.often
	if b.nightly {
		hour = d.IntN(24)
	} else if wd := local.Weekday(); wd == time.Saturday || wd == time.Sunday {
		chance /= 6
	}
	if !d.chance(chance) || local.Hour() != hour {
		return
	}
	at, n := from.Add(time.Duration(d.Float64()*float64(time.Hour))), int(min(d.logNormal(b.size, 0.9), 4000))
	address, agent, end := s.out(pick(d, b.egress), at), s.agent(b.client, at), at.Add(4*time.Hour)
	for ; n > 0 && at.Before(end); n-- {
		s.call(at, address, agent, s.order())
		at = at.Add(time.Duration(min(s.dice.logNormal(b.pace, 0.9), 120) * float64(time.Second)))
	}
}

// ci runs tests when people push, on machines hired for minutes: hardly ever the same address twice.
type ci struct {
	pushes  float64 // on a working day
	run     float64 // median requests of a run
	zone    *time.Location
	runners []*network
	client  client
}

func (c *ci) hour(s *scene, from time.Time) {
	local := from.In(c.zone)
	load := curve{depth: 0.95, peak: 14.5, sharp: 0, weekend: 0.12}.at(local) / 24
	for n := s.dice.poisson(c.pushes * load); n > 0; n-- {
		d := s.dice
		at := from.Add(time.Duration(d.Float64() * float64(time.Hour)))
		address, agent := pick(d, c.runners).address(d.Uint64()), s.agent(c.client, at)
		for k := 1 + int(min(d.logNormal(c.run, 0.5), 80)); k > 0; k-- {
			s.call(at, address, agent, s.order())
			at = at.Add(time.Duration(min(d.logNormal(4, 1), 120) * float64(time.Second)))
		}
	}
}
