package ingest

import "github.com/tokenwatch/tokenwatch/ingest/format"

// places are where what is remembered of an entry's texts stands, if it is remembered.
type places struct {
	callers *[2]caller
	whences *[2]whence
	agent   *memoPlace[agent]
	path    *memoPlace[path]
}

// glance finds the places of everything that may be remembered of an entry, and reads a word of each line of the processor's cache
// that will be needed: they are far away, and all come in the time of one of them if nobody waits for one
// before asking for the next.
func (w *decoding) glance(r *format.Record) (seen places) {
	switch {
	case len(r.Credential) > 0:
		seen.callers = w.known.look('c', w.format.Name(), r.Credential)
	case len(r.Token) > 0:
		seen.callers = w.known.look('t', w.format.Name(), r.Token)
	}
	seen.whences = w.whences.look(r)
	seen.agent = w.texts.agents.look(r.UserAgent)
	if len(r.URI) > 0 {
		seen.path = w.texts.paths.look(pathOf(r.URI))
	}
	w.touched += seen.touch()
	return seen
}

func (p *places) touch() (touched uint64) {
	if c := p.callers; c != nil {
		touched = c[0].hash[0] + uint64(len(c[0].credential)) + uint64(c[0].beside[len(c[0].beside)-1])
	}
	if f := p.whences; f != nil {
		touched += uint64(f[0].from) + f[0].edition + uint64(f[0].said[len(f[0].said)-1])
	}
	if p.agent != nil {
		touched += p.agent.stranger
	}
	if p.path != nil {
		touched += p.path.stranger
	}
	return touched
}
