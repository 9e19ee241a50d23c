package ingest

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// blanked stands where a secret stood.
const blanked = "***"

// Scrubber takes secrets out of text that will be stored. It looks for
//
//   - the record's own credentials, wherever and however encoded they stand,
//   - values whose names say that they are secret (?api_key=, "authorization":), also where they only stand beside
//     them (see scrubbeside.go),
//   - words that look like tokens: an issuer's prefix, a JWT, what follows "Bearer",
//     long random runs, a password in a URL.
//
// Only the first is certain. Of words that may be ids as well as tokens, those in events
// are kept unless a token looks likelier (a UUID is an id, and so is a hexadecimal digest in a path,
// but not in its query string or in a user agent), and those
// in dead letters are not kept unless they are called a request's id.
//
// A Scrubber reuses its memory: every goroutine needs its own.
type Scrubber struct {
	names   map[string]bool // keys whose values are always blanked, lower case
	said    [][]byte        // credentials of the entry at hand as they were sent
	read    bool            // known is what follows from them
	known   [][]byte        // what is looked for because of them
	apart   bool            // needles are told, whether known is read or not
	needles [][]byte        // of known, the ones that end no other: where none of these stands, none does
	spans   []span          // what to blank in the text at hand
	strict  bool            // in doubt, blank
	texts   [2][]byte       // texts as they read once they are decoded, in turn
	offsets [2][]int        // where their bytes stood in the text at hand
	out     []byte
}

// span is a piece of a text.
type span struct{ from, to int }

// NewScrubber makes a Scrubber that also blanks the values of these keys.
func NewScrubber(names []string) *Scrubber {
	s := &Scrubber{names: make(map[string]bool, len(names))}
	for _, name := range names {
		s.names[strings.ToLower(name)] = true
	}
	return s
}

// minKnown is how long a credential must be to be looked for in other fields: of a shorter
// one the search would tear ordinary words apart.
const minKnown = 6

// Know sets the credentials of the entry at hand. Of each, what is sent and what it is
// without its scheme and encoding are looked for. They are read when they are first needed, and so
// must stay as they are until the next ones are set.
func (s *Scrubber) Know(credentials [][]byte) {
	s.said, s.read, s.apart = credentials, false, false
}

// learnt reads the credentials of the entry at hand, once.
func (s *Scrubber) learnt() {
	if s.read {
		return
	}
	s.read, s.apart = true, true
	s.known, s.needles = s.known[:0], s.needles[:0]
	for _, raw := range s.said {
		s.know(raw)
		if bare := canonical(raw); len(bare) != len(raw) {
			s.know(bare)
			if _, password, ok := bytes.Cut(bare, []byte(":")); ok {
				s.know(password)
			}
		}
		if last := lastWord(raw); len(last) < len(raw) {
			s.know(last)
		}
	}
}

// lastWord is what stands behind the last blank, which as a rule is the first: bytes is faster from the left.
func lastWord(text []byte) []byte {
	for i := bytes.IndexByte(text, ' '); i >= 0; i = bytes.IndexByte(text, ' ') {
		text = text[i+1:]
	}
	return text
}

// aim says what stands wherever one of the credentials at hand does, to spare reading them for that.
func (s *Scrubber) aim(needle []byte) {
	if s.apart = true; len(needle) > 0 {
		s.needles = append(s.needles[:0], needle)
	} else {
		s.needles = s.needles[:0]
	}
}

func (s *Scrubber) know(secret []byte) {
	if secret = bytes.TrimSpace(secret); len(secret) < minKnown {
		return
	}
	s.known = append(s.known, secret)
	for i, needle := range s.needles {
		if bytes.HasSuffix(secret, needle) {
			return
		}
		if bytes.HasSuffix(needle, secret) {
			s.needles[i] = secret
			return
		}
	}
	s.needles = append(s.needles, secret)
}

// Path scrubs a path with its query string.
func (s *Scrubber) Path(path []byte) []byte {
	s.begin(false)
	in := inPath
	if len(path) > 0 && path[0] != '/' && bytes.IndexByte(path, ' ') >= 0 {
		in = inText // it is no path
	}
	s.search(path, func(v view) {
		s.findKnown(v)
		s.findPairs(v, in)
		s.findFields(v, in)
		s.findTagged(v)
		if bytes.IndexByte(v.text, ' ') >= 0 {
			s.findFlags(v)
		}
		s.findBeside(v)
		query := bytes.IndexAny(v.text, "?#")
		switch {
		case len(v.text) > 0 && v.text[0] != '/', bytes.IndexByte(v.text, ' ') >= 0:
			query = 0 // it is no path
		case query < 0:
			query = len(v.text)
		}
		s.findSlashed(v, query)
		s.findWords(v, query, query)
		s.findUserinfo(v)
	})
	return s.blank(path)
}

// Text scrubs a consumer's name or an environment's. One that is a digest as a whole is an id.
func (s *Scrubber) Text(text []byte) []byte {
	if hexadecimal(text) {
		return s.words(text, len(text), inName)
	}
	return s.words(text, 0, inName)
}

// Agent scrubs a user agent.
func (s *Scrubber) Agent(text []byte) []byte { return s.words(text, 0, inText) }

// words scrubs a text in which digests count as secrets from the offset ids on.
func (s *Scrubber) words(text []byte, ids int, in place) []byte {
	s.begin(false)
	s.search(text, func(v view) {
		s.findKnown(v)
		s.findPairs(v, in)
		s.findFields(v, in)
		s.findTagged(v)
		s.findFlags(v)
		s.findBeside(v)
		s.findWords(v, ids, 0)
		s.findUserinfo(v)
		s.findSlashed(v, 0)
	})
	return s.blank(text)
}

// ID scrubs a request's id, which is random by nature: only what is certain to be a token, or said to be a secret,
// is blanked. What has characters that no id has is a text like others, but for digests.
func (s *Scrubber) ID(id []byte) []byte {
	if hexadecimal(id) && !s.bears(id) {
		return id // no issuer's prefix is hexadecimal
	}
	if bytes.ContainsAny(id, " \t\r\n\"'<>(){}[]\\?&%") {
		return s.words(id, len(id), inText)
	}
	s.begin(false)
	if s.wraps(id) {
		s.spans = append(s.spans, span{0, len(id)})
		return s.blank(id)
	}
	s.search(id, func(v view) {
		s.findKnown(v)
		s.findPairs(v, inText)
		s.findIssued(v)
		s.findUserinfo(v)
	})
	return s.blank(id)
}

func (s *Scrubber) begin(strict bool) {
	s.learnt()
	s.spans, s.strict = s.spans[:0], strict
}

// blank gives the text without its spans: the text itself if there are none, and else a
// copy that the next call overwrites.
func (s *Scrubber) blank(text []byte) []byte {
	if len(s.spans) == 0 {
		return text
	}
	slices.SortFunc(s.spans, func(a, b span) int { return a.from - b.from })
	s.out = s.out[:0]
	at := 0
	for _, hole := range s.spans {
		if hole.to <= at {
			continue
		}
		if hole.from >= at {
			s.out = append(append(s.out, text[at:hole.from]...), blanked...)
		}
		at = hole.to
	}
	s.out = append(s.out, text[at:]...)
	return s.out
}

// clip shortens text to at most n bytes without cutting a character in two.
func clip(text []byte, n int) []byte {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
