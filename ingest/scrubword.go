package ingest

import "bytes"

// findKnown finds the entry's own credentials.
func (s *Scrubber) findKnown(v view) {
	for _, secret := range s.known {
		for from := 0; ; {
			i := bytes.Index(v.text[from:], secret)
			if i < 0 {
				break
			}
			s.spans = append(s.spans, v.span(from+i, from+i+len(secret)))
			from += i + len(secret)
		}
	}
}

// nextWord gives the first run of such characters that does not end before i; both are the end of the text if there is none.
func nextWord(text []byte, i int) (from, to int) {
	for i < len(text) && characters[text[i]]&inWord == 0 {
		i++
	}
	for from = i; i < len(text) && characters[text[i]]&inWord != 0; {
		i++
	}
	return from, i
}

// minDigest is how long hexadecimal digits must be to be a digest or a key rather than a short id.
const minDigest = 32

// findWords finds words that look like tokens, and those that follow a scheme. From the offset ids on a
// digest counts as one of them: it may be a key, and nobody needs it there to know what was requested. From the offset
// slashes on a slash may belong to a token.
func (s *Scrubber) findWords(v view, ids, slashes int) {
	for from, to := nextWord(v.text, 0); from < to; from, to = nextWord(v.text, to) {
		word := v.text[from:to]
		if begin, end := s.behindScheme(v.text, from, to); begin < end {
			s.spans = append(s.spans, v.span(begin, end))
			to = end
			continue
		}
		switch {
		case len(word) >= minOpening && s.openedBy(v.text, from, word):
			s.spans = append(s.spans, v.span(s.widen(v, from, to, len(v.text))))
		case len(word) < minIssued: // nor as long as those that only look like tokens
		case issued(word, s.strict):
			s.spans = append(s.spans, v.span(s.widen(v, from, to, slashes)))
		case random(word, s.strict) && !(hexadecimal(word) && called(v.text, from)), monotone(word, s.strict),
			len(word) >= minDigest && hexadecimal(word) && from >= ids && bytes.IndexByte(word, '-') < 0:
			s.spans = append(s.spans, v.span(s.widen(v, from, to, len(v.text))))
		}
	}
}

// behindScheme is the credential behind a word that is a scheme; from is to if there is none.
func (s *Scrubber) behindScheme(text []byte, from, to int) (begin, end int) {
	word := text[from:to]
	if plus := bytes.IndexByte(word, '+'); plus > 0 && isScheme(word[:plus]) { // a blank, in a form
		begin = from + plus + 1
	} else if strong := isScheme(word); strong || isWeakScheme(word) || s.strict && s.announces(text, from, to) {
		if begin = skipParting(text, to); begin == to {
			return to, to
		}
		if !strong && !drawnOrNumbered(text[begin:shown(text[:min(len(text), begin+maxWeak)], begin)]) {
			return to, to
		}
	} else {
		return to, to
	}
	if end = shown(text, begin); end-begin < minBehind {
		return to, to
	}
	return begin, end
}

// announces reports whether a word says that the next one is a secret, with a blank between them, and is none itself: x-api-key abc123.
func (s *Scrubber) announces(text []byte, from, to int) bool {
	word := text[from:to]
	return to < len(text) && (text[to] == ' ' || text[to] == '\t') && s.secretName(word) && !issued(word, true) && !random(word, true) && !monotone(word, true)
}

// minBehind is how long a credential behind a scheme must be to be none of a sentence's words.
const minBehind = 8

// maxWeak is how much behind a word that may be a scheme is looked at, or key:key:key: would be looked at over and over.
const maxWeak = 256

// skipParting skips what stands between a scheme and its credential.
func skipParting(text []byte, i int) int {
	for i < len(text) && bytes.IndexByte([]byte(" \t\r\n:=,\"'\\"), text[i]) >= 0 {
		i++
	}
	return i
}

// shown is where a credential behind a scheme ends, of which a word may be the beginning only: base64 has slashes, other keys colons, and
// passwords what they like.
func shown(text []byte, to int) int {
	for to < len(text) && bytes.IndexByte([]byte(" \t\r\n\"'\\<>,;&)]}"), text[to]) < 0 {
		to++
	}
	return to
}

// isScheme reports whether a word says that the next one is a credential.
func isScheme(word []byte) bool {
	switch len(word) {
	case len("basic"):
		return is(word, "basic")
	case len("bearer"):
		return is(word, "bearer") || is(word, "apikey") || is(word, "digest")
	}
	return false
}

// isWeakScheme reports whether a word says so where the next one looks like a credential too: "token expired" is a sentence.
func isWeakScheme(word []byte) bool {
	switch len(word) {
	case len("key"):
		return is(word, "key") || is(word, "jwt")
	case len("token"):
		return is(word, "token") || is(word, "oauth")
	case len("api-key"):
		return is(word, "api-key") || is(word, "api_key")
	case len("password"):
		return is(word, "password")
	}
	return false
}

