package ingest

import (
	"bytes"
	"strings"
)

const (
	// chunk is how much text is allocated at a time. An event keeps its chunk alive, so
	// it is small beside a block.
	chunk = 64 << 10

	// maxKnownTexts bounds each cache of texts. Outsiders choose them: when a cache is
	// full it is emptied, since what is really common is back at once.
	maxKnownTexts = 4096

	// maxKnownText is the longest text that is kept in one.
	maxKnownText = 1 << 10
)

// texts makes strings of bytes that will be overwritten: many into one allocation, and
// those that come again and again only once.
type texts struct {
	room   strings.Builder
	known  map[string]string
	agents map[string]agent
	owners map[string]owner
}

func newTexts() *texts {
	return &texts{known: map[string]string{}, agents: map[string]agent{}, owners: map[string]owner{}}
}

// copy makes a string of its own.
func (t *texts) copy(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if t.room.Cap()-t.room.Len() < len(b) {
		t.room = strings.Builder{}
		t.room.Grow(max(chunk, len(b)))
	}
	from := t.room.Len()
	t.room.Write(b)
	return t.room.String()[from:]
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

// agent is a user agent, scrubbed, and the client that it names.
type agent struct{ text, client string }

func (w *decoding) agent(raw []byte) agent {
	if a, ok := w.texts.agents[string(raw)]; ok && !w.scrub.holds(raw) {
		return a
	}
	clean := w.scrub.Text(raw)
	a := agent{text: string(clip(clean, maxUserAgent))}
	w.buf = appendClient(w.buf[:0], clean)
	a.client = string(w.buf)
	if !w.scrub.holds(raw) {
		remember(w.texts.agents, string(raw), a)
	}
	return a
}

// owner is a consumer's name, scrubbed, and the environment that it names.
type owner struct{ name, environment string }

func (w *decoding) owner(raw []byte) owner {
	if o, ok := w.texts.owners[string(raw)]; ok && !w.scrub.holds(raw) {
		return o
	}
	clean := clip(w.scrub.Text(raw), maxConsumer)
	o := owner{name: string(clean), environment: environmentOf(clean)}
	if !w.scrub.holds(raw) {
		remember(w.texts.owners, string(raw), o)
	}
	return o
}

// holds reports whether the text may hold one of the entry's credentials: then what was
// made of it for other entries does not serve, nor the other way round.
func (s *Scrubber) holds(text []byte) bool {
	for _, secret := range s.known {
		if bytes.Contains(text, secret) {
			return true
		}
	}
	return len(s.known) > 0 && bytes.IndexByte(text, '%') >= 0
}
