package ingest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Keyed is one record on its way to Kafka.
type Keyed struct {
	// Key is the fingerprint of the token in hexadecimal, so that one partition sees all of a token's requests.
	// It is nil when the record does not tell: it then goes to any partition and becomes a dead letter there.
	Key []byte
	// Value is the record: a piece of the text it was found in, not a copy.
	Value []byte
	// Time is when the request was made, zero when the record does not tell.
	Time time.Time
	// Cut says that the record is too long and this is its beginning.
	Cut bool
	// End is where the record ends in the text.
	End int
}

// Splitter finds the records in what comes in by other ways than Kafka, and names the token of each. It reads
//
//	{"a":1}\n{"a":2}\n      a record a line (NDJSON, log files)
//	{"a":1}{"a":2}          objects one behind the other
//	[{"a":1},{"a":2}]       arrays, which become one record an element
//	203.0.113.7 - - [...]   anything else: a line of text is a record
//
// also when objects are spread over lines, with white space of any kind in between. Nothing is dropped and nothing is
// mended: what is not JSON is passed on a line at a time, unkeyed unless the format knows lines like that,
// and becomes a dead letter with its reason where every record is decoded.
//
// A value longer than the decoder will accept is cut off one byte behind that limit, so that
// it becomes a dead letter, and skipped to its end. A Splitter keeps state: every stream needs its own.
type Splitter struct {
	// Lines says that no value goes on behind the end of its line, as in a log file.
	Lines bool

	format format.Format
	prints *Fingerprinter
	most   int // bytes of a record

	skip   skipping
	inline bool // a record was found on this line already
	wasted int  // bytes that were scanned in vain for values over several lines

	found Keyed
	keys  []byte
	taken func(*format.Record) error // take, bound once: binding it allocates
}

// NewSplitter makes a Splitter of what goes to a topic. It tells tokens as a Decoder with the same configuration and pepper
// does.
func NewSplitter(cfg DecodeConfig, topic string, pepper Pepper) (*Splitter, error) {
	if pepper.IsZero() {
		return nil, errors.New("pepper_file: no pepper to fingerprint tokens with")
	}
	cfg = cfg.of(cfg.Topics[topic])
	f, err := cfg.open()
	if err != nil {
		return nil, err
	}
	s := &Splitter{format: f, prints: NewFingerprinter(pepper), most: cfg.MaxRecordBytes}
	s.taken = s.take
	return s, nil
}

// Reset forgets the stream that the Splitter was reading.
func (s *Splitter) Reset() { s.skip, s.inline, s.wasted = skipping{}, false, 0 }

// Skipping reports whether the text ended within a record that is too long and of which the rest is passed over.
func (s *Splitter) Skipping() bool { return s.skip.on }

// Most is the longest record there is. Split leaves at most twice as much unread.
func (s *Splitter) Most() int { return s.most + 1 }

// Split calls emit for each record in text, in order, and returns how much of the text it is done with. The rest
// is the beginning of a record: give it again with more text behind it. last says that nothing more will come. Values
// and keys stay valid for as long as the text does.
func (s *Splitter) Split(text []byte, last bool, emit func(Keyed) error) (done int, err error) {
	line := lineEnd(text, 0) // end of the line at hand: looked for once a line, since it may be long and hold many records
	for done < len(text) {
		if s.skip.on {
			done = s.skip.past(text, done)
			continue
		}
		at := gap(text, done)
		from := s.startOfLine(text, done, at)
		if at-from > s.most {
			from, s.inline = at, true // no line begins like that
		}
		if at == len(text) && last {
			return at, nil
		}
		if at == len(text) && from > done {
			return from, nil // so many separators that it pays to be rid of them
		}
		if line >= 0 && line < at {
			line = lineEnd(text, at)
		}
		end, found := s.piece(text, from, at, line, last)
		if !found {
			return from, nil
		}
		if err := emit(s.found); err != nil {
			return from, err
		}
		done, s.inline = end, true
	}
	return done, nil
}

// gap skips what may stand between records: white space, what holds an array together, the mark of a JSON text sequence,
// zeros (left where a log was truncated under its writer's feet) and the mark of UTF-8. It stops at
// the start of a line, so that a line of text is seen whole.
func gap(text []byte, i int) int {
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\r', '\n', ',', '[', ']', 0x1e, 0:
			i++
		case 0xef:
			if !bytes.HasPrefix(text[i:], []byte("\xef\xbb\xbf")) {
				return i
			}
			i += 3
		default:
			return i
		}
	}
	return i
}