// drawnOrNumbered reports whether a text is no word of a sentence, nor a product and its version: it has digits, changes its case, or is long.
func drawnOrNumbered(text []byte) bool {
	if end := bytes.IndexAny(text, "/%"); end >= 0 {
		text = text[:end]
	}
	return digitRun(text) > 0 || classes(text) >= 0.25 || monotone(text, true)
}

// minOpening is how long a path's segment must be to be drawn, and no version or short id.
const minOpening = 12

// openedBy reports whether a path's segment at i opens what it names to whoever knows it: a link in a mail or a webhook, and what looks
// drawn behind a segment that says secret. A UUID behind such a one, /tokens/UUID, is its id.
func (s *Scrubber) openedBy(text []byte, i int, word []byte) bool {
	if i < 2 || text[i-1] != '/' {
		return false
	}
	digest := hexadecimal(word)
	if digest && len(word) < minDigest || !digest && (digitRun(word) == 0 || classes(word) < 0.25) {
		return false
	}
	name := text[bytes.LastIndexByte(text[:i-1], '/')+1 : i-1]
	return opens(name) || !(digest && bytes.IndexByte(word, '-') >= 0) && s.secretName(name)
}

// opens reports whether one of a segment's words says so: invite, password-reset.
func opens(name []byte) bool {
	for len(name) > 0 {
		end := until(name, 0, "-_")
		for _, opening := range [...]string{"token", "key", "apikey", "secret", "reset", "verify", "verification", "confirm", "confirmation", "activate", "activation", "invite", "invitation", "invitations", "unsubscribe", "magic", "hook", "hooks", "webhook", "webhooks"} {
			if is(name[:end], opening) {
				return true
			}
		}
		name = name[min(end+1, len(name)):]
	}
	return false
}

// findIssued finds words with an issuer's prefix, and those behind a scheme, only.
func (s *Scrubber) findIssued(v view) {
	for from, to := nextWord(v.text, 0); from < to; from, to = nextWord(v.text, to) {
		if begin, end := s.behindScheme(v.text, from, to); begin < end {
			s.spans = append(s.spans, v.span(begin, end))
			to = end
		} else if issued(v.text[from:to], s.strict) || botKey(v.text, from, to) {
			s.spans = append(s.spans, v.span(s.widen(v, from, to, 0)))
		}
	}
}

// minMonotone is how long a run of letters of one case must be to be no word, minUnspoken how long one that nobody could
// speak either. Languages have longer words, but few records do.
const (
	minMonotone = 24
	minUnspoken = 20
)

// monotone reports whether a word has a run of letters that nobody would write: base32, or
// a token that happens to have no digit.
func monotone(word []byte, strict bool) bool {
	from, last := 0, byte(0)
	for i := 0; i <= len(word) && len(word) >= minUnspoken; i++ {
		class := byte(0)
		if i < len(word) {
			class = classOf(word[i])
		}
		if class == last {
			continue
		}
		if (last == 1 || last == 2) && i-from >= minUnspoken && unwritten(word[from:i], strict) {
			return true
		}
		from, last = i, class
	}
	return false
}

// unwritten reports whether letters are chance. Of vowels languages have a third and chance a quarter, of the letters that
// are rarest in them they have one in a hundred and chance one in seven. A long run is chance in a dead letter anyway, and in an event
// if one of the two says so; a shorter one if one of them says so in a dead letter, and both in an event.
func unwritten(run []byte, strict bool) bool {
	long := len(run) >= minMonotone
	if strict && long {
		return true
	}
	return gibberish(run, strict || long)
}

// gibberish reports whether one of the two says that letters are chance, or both.
func gibberish(letters []byte, either bool) bool {
	few, odd := vowels(letters) < 0.3, rare(letters) >= 2
	return few && odd || either && (few || odd)
}

// rare counts the letters that are rarest in languages.
func rare(run []byte) (n int) {
	for _, c := range run {
		switch c | 0x20 {
		case 'j', 'q', 'x', 'z':
			n++
		}
	}
	return n
}

// lettered reports whether a word is mostly letters.
func lettered(word []byte) bool {
	letters := 0
	for _, c := range word {
		if class := character(classOf(c)); class == lowerCase || class == upperCase {
			letters++
		}
	}
	return letters*2 > len(word)
}

func vowels(word []byte) float64 {
	n := 0
	for _, c := range word {
		if bytes.IndexByte([]byte("aeiouy"), c|0x20) >= 0 {
			n++
		}
	}
	return float64(n) / float64(len(word))
}

// findSlashed finds base64 that is broken into harmless pieces by its own slashes, as AWS's
// secret keys are. A path has slashes of its own: before the offset begin only those count that were encoded, since they part no segments.
func (s *Scrubber) findSlashed(v view, begin int) {
	from, first := -1, begin
	if v.at != nil {
		first = 0
	}
	for i := first; i <= len(v.text); i++ {
		if i < len(v.text) && (v.text[i] == '/' && (i >= begin || v.encoded(i)) || v.text[i] == '+' || alnum(v.text[i])) {
			if from < 0 {
				from = i
			}
			continue
		}
		if from >= 0 && i-from >= minSlashed && bytes.IndexByte(v.text[from:i], '/') >= 0 && classes(v.text[from:i]) >= 0.25 {
			s.spans = append(s.spans, v.span(from, i))
		}
		from = -1
	}
}

