package ingest

import (
	"bytes"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	// maxKnownTexts bounds each cache of texts. Outsiders choose them: when a cache is
	// full it is emptied, since what is really common is back at once.
	maxKnownTexts = 4096

	// maxKnownText is the longest text that is kept in one, maxKnownPath the longest path.
	maxKnownText = 1 << 10
	maxKnownPath = 256
)

// texts makes strings of bytes that will be overwritten: many into one allocation, and
// those that come again and again only once.
type texts struct {
	room   schema.Texts // never used again: nobody knows who keeps them
	known  map[string]string
	agents *memo[agent]
	owners *memo[owner]
	paths  *memo[path]
}

func newTexts() *texts {
	return &texts{
		known:  map[string]string{},
		agents: newMemo[agent](1024, maxKnownText),
		owners: newMemo[owner](4096, maxConsumer),
		paths:  newMemo[path](2048, maxKnownPath),
	}
}

// intern makes the same string of the same bytes.
func (t *texts) intern(b []byte) string {
	if s, ok := t.known[string(b)]; ok || len(b) == 0 {
		return s
	}
	s := string(b)
	remember(t.known, s, s)
	return s
}

func remember[V any](cache map[string]V, key string, v V) {
	if len(key) > maxKnownText {
		return
	}
	if len(cache) >= maxKnownTexts {
		clear(cache)
	}
	cache[key] = v
}

// text makes a string of its own of bytes that will be remembered, and one among many of others.
func (t *texts) text(b []byte, remembered bool) string {
	if remembered {
		return string(b) // it must not keep a chunk alive
	}
	return t.room.Copy(b)
}

// agent is a user agent, scrubbed, and the client that it names.
type agent struct{ text, client string }

func (w *decoding) agent(place *memoPlace[agent], raw []byte) agent {
	if len(raw) == 0 {
		return agent{}
	}
	known, room := w.texts.agents.find(place, raw)
	if w.scrub.bears(raw) {
		known, room = nil, nil
	}
	if known != nil {
		return *known
	}
	clean := w.scrub.Agent(raw)
	text := w.texts.text(clip(clean, maxUserAgent), room != nil)
	w.buf = appendClient(w.buf[:0], clean)
	a := agent{text, w.texts.intern(w.buf)}
	keep(room, raw, a)
	return a
}

// owner is a consumer's name, scrubbed, and the environment that it names.
type owner struct{ name, environment string }

// owner gives an owner, and whether it is remembered, so that its name may be kept elsewhere too.
func (w *decoding) owner(raw []byte) (o owner, kept bool) {
	if len(raw) == 0 {
		return owner{}, false
	}
	known, room := w.texts.owners.find(w.texts.owners.look(raw), raw)
	if w.scrub.bears(raw) {
		known, room = nil, nil
	}
	if known != nil {
		return *known, true
	}
	clean := clip(w.scrub.Text(raw), maxConsumer)
	o = owner{name: w.texts.text(clean, room != nil), environment: environmentOf(clean)}
	return o, keep(room, raw, o)
}

// path is a path, scrubbed, and its template.
type path struct {
	text, route string
	at          time.Time // of the block for which the route was asked for
}

// path gives a path and its route. A route holds for one block: in the next one there may be room for
// a template that had none, and routes want to know which are in use.
func (w *decoding) path(place *memoPlace[path], raw []byte) (text, route string) {
	known, room := w.texts.paths.find(place, raw)
	if w.scrub.bears(raw) {
		known, room = nil, nil
	}
	if known != nil {
		if known.at != w.pos.At {
			w.buf = append(w.buf[:0], known.text...)
			known.route, known.at = w.route(w.buf), w.pos.At
		}
		return known.text, known.route
	}
	clean := w.scrub.Path(raw)
	p := path{route: w.route(clean), at: w.pos.At}
	if clean = clip(clean, maxPath); room == nil {
		p.text = w.dst.Texts.Copy(clean)
	} else {
		p.text = string(clean)
		keep(room, raw, p)
	}
	return p.text, p.route
}

func (w *decoding) route(clean []byte) string {
	w.template = appendTemplate(w.template[:0], clean)
	return w.routes.admit(w.template, w.pos.At)
}

// keep remembers what was made of a text, for entries whose credentials do not stand in it. Nobody can tell whether they stand in an
// encoded one without decoding it, so that none is remembered.
func keep[V any](room *memoPlace[V], raw []byte, v V) (kept bool) {
	if room == nil || encoded(raw) {
		return false
	}
	room.keep(raw, v)
	return true
}

// bears reports whether one of the entry's credentials stands in the text as it is.
func (s *Scrubber) bears(text []byte) bool {
	if !s.apart {
		s.learnt()
	}
	for _, needle := range s.needles {
		if len(needle) <= len(text) && bytes.Contains(text, needle) {
			return true
		}
	}
	return false
}