// piece finds the record that begins at at, or at from if it is a line of text. It is not found when more text is needed
// to tell. line is where its line ends, or negative.
func (s *Splitter) piece(text []byte, from, at, line int, last bool) (end int, found bool) {
	if at < len(text) && text[at] == '{' {
		if end, is := s.object(text, at, line, last); is != invalid {
			return end, is == complete
		}
	} else if end := s.scalar(text, at); end > 0 {
		s.whole(text[at:end])
		return s.keep(text[at:end], end), true
	}
	if line < 0 && !last && len(text)-from <= s.most {
		return 0, false
	}
	return s.line(text, from, line), true
}

// object finds the end of an object. Most stand alone on their line, and then the decoder is asked before anything else:
// it has to look at every byte anyhow.
func (s *Splitter) object(text []byte, at, line int, last bool) (end int, is verdict) {
	if line >= 0 && line-at <= s.most {
		if alone := bytes.TrimRight(text[at:line], " \t\r,]"); alone[len(alone)-1] == '}' && s.whole(alone) {
			return s.keep(alone, line), complete
		}
	}
	limit := len(text)
	if line >= 0 && (s.Lines || s.wasted > patience*s.most) {
		limit = line
	}
	v := values{data: text[:min(limit, at+s.most)]}
	end, is = v.object(at)
	switch {
	case is == complete:
		s.wasted = max(0, s.wasted-(end-at))
		s.whole(text[at:end])
		return s.keep(text[at:end], end), complete
	case is == unfinished && limit-at > s.most:
		s.found = Keyed{Cut: true}
		s.skip = skipping{on: true, json: true, lines: s.Lines || limit == line}
		end = s.skip.past(text[:at+s.most+1], at)
		return s.keep(text[at:at+s.most+1], end), complete
	case is == unfinished && limit == len(text) && !last:
		return 0, unfinished
	}
	s.wasted += max(0, v.seen-max(line, at))
	return 0, invalid
}

// patience is how many times the longest record may be scanned in vain before values are no longer
// looked for beyond the end of their line: without it, text made to look like the beginnings of many objects would
// be scanned again for each.
const patience = 8

// line takes a line of text, or what is left of one, as it is.
func (s *Splitter) line(text []byte, from, line int) (end int) {
	if end = line; line < 0 {
		end = len(text)
	}
	value := text[from:end]
	if len(value) > s.most {
		s.found = Keyed{Cut: true}
		end = from + s.most + 1
		s.skip.on, s.skip.lines = true, true
		return s.keep(text[from:end], end)
	}
	value = bytes.TrimRight(value, " \t\r")
	s.whole(value)
	return s.keep(value, end)
}

func (s *Splitter) keep(value []byte, end int) int {
	s.found.Value, s.found.End = value, end
	return end
}

func lineEnd(text []byte, at int) int {
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return -1
}

// startOfLine is where, in the separators from a record to the next, the next one's line of text begins, should it be
// one. What remains of a line of which a record was taken begins behind the comma.
func (s *Splitter) startOfLine(text []byte, from, at int) int {
	if i := bytes.LastIndexByte(text[from:at], '\n'); i >= 0 {
		s.inline, from = false, from+i+1
	}
	for from < at && (s.inline || text[from] != '[' && text[from] != ']' && text[from] != ',') {
		from++
	}
	return from
}

// whole names the token of a value, and reports whether the value is a record as it stands.
func (s *Splitter) whole(value []byte) bool {
	s.found = Keyed{}
	if err := s.format.Decode(value, s.taken); err != nil {
		s.found = Keyed{} // of entries that the decoder will not look at either
		return false
	}
	return true
}

// take names the token of a record's first entry that has one.
func (s *Splitter) take(r *format.Record) error {
	if s.found.Time.IsZero() {
		s.found.Time = r.Time
	}
	if s.found.Key != nil || len(r.Credential) == 0 && len(canonical(r.Token)) == 0 && len(r.Consumer) == 0 {
		return nil
	}
	s.found.Key = s.room(s.prints.whose(s.format.Name(), r))
	return nil
}

// keyRoom is how much is allocated for keys at a time.
const keyRoom = 8 << 10

// room writes a fingerprint where it stays.
func (s *Splitter) room(id schema.TokenID) []byte {
	if cap(s.keys)-len(s.keys) < 2*len(id) {
		s.keys = make([]byte, 0, keyRoom)
	}
	from := len(s.keys)
	s.keys = hex.AppendEncode(s.keys, id[:])
	return s.keys[from:len(s.keys):len(s.keys)]
}
