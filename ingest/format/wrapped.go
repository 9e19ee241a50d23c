package format

import (
	"bytes"
	"slices"
	"time"
)

// maxWraps is how many wrappers are taken off: a list that a shipper made, the entry that an agent made around each line,
// and what the runtime of a container had made of it before.
const maxWraps = 3

// wrapped reads what agents put around a gateway's line or object. It is asked only about
// entries that are nothing by themselves, so an entry of the gateway's own is never taken apart.
//
//	{"MESSAGE":[50,48,51,46,...]}                    journald, of what it cannot print
//	{"message":"203.0.113.7 - ...","host":...}       Filebeat, Vector, Logstash, CloudWatch
//	{"log":"{...}\n","stream":"stdout","time":...}   Docker, Fluent Bit
//	{"log_processed":{...}}, {"json":{...}}          parsed by the agent
//	{"logEvents":[{"message":...}, ...]}             CloudWatch's subscriptions
//	{"@timestamp":...,"@fields":{...}}               Logstash
//	"{...}"                                          a text that holds a record
//
// What collectors hand on in lists of lists, see batched, is taken apart too.
type wrapped struct {
	name  string
	cfg   Config
	wraps int
	inner *stream // opened when first needed
	buf   []byte
	found [][]byte

	outer  *stream   // of the entry at hand
	entry  []byte    // that stands for what is found in it; nil if each of those stands for itself
	at     time.Time // of the entry at hand, for what it wraps and has no time of its own
	done   bool      // something was emitted
	object []byte    // made of a list of attributes
	emit   func(*Record) error
}

// wrappers are the keys under which agents put what they were given, in the order in
// which they are looked at.
var wrappers = [...]string{
	"message", "log", "MESSAGE", "msg", "short_message", "full_message", "LogMessage", "line", "@message", "_raw", "raw", "original", "event", "body", "data", "text", "content", "textPayload",
	"log_processed", "json", "jsonPayload", "parsed", "structured", "payload", "_source", "fields", "standard_logging_object",
	"logEvents", "records", "Records", "logs", "entries", "events", "items",
	"@fields", "@nginx_fields", "nginx", "access", "attributes", "httpLogs", "logEntry", "properties", "kwargs",
}

// clocks are the keys under which they say when.
var clocks = [...]string{"@timestamp", "timestamp", "time", "timeUnixNano", "ts", "date", "_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP"}

// unwrap has the stream emit what the entry wraps, and reports whether it wraps anything.
func (w *wrapped) unwrap(s *stream, entry []byte) (done bool, err error) {
	w.outer, w.at = s, time.Time{}
	if len(entry) > 0 && entry[0] == '"' {
		if text := (scanner{data: entry}); text.value(0) != len(entry) {
			return false, nil // a line that only begins with a quote
		}
		return w.try(entry, entry)
	}
	if done, err = w.batched(entry); done || err != nil {
		return done, err
	}
	w.found = w.candidates(w.found[:0], entry)
	for _, found := range w.found {
		if done, err = w.try(entry, found); done {
			return true, err
		}
	}
	return false, nil
}

// maxCandidates bounds how many values of an entry are tried.
const maxCandidates = 4

// candidates appends the values of the entry that may be what it wraps.
func (w *wrapped) candidates(list [][]byte, entry []byte) [][]byte {
	if len(entry) == 0 || entry[0] != '{' {
		return list
	}
	var values [len(wrappers)][]byte
	s := scanner{data: entry}
	for i := s.space(1); i < len(entry) && entry[i] == '"'; i = s.space(i) {
		name, _, at := s.key(i)
		if at < 0 {
			return list
		}
		end := s.value(at)
		if end < 0 {
			return list
		}
		for n, known := range wrappers {
			if known == string(name) {
				values[n] = entry[at:end]
			}
		}
		w.dated(string(name), entry[at:end])
		var last bool
		if i, last = s.next(end, '}'); i < 0 || last {
			break
		}
	}
	for _, value := range values {
		if len(value) > 2 && len(list) < maxCandidates {
			list = append(list, value)
		}
	}
	return list
}

// dated notes when an entry says that it was made: the first of its clocks that can be read.
func (w *wrapped) dated(name string, value []byte) {
	if !w.at.IsZero() || !slices.Contains(clocks[:], name) {
		return
	}
	if len(value) > 2 && value[0] == '"' {
		value = value[1 : len(value)-1]
	}
	var clock amount
	clock.read(value)
	if at, ok := instant(&clock, guess); ok {
		w.at = at
	}
}

// try reads one value as a record. It counts as one if an entry in it is of the format,
// whether or not that can become an event.
func (w *wrapped) try(entry, value []byte) (done bool, err error) {
	switch value[0] {
	case '"':
		w.buf = unescape(w.buf[:0], value[1:len(value)-1])
		value = bytes.TrimSpace(w.buf)
		if len(value) == 0 || !isRecord(value) {
			return false, nil
		}
	case '{':
		entry = value
	case '[':
		text, ok := bytesOf(w.buf[:0], value)
		if w.buf = text; !ok {
			entry = nil // each of its entries stands for itself
			break
		}
		if value = bytes.TrimSpace(text); len(value) == 0 || !isRecord(value) {
			return false, nil
		}
	default:
		return false, nil
	}
	if w.inner == nil {
		if w.inner, err = openStream(w.name, w.cfg, w.wraps); err != nil {
			return true, err
		}
		w.emit = w.unwrapped // bound once: binding it allocates
	}
	w.entry, w.done = entry, false
	err = w.inner.Decode(value, w.emit)
	if _, fault := err.(*Fault); (fault || err == errNothing) && !w.done {
		return false, nil
	}
	return true, err
}

// bytesOf reads a text that is written as a list of its bytes: journald does so where one of them cannot be printed, which
// whoever makes the request can see to.
func bytesOf(buf, list []byte) (text []byte, ok bool) {
	n, digits := 0, 0
	for _, c := range list[1:] {
		switch {
		case c-'0' <= 9 && digits < 3:
			n = n*10 + int(c-'0')
			digits++
		case (c == ',' || c == ']') && digits > 0 && n < 256:
			buf = append(buf, byte(n))
			n, digits = 0, 0
		case c != ' ':
			return buf, false
		}
	}
	return buf, len(buf) > 0
}

// unwrapped takes an entry of what is wrapped for one of the record's.
func (w *wrapped) unwrapped(r *Record) error {
	if r.Item == 0 && isFault(r.Err, UnknownFormat) || isFault(r.Err, BadLine) {
		return errNothing
	}
	if w.entry != nil {
		r.Raw = w.entry
	}
	if isFault(r.Err, NoTime) && !w.at.IsZero() {
		r.Time, r.Err = w.at, nil // nothing else is wrong with it
	}
	w.outer.name = w.inner.name
	r.Item = w.outer.item
	w.outer.item++
	w.done = true
	return w.outer.emit(r)
}

// errNothing ends the reading of a value that turns out to be nothing.
const errNothing = Reason("nothing")

// isRecord tells what may be a record from words: an object, an array, or a line with
// several fields.
func isRecord(text []byte) bool {
	return text[0] == '{' || text[0] == '[' || bytes.Count(text, []byte(" ")) >= 5
}
