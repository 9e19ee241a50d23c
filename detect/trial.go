package detect

import (
	"slices"

	"github.com/tokenwatch/tokenwatch/schema"
)

// A detector on trial (detect.simulate) is asked like all others, but what it says is kept beside the token's story,
// not in it: it opens no episode, keeps nothing from being learnt, and adds to no score. What it would have come to,
// together with what the others said, is told in findings that are marked as simulated.

// rehearse keeps what a detector on trial says.
func (l *look) rehearse(e evidence, say func() words) {
	if e.llr > 0 {
		l.rehearsed = true
	}
	l.memory.fileOf(l.profile).trial.keep(l.now, e, say)
}

// rehearsal is the finding that the detectors on trial would have made, if it is time to tell it.
func (e *Engine) rehearsal(l *look) *schema.Finding {
	if !l.rehearsed {
		return nil
	}
	s := &l.memory.fileOf(l.profile).trial
	s.fade(l.now, e.cfg.HalfLife)
	if l.now-s.episode.last > 2*int64(e.cfg.HalfLife.Seconds()) {
		s.episode = episode{}
	}
	l.enter(s)
	l.note(s)
	both := story{evidence: slices.Clone(s.evidence), episode: s.episode}
	if real := l.memory.storyOf(l.profile); real != nil {
		both.evidence = append(both.evidence, real.evidence...)
		both.evidence = both.evidence[:min(len(both.evidence), maxEvidence)]
	}
	score := both.sum(l.now, e.cfg.HalfLife) / e.bar(l.class()) * e.factor
	n := both.detectors()
	if !s.episode.due(l.now, score, n) {
		return nil
	}
	ep := &s.episode
	ep.score, ep.reported, ep.detectors, ep.told = max(ep.score, score), l.now, max(ep.detectors, n), ep.requests
	both.episode = *ep
	f := e.finding(l, &both, score, both.report())
	f.Simulated = true
	for i := range f.Evidence {
		f.Evidence[i].Simulated = e.rules.onTrial(f.Evidence[i].Detector)
	}
	return f
}
