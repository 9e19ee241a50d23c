package simulate

import (
	"math"
	"time"
)

// worker is a service that runs on machines which come and go: one token, copied to all of them, and addresses that
// nobody has seen before several times a day.
type worker struct {
	server
	each   float64       // requests an hour that one machine takes
	life   time.Duration // of a machine
	clouds []*network
}

func (w *worker) hour(s *scene, from time.Time) {
	first := from.Unix() / 600
	for slot := range int64(6) {
		at := from.Add(time.Duration(slot) * 10 * time.Minute)
		load := w.load(at) * w.weather.at(first+slot) * w.factor(at)
		machines := max(1, int(math.Ceil(load/w.each)))
		for n := s.dice.poisson(load / 6); n > 0; n-- {
			when := at.Add(time.Duration(s.dice.Float64() * float64(10*time.Minute)))
			l := w.machine(s.token.seed, s.dice.IntN(machines), when)
			s.call(when, s.out(l, when), s.agent(w.client, when), s.order())
		}
	}
}

// machine is the line of the fleet's machine number n: another one when its time is over.
func (w *worker) machine(seed uint64, n int, at time.Time) line {
	phase := time.Duration(mix(seed, uint64(n)) % uint64(w.life))
	number := uint64((at.Sub(epoch()) + phase) / w.life)
	return line{network: w.clouds[n%len(w.clouds)], seed: mix(seed, uint64(n), number)}
}

// blow draws a service's hour in its weather.
func (v *server) blow(s *scene, from time.Time, restart stretch) {
	first := from.Unix() / 600
	for slot := range int64(6) {
		at := from.Add(time.Duration(slot) * 10 * time.Minute)
		v.arrive(s, at, 10*time.Minute, v.load(at)*v.weather.at(first+slot)*v.factor(at)/6, restart)
	}
}
