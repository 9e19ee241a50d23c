package ingest

import (
	"bytes"
	"maps"
	"sync"
	"time"
)

const (
	maxSegments = 8  // of a template; what follows becomes one {rest}
	maxSegment  = 48 // bytes of a segment that can be a word

	// maxRoutes bounds the templates that one Decoder knows. Paths are chosen by outsiders:
	// without a bound a scanner would make a template a request.
	maxRoutes = 2000
	// routeIdle is how long a template must not have been used, in ingested time, before a
	// new one may take its place.
	routeIdle = 24 * time.Hour
)

// otherRoute is the template of all paths that came when there was no room left.
const otherRoute = "/{other}"

// maxHeads bounds the first segments that templates without room fall back to.
const maxHeads = 200

// routes turns paths into templates: /v1/models/42 into /v1/models/{id}. When all places
// are taken and none has been idle for a day, a new template falls back to its first
// segment, /v1/{other}, if that is known, and else to /{other}.
type routes struct {
	mu    sync.RWMutex
	known map[string]*lastUse
	heads map[string]string // by first segment
	swept time.Time
}

type lastUse struct {
	template string
	at       time.Time
}

func newRoutes() *routes {
	return &routes{known: map[string]*lastUse{}, heads: map[string]string{}}
}

// admit gives the text under which a template is known. It copies what it keeps.
func (r *routes) admit(template []byte, at time.Time) string {
	r.mu.RLock()
	use := r.known[string(template)]
	fresh := use != nil && at.Sub(use.at) < time.Hour // an older one is written down again
	r.mu.RUnlock()
	if fresh {
		return use.template
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if use := r.enter(template, at); use != nil {
		return use.template
	}
	if fallback, ok := r.heads[string(head(template))]; ok {
		return fallback
	}
	return otherRoute
}

func (r *routes) enter(template []byte, at time.Time) *lastUse {
	use := r.known[string(template)]
	if use == nil && r.room(at) {
		use = &lastUse{template: string(template)}
		r.known[use.template] = use
		r.remember(head(template))
	}
	if use != nil && at.After(use.at) {
		use.at = at
	}
	return use
}

func (r *routes) remember(head []byte) {
	if _, ok := r.heads[string(head)]; !ok && len(r.heads) < maxHeads {
		r.heads[string(head)] = string(head) + otherRoute
	}
}

// room makes room if there is none, at most once a minute: a sweep looks at them all.
func (r *routes) room(at time.Time) bool {
	if len(r.known) < maxRoutes {
		return true
	}
	if at.Sub(r.swept) < time.Minute {
		return false
	}
	r.swept = at
	heads := map[string]bool{}
	for template, use := range r.known {
		if at.Sub(use.at) > routeIdle {
			delete(r.known, template)
		} else {
			heads[string(head([]byte(template)))] = true
		}
	}
	maps.DeleteFunc(r.heads, func(first, _ string) bool { return !heads[first] })
	return len(r.known) < maxRoutes
}

// head is /v1 of /v1/models/{id}.
func head(template []byte) []byte {
	if end := bytes.IndexByte(template[1:], '/'); end >= 0 {
		return template[:end+1]
	}
	return template
}

// appendTemplate appends the template of a path. The query string does not matter.
func appendTemplate(dst, path []byte) []byte {
	for _, end := range [...]byte{'?', '#'} {
		if i := bytes.IndexByte(path, end); i >= 0 {
			path = path[:i]
		}
	}
	for n := 0; len(path) > 0; n++ {
		path = bytes.TrimLeft(path, "/")
		if n == maxSegments && len(path) > 0 {
			return append(dst, "/{rest}"...)
		}
		segment, rest := path, []byte(nil)
		if i := bytes.IndexByte(path, '/'); i >= 0 {
			segment, rest = path[:i], path[i:]
		}
		if len(segment) > 0 {
			dst = appendSegment(append(dst, '/'), segment)
		}
		path = rest
	}
	if len(dst) == 0 {
		dst = append(dst, '/')
	}
	return dst
}

// appendSegment appends the segment itself if it is a word, and a placeholder if it is a value.
func appendSegment(dst, segment []byte) []byte {
	if len(segment) > maxSegment || !word(segment) || bytes.Contains(segment, []byte(blanked)) {
		return append(dst, "{id}"...)
	}
	return append(dst, segment...)
}

// word tells words of an API from values: a number, a UUID, a hexadecimal or a long mixed
// segment is a value; v1, chat, gpt-4o-mini and index.html are words.
func word(segment []byte) bool {
	digits, letters, run, longest := 0, 0, 0, 0
	for _, c := range segment {
		switch class := classOf(c); {
		case class == byte(digit):
			digits++
			run++
			longest = max(longest, run)
			continue
		case class != 0:
			letters++
		case !wordByte(c) && c != ':' && c != '@' && c != '$' && c != '*' || c >= 0x80:
			return false // percent-encoded, or not of this world
		}
		run = 0
	}
	switch {
	case letters == 0:
		return digits == 0
	case bytes.IndexByte(segment, '@') > 0 && bytes.IndexByte(segment, '.') > 0:
		return false // joe@example.com; but not @me
	case digits == 0:
		return true
	case len(segment) >= 8 && hexadecimal(segment):
		return false
	case digits > 2 && digits >= letters && plainRun(segment), digits > 5 && letters <= 2:
		return false // inv0042, 2026-11-21T10:00:00Z
	case longest >= 5 && !dated(segment):
		return false // x-12345; but not gpt-4o-mini-2024-07-18
	case len(segment) >= minMixed && classes(segment) >= 0.4, mixedTail(segment):
		return false // aGVsbG8gd29ybGQ, thread_abc123DEF
	}
	return !random(segment, true)
}

// minMixed is how long a segment of mixed classes must be to be a value: shorter than for a token,
// since here a mistake costs nothing but a name.
const minMixed = 10

// dated reports whether a segment is a name with a date, as those of models are: at least two words and
// one date, claude-3-5-sonnet-20241022. It is ASCII.
func dated(segment []byte) bool {
	words, dates := 0, 0
	for i := 0; i < len(segment); i++ {
		from, lettered := i, false
		for i < len(segment) && alnum(segment[i]) {
			lettered = lettered || segment[i] > '9'
			i++
		}
		part := segment[from:i]
		switch {
		case lettered && len(part) >= 3 && digitRun(part) < 5:
			words++
		case !lettered && len(part) == 8 && (part[0] == '1' && part[1] == '9' || part[0] == '2' && part[1] == '0') && part[4] <= '1' && part[6] <= '3':
			dates++
		case digitRun(part) >= 5:
			return false
		}
	}
	return words >= 2 && dates == 1
}

// mixedTail reports whether behind its last separator a segment has what is no word: thread_abc123DEF.
func mixedTail(segment []byte) bool {
	tail := segment[max(bytes.LastIndexByte(segment, '_'), bytes.LastIndexByte(segment, '-'))+1:]
	if len(tail) == len(segment) || len(tail) < 7 || !plainRun(tail) {
		return false
	}
	digits := 0
	for _, c := range tail {
		if c-'0' <= 9 {
			digits++
		}
	}
	return digits >= 3 && digits < len(tail)
}

// plainRun reports whether a segment has letters and digits only.
func plainRun(segment []byte) bool {
	for _, c := range segment {
		if !alnum(c) {
			return false
		}
	}
	return true
}

// digitRun is the length of the longest run of digits.
func digitRun(segment []byte) int {
	longest, run := 0, 0
	for _, c := range segment {
		if run++; c-'0' > 9 {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
