package simulate

import (
	"math"
	"time"
)

// server is a service that calls the API round the clock, more when its own users are awake.
type server struct {
	rate    float64 // requests an hour, averaged over a week
	curve   curve
	zone    *time.Location
	trend   float64 // see growth
	noise   float64 // spread of an hour's load
	bursts  float64 // chance of a burst in an hour
	egress  []line
	client  client
	deploys float64 // a working day's chance of a deploy
	release *release
	surge   *surge
	weather *weather // of a planned fleet; nil: noise and bursts
	country string   // likewise: where its customers have their holidays
}

// release is a deploy that a story tells: a restart with another client.
type release struct {
	at     time.Time
	client client
	story  int
}

// surge is a time of more traffic, for an honest reason.
type surge struct {
	stretch
	factor float64
	story  int
}

// curve is the load over the day: how deep the night and the weekend are, and at which local hour it peaks.
type curve struct {
	depth, peak, sharp float64
	weekend            float64
}

// at gives the load at a local time, about 1 on average over a day.
func (c curve) at(local time.Time) float64 {
	hours := float64(local.Hour()) + float64(local.Minute())/60
	wave := math.Cos((hours - c.peak) * math.Pi / 12)
	load := 1 + c.depth*wave + c.sharp*math.Cos(2*(hours-c.peak)*math.Pi/12)
	if wd := local.Weekday(); wd == time.Saturday || wd == time.Sunday {
		load *= c.weekend
	}
	return max(load, 0.02)
}

// load is the service's usual number of requests an hour at a time of day and week.
func (v *server) load(at time.Time) float64 {
	local := at.In(v.zone)
	usual := v.rate * v.curve.at(local) * growth(v.trend, at)
	if v.curve.weekend < 0.5 && v.country != "" && holiday(v.country, local) { // offices are closed
		usual *= 0.5
	}
	return usual
}

func (v *server) hour(s *scene, from time.Time) {
	d := s.dice
	luck := d.logNormal(1, v.noise)
	restart := v.deploy(s, from)
	if v.weather != nil {
		v.blow(s, from, restart)
		return
	}
	for slot := range 12 {
		at := from.Add(time.Duration(slot) * 5 * time.Minute)
		v.arrive(s, at, 5*time.Minute, luck*v.load(at)*v.factor(at)/12, restart)
	}
	if d.chance(v.bursts) {
		at := from.Add(time.Duration(d.Float64() * float64(time.Hour)))
		length := time.Duration(d.between(1, 9) * float64(time.Minute))
		factor := min(2/math.Pow(1-d.Float64(), 0.6), 25) // Pareto
		v.arrive(s, at, length, luck*v.load(at)*length.Hours()*factor, restart)
	}
}

// arrive draws a stretch's requests; while the service restarts there are none.
func (v *server) arrive(s *scene, from time.Time, length time.Duration, mean float64, restart stretch) {
	for n := s.dice.poisson(mean); n > 0; n-- {
		at := from.Add(time.Duration(s.dice.Float64() * float64(length)))
		if !restart.holds(at) {
			v.call(s, at, s.order())
		}
	}
}

func (v *server) call(s *scene, at time.Time, endpoint int) {
	c := v.client
	switch {
	case v.release != nil && !at.Before(v.release.at):
		c, s.story = v.release.client, v.release.story
	case v.surge != nil && v.surge.holds(at):
		s.story = v.surge.story
	}
	s.call(at, s.out(pick(s.dice, v.egress), at), s.agent(c, at), endpoint)
	s.story = ordinary
}

func (v *server) factor(at time.Time) float64 {
	if v.surge == nil || !v.surge.holds(at) {
		return 1
	}
	ramp := min(at.Sub(v.surge.from).Minutes()/15, 1) // customers come within a quarter of an hour
	return 1 + (v.surge.factor-1)*max(ramp, 0.2)
}

// deploy restarts the service in some working hour: half a minute of silence, then a warm-up.
func (v *server) deploy(s *scene, from time.Time) stretch {
	local := from.In(v.zone)
	d := s.about(aDeploy, dayNumber(local))
	hour := d.whole(9, 17)
	at := from.Add(time.Duration(d.Float64() * float64(50*time.Minute)))
	due := d.chance(v.deploys) && local.Hour() == hour
	if v.release != nil && (stretch{from, from.Add(time.Hour)}).holds(v.release.at) {
		due, at = true, v.release.at
	}
	if !due {
		return stretch{}
	}
	down := stretch{at, at.Add(time.Duration(d.between(20, 90) * float64(time.Second)))}
	warm := down.to
	for n := d.whole(2, 8); n > 0; n-- {
		v.call(s, warm, pick(s.dice, []int{listModels, getModel, whoami}))
		warm = warm.Add(time.Duration(d.between(0.1, 3) * float64(time.Second)))
	}
	return down
}
