package simulate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// visit is an hour or less of a theft: somebody else's requests with a token, from one address with one program. What
// exactly is asked for is drawn when the visit is played, so that a plan for months takes little memory.
type visit struct {
	at           int64 // ms since 1970
	token, story int32
	requests     int32
	over         time.Duration // requests fall anywhere in it; zero: one after the other
	pause        float64       // median seconds between them, otherwise
	seed         uint64
	from         netip.Addr
	agent        string
	diet         *diet
}

// play draws the visit's requests.
func (v *visit) play(s *scene) {
	s.token, s.story = s.fleet.tokens[v.token], ordinary
	s.dice.about(v.seed, uint64(v.at))
	at := time.UnixMilli(v.at)
	for n := v.requests; n > 0; n-- {
		when := at
		if v.over > 0 {
			when = at.Add(time.Duration(s.dice.Float64() * float64(v.over)))
		}
		r := s.request(when, v.from, v.agent, s.dice.weighted(v.diet[:]))
		r.story = v.story
		s.calls = append(s.calls, r)
		if v.over == 0 {
			at = at.Add(time.Duration(min(s.dice.logNormal(v.pause, 1), 900) * float64(time.Second)))
		}
	}
}

// visits that begin in an hour, of the tokens that play.
func (r *reel) visits(from time.Time) {
	begin, end := from.UnixMilli(), from.Add(time.Hour).UnixMilli()
	all := r.fleet.visits
	at, _ := slices.BinarySearchFunc(all, begin, func(v visit, t int64) int { return cmp.Compare(v.at, t) })
	for ; at < len(all) && all[at].at < end; at++ {
		if r.plays(all[at].token) {
			all[at].play(&r.scene)
		}
	}
}

// plays says whether a token is in the cast, which is the whole fleet or a handful.
func (r *reel) plays(index int32) bool {
	return len(r.cast) == len(r.fleet.tokens) || slices.Contains(r.cast, r.fleet.tokens[index])
}
