package format

import "bytes"

// stream reads records as they come: one JSON document, an array of entries, several
// documents in lines of their own, lines of text, and each of these within what an agent
// put around it. What the documents are it leaves to a decoder.
//
//	record ─┬─ document ────────────────► decoder ─► entries
//	        ├─ document \n document ...
//	        ├─ line \n line ...
//	        └─ {"message": ...} ────────► stream of the decoder's kind, one level down
type stream struct {
	decoder
	inner *wrapped // nil where nothing more is unwrapped
	emit  func(*Record) error
	each  func(*Record) error // entry, bound once: binding it allocates
	item  int                 // entries emitted of the record at hand
	name  string              // format of the last one

	alike *alike

	given int    // entries that the decoder gave of the document at hand
	twice int    // how many of those it gives again
	buf   []byte // what was mended
}

func openStream(name string, cfg Config, wraps int) (*stream, error) {
	d, err := openDecoder(name, cfg)
	if err != nil {
		return nil, err
	}
	s := &stream{decoder: d, name: d.Name(), alike: &alike{cfg: cfg}}
	s.each = s.entry
	if wraps > 0 {
		s.inner = &wrapped{name: name, cfg: cfg, wraps: wraps - 1}
	}
	return s, nil
}

// Name is the format of the entry at hand.
func (s *stream) Name() string { return s.name }

// Decode reads a record.
func (s *stream) Decode(value []byte, emit func(*Record) error) error {
	s.emit, s.item = emit, 0
	err := s.decode(value)
	if err != nil && s.item == 0 {
		s.name = s.decoder.Name() // of no entry
	}
	return err
}

func (s *stream) decode(value []byte) error {
	if len(value) > 0 && (value[0] == '{' || value[0] == '[') && !isLine(value) {
		return s.several(value)
	}
	return s.text(value)
}

// several reads one document, or several of them if it turns out to be no document because another follows.
func (s *stream) several(value []byte) error {
	value, err := s.read(value)
	if err == nil || !isFault(err, BadJSON) || bytes.IndexByte(value, '\n') < 0 {
		return err
	}
	return s.documents(bytes.TrimLeft(value, " \t\r\n"), err)
}

// read has the decoder read a document: as it is, and if that is not quite JSON, as it is when mended. It gives what was read.
func (s *stream) read(doc []byte) ([]byte, error) {
	s.given, s.twice = 0, 0
	err := s.decoder.Decode(doc, s.each)
	if err == nil || !isFault(err, BadJSON) && !isFault(err, badUTF8) {
		return doc, err
	}
	buf, ok := mended(s.buf[:0], doc)
	if s.buf = buf; !ok {
		return doc, err
	}
	s.twice, s.given = s.given, 0
	if again := s.decoder.Decode(buf, s.each); again == nil || !isFault(again, BadJSON) || isFault(err, badUTF8) {
		err = again
	}
	s.twice = 0
	return buf, err
}

// isFault reports whether err is a fault of that reason.
func isFault(err error, reason Reason) bool {
	fault, ok := err.(*Fault)
	return ok && fault.Reason == reason
}

// entry hands an entry on, or what it wraps if it is none itself.
func (s *stream) entry(r *Record) error {
	if s.given++; s.given <= s.twice {
		return nil
	}
	s.name = s.decoder.Name()
	if r.Err == nil && !r.lacks() {
		return s.hand(r) // nearly always
	}
	better, as := s.alike.read(s.decoder, r)
	if (better == nil || better.Err != nil) && r.Err != nil && s.inner != nil {
		if done, err := s.inner.unwrap(s, r.Raw); done {
			return err
		}
	}
	if better == nil {
		return s.hand(r)
	}
	if a, ok := s.decoder.(*auto); ok && !a.marked() {
		if s.name = as; as == "" {
			s.name = "nginx" // whose logs most people have parsed
		}
	}
	return s.hand(better)
}

// hand hands an entry on.
func (s *stream) hand(r *Record) error {
	r.Item = s.item
	s.item++
	return s.emit(r)
}

// mark is the byte order mark that some editors and Windows put before a file.
const mark = "\ufeff"

// text reads a record that does not begin as JSON does: lines, or white space before it.
func (s *stream) text(value []byte) error {
	trimmed := bytes.TrimLeft(value, " \t\r\n")
	if len(trimmed) > 0 && (trimmed[0] == mark[0] || trimmed[0] == separator) {
		if rest := unmarked(trimmed); len(rest) < len(trimmed) {
			return s.decode(rest)
		}
	}
	if len(trimmed) == 0 {
		return s.decoder.Decode(value, s.each)
	}
	if !isLine(trimmed) {
		return s.several(value)
	}
	line, rest, several := bytes.Cut(bytes.TrimRight(trimmed, " \t\r\n"), []byte("\n"))
	if !several {
		_, err := s.read(message(line))
		return err
	}
	for {
		if err := s.one(line); err != nil {
			return err
		}
		if len(rest) == 0 {
			return nil
		}
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
}

// separator stands before each document of a JSON text sequence (RFC 7464).
const separator = 0x1e

// unmarked takes off what may stand before a record and is none of it.
func unmarked(value []byte) []byte {
	return bytes.TrimLeft(value, mark+"\x1e \t\r\n")
}

// one reads one of several lines. One that cannot be read does not keep the others from it.
func (s *stream) one(line []byte) error {
	line = bytes.TrimSpace(line)
	if len(line) > 0 && line[0] == separator {
		line = bytes.TrimSpace(unmarked(line))
	}
	if len(line) == 0 {
		return nil
	}
	before := s.item
	_, err := s.read(message(line))
	fault, ok := err.(*Fault)
	if !ok || s.item > before {
		return err
	}
	return s.entry(&Record{Raw: line, Err: fault})
}

// documents reads several JSON documents, each of which begins in a line of its own: err
// is what was wrong with the record as a whole. The first document has been read if it
// could be.
func (s *stream) documents(value []byte, err error) error {
	if s.item == 0 && !followed(value) {
		return err
	}
	if s.item > 0 {
		_, rest, whole := document(value)
		if !whole {
			return err // what follows is something else
		}
		value = rest
	}
	for len(value) > 0 {
		doc, rest, _ := document(value)
		if err := s.one(doc); err != nil {
			return err
		}
		value = rest
	}
	return nil
}

// document cuts the first document off, or the first line if it is not whole.
func document(value []byte) (doc, rest []byte, whole bool) {
	s := scanner{data: value}
	if end := s.value(0); end > 0 && begins(value[end:]) {
		return value[:end], bytes.TrimLeft(value[end:], " \t\r\n"), true
	}
	doc, rest, _ = bytes.Cut(value, []byte("\n"))
	return doc, bytes.TrimLeft(rest, " \t\r\n"), false
}

// begins reports whether a further document begins in a further line, or nothing does.
func begins(rest []byte) bool {
	next := bytes.TrimLeft(rest, " \t\r\n")
	return len(next) == 0 || (next[0] == '{' || next[0] == '[') && bytes.IndexByte(rest[:len(rest)-len(next)], '\n') >= 0
}

// followed reports whether a line behind the first holds a document of its own: then a
// first line that is broken is one of several, and not the beginning of a broken document.
func followed(value []byte) bool {
	if value[0] != '{' {
		return false
	}
	_, rest, _ := bytes.Cut(value, []byte("\n"))
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		line = bytes.TrimSpace(line)
		if s := (scanner{data: line}); len(line) > 0 && line[0] == '{' && s.value(0) == len(line) {
			return true
		}
	}
	return false
}
