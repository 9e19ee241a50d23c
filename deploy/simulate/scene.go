package simulate

import (
	"math"
	"net/netip"
	"time"
)

// ordinary marks requests that belong to no story.
const ordinary = -1

// habit is how a token is used. It draws the requests that begin in one hour; those of a long job may end up to
// spill later.
type habit interface {
	hour(s *scene, from time.Time)
}

// spill bounds how long after its hour a job that began in it may go on.
const spill = 6 * time.Hour

// scene is where a habit acts: one token's hour.
type scene struct {
	fleet  *Fleet
	agents agents
	token  *token
	story  int
	dice   dice // this hour's luck
	plan   dice // what holds for longer than an hour: a day, a job, a trip
	calls  []request
	spans  [4]span // room for a day's plan
}

// enter sets the scene for one token's hour.
func (s *scene) enter(t *token, hour time.Time) {
	s.token, s.story = t, ordinary
	s.dice.about(t.seed, uint64(hour.Unix()))
}

// about points the scene's plan at something that lasts: the same parts give the same plan in every hour.
func (s *scene) about(what planned, n int64) dice {
	s.plan.about(s.token.seed, uint64(what), uint64(n))
	return s.plan
}

// planned names what plans are made for.
type planned uint64

const (
	aDay planned = iota + 1
	aJob
	aDeploy
	aRun
	aVersion
)

// dayNumber counts local calendar days.
func dayNumber(local time.Time) int64 {
	y, m, d := local.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
}

// call makes a request, and what a retrying client makes of its failure.
func (s *scene) call(at time.Time, from netip.Addr, agent string, endpoint int) {
	if at.Before(s.token.Since) || (!s.token.until.IsZero() && at.After(s.token.until)) {
		return
	}
	for try := 0; ; try++ {
		r := s.request(at, from, agent, endpoint)
		s.calls = append(s.calls, r)
		failed := r.status == 429 || r.status >= 500
		if !failed || !s.token.retries || try == 3 || s.dice.chance(0.25) {
			return
		}
		wait := time.Duration(s.dice.between(0.5, 1.5)*float64(time.Second)) << try
		at = time.UnixMilli(r.end).Add(wait)
	}
}

func (s *scene) request(at time.Time, from netip.Addr, agent string, endpoint int) request {
	d, e := s.dice, &s.fleet.api[endpoint]
	r := request{
		token: int32(s.token.Index), story: int32(s.chapter(at)), endpoint: uint8(endpoint),
		favour: s.favour(), draw: d.Uint64(), from: from, agent: agent,
		status: s.status(endpoint, at),
		in:     clamp(d.logNormal(e.in, e.inSpread), 180, 60e6),
	}
	if e.method == "POST" {
		r.in += requestHead
	}
	out, latency := d.logNormal(e.out, e.outSpread), d.logNormal(e.latency, e.slowSpread)
	switch {
	case r.status == 504:
		out, latency = 520, d.between(30000, 60000)
	case r.status >= 400:
		out, latency = d.logNormal(430, 0.2), d.logNormal(9, 0.8)
	case r.status == 302:
		out, latency = d.logNormal(1400, 0.1), d.logNormal(16, 0.5)
	}
	r.out = clamp(out, 110, 4e9)
	r.latency = clamp(latency+e.perMegabyte*out/1e6, 1, 120000)
	r.end = at.UnixMilli() + int64(r.latency)
	return r
}

// chapter is the story that a request belongs to.
func (s *scene) chapter(at time.Time) int {
	if tale := s.token.tale; s.story == ordinary && tale != nil && tale.holds(at) {
		return tale.story
	}
	return s.story
}

// out is the address that something leaves by: its own, unless its owner has switched the way out.
func (s *scene) out(l line, at time.Time) netip.Addr {
	if x := s.token.owner.exit; x != nil && !at.Before(x.at) && len(x.machines) > 0 {
		l = x.machines[mix(l.seed)%uint64(len(x.machines))]
	}
	return l.address(at)
}

// agent is how a client calls itself at a time, its owner's deploys included.
func (s *scene) agent(c client, at time.Time) string {
	steps := 0
	if o := s.token.owner; !o.step.IsZero() && !at.Before(o.step) {
		steps = 1
	}
	return s.agents.of(c, at, steps)
}

// favour picks one of the token's models or data sets: the first ones far more often than the last.
func (s *scene) favour() uint8 {
	x := s.dice.Float64()
	return uint8(x * x * x * 16)
}

// requestHead is the size of a request's line and headers, in bytes.
const requestHead = 420

func clamp(x, low, high float64) uint32 { return uint32(min(max(x, low), high)) }

// status draws the answer. Most calls succeed; what fails depends on the endpoint, the token's caller and the hour's
// troubles.
func (s *scene) status(endpoint int, at time.Time) uint16 {
	x := s.dice.Float64()
	if bad := s.fleet.trouble(at); bad > 0 {
		if x < bad {
			return pick(s.dice, []uint16{503, 503, 503, 502, 504, 429, 500})
		}
		x = s.dice.Float64()
	}
	x /= s.token.clumsy
	switch {
	case x < 0.0010:
		return 500
	case x < 0.0014:
		return 504
	case x < 0.0044:
		return 429
	case x < 0.0100 && s.fleet.api[endpoint].method == "POST":
		return 400
	case x < 0.0250 && (endpoint == getModel || endpoint == getDataset || endpoint == listDataset):
		return 404
	case x < 0.0110 && (endpoint == commitData || endpoint == fetchWeights):
		return 403
	}
	return success(endpoint, s.dice)
}

func success(endpoint int, d dice) uint16 {
	switch endpoint {
	case fetchData, fetchWeights:
		return pick(d, []uint16{200, 200, 206, 302})
	case deleteFile:
		return 204
	}
	return 200
}

// growth is how much a token's use has grown since the beginning of the count, at trend a hundred days (log scale):
// most drift a little, some grow fast, some fade.
func growth(trend float64, at time.Time) float64 {
	const period = float64(100 * day)
	swing := math.Sin(2*math.Pi*float64(at.Sub(epoch()))/(2.3*period) + 50*trend)
	return math.Exp(trend * swing)
}

// order draws which endpoint the token asks for.
func (s *scene) order() int { return s.dice.weighted(s.token.diet[:]) }