// findUserinfo finds the password in what comes before a URL's host: //user:password@host. In a dead letter the password need not
// be encoded as a URL's has to be.
func (s *Scrubber) findUserinfo(v view) {
	for i := 0; ; {
		at := bytes.Index(v.text[i:], []byte("//"))
		if at < 0 {
			return
		}
		i += at + 2
		end := i
		for end < len(v.text) && bytes.IndexByte([]byte("/ \t\r\n\"'<>\\"), v.text[end]) < 0 && (s.strict || v.text[end] != '?' && v.text[end] != '#') {
			end++
		}
		host := bytes.LastIndexByte(v.text[i:end], '@')
		colon := bytes.IndexByte(v.text[i:end], ':')
		if 0 <= colon && colon+1 < host {
			s.spans = append(s.spans, v.span(i+colon+1, i+host))
		}
	}
}

// minSlashed is how long such a run must be: AWS's are 40.
const minSlashed = 32

// widen takes in what base64 may have beside a word. In events a slash parts a path's
// segments, but for those that were encoded and those behind the offset slashes; in dead letters nobody misses them.
func (s *Scrubber) widen(v view, from, to, slashes int) (int, int) {
	text := v.text
	for s.strict && from > 0 && (wordByte(text[from-1]) || text[from-1] == '/') {
		from--
	}
	rest := false // of a word, behind a slash
	for to < len(text) && (text[to] == '=' || (s.strict || rest) && wordByte(text[to]) || text[to] == '/' && (s.strict || v.belongs(to, slashes))) {
		rest = rest || text[to] == '/'
		to++
	}
	return from, to
}

// belongs reports whether the slash at i may belong to the token before it.
func (v view) belongs(i, slashes int) bool {
	return i >= slashes || slashes < len(v.text) && v.encoded(i)
}

// drawn reports whether a text begins with a run of letters that is as long as an issuer's, and in which case changes as it seldom
// does in names: of Hugging Face's tokens, which have no digits, one in a hundred changes no more often.
func drawn(text []byte) bool {
	n := 0
	for n < len(text) && alnum(text[n]) {
		n++
	}
	return n >= 20 && classes(text[:n]) >= 0.15
}

// random reports whether a word looks as if it had been drawn rather than written:
// characters of different classes in quick succession, over a long run. Ids that everybody
// uses look so too: UUIDs and hexadecimal digests, which strict does not spare.
func random(word []byte, strict bool) bool {
	if len(word) < 16 {
		return false
	}
	if hexadecimal(word) {
		return strict && len(word) >= 20
	}
	if strict && holdsUUID(word) {
		return true
	}
	if digitRun(word) == 0 {
		mixed := classes(word) // of camelCase some .3, but with a third of vowels
		return mixed >= 0.4 || len(word) >= 20 && mixed >= 0.25 && (strict || len(word) >= 24 && vowels(word) < 0.3 || gibberish(word, false))
	}
	if longest, mixed, numbers := longestRun(word); longest >= 16 && (mixed >= 0.25 || strict && mixed > 0.1) || longest >= 24 && (numbers >= 3 || numbers == 2 && vowels(word) < 0.26) ||
		longest >= 20 && lettered(word) && (vowels(word) < 0.2 || gibberish(word, strict)) {
		return true
	}
	return len(word) >= 20 && classes(word) >= 0.3
}

// holdsUUID reports whether a UUID stands in a word, whatever is glued to it.
func holdsUUID(word []byte) bool {
	const size = 36
	for at := 0; at+size <= len(word); at++ {
		if w := word[at : at+size]; w[8] == '-' && w[13] == '-' && w[18] == '-' && w[23] == '-' && hexadecimal(w) {
			return true
		}
	}
	return false
}

// longestRun is the length of the longest run of letters and digits in a word, its share of changes of
// class, and how many numbers are in it: three in one long run are chance, not a name with its version.
func longestRun(word []byte) (length int, mixed float64, numbers int) {
	from := 0
	for i := 0; i <= len(word); i++ {
		if i < len(word) && alnum(word[i]) {
			continue
		}
		if i-from > length {
			length, mixed, numbers = i-from, classes(word[from:i]), numbersIn(word[from:i])
		}
		from = i + 1
	}
	return length, mixed, numbers
}

// numbersIn counts the runs of digits in a word.
func numbersIn(word []byte) (n int) {
	last := byte(0)
	for _, c := range word {
		class := classOf(c)
		if class == byte(digit) && last != class {
			n++
		}
		last = class
	}
	return n
}

// classes is how often lower case, upper case and digits change, by character: about .6 in
// base62, .4 in lower case and digits, below .2 in names, however they are written.
func classes(word []byte) float64 {
	changes, last := 0, byte(0)
	for _, c := range word {
		class := classOf(c)
		if class != 0 && last != 0 && class != last {
			changes++
		}
		last = class
	}
	return float64(changes) / float64(max(1, len(word)))
}
