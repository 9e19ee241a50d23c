package format

import (
	"bytes"
	"fmt"
	"math/bits"
	"strings"
)

// reader decodes the records of a table.
type reader struct {
	table
	walker
	record Record
	texts  [whats]*[]byte // the record's fields that take a text over as it is
	filled [whats]bool
	faulty [whats]bool // had a value that was none, for want of a better one
	buf    []byte      // strings of the entry at hand that had to be unescaped
	list   []byte      // arrays of strings that were joined
	query  []string    // parameters that may hold the token, lower case
	emit   func(*Record) error
	faults map[Reason]*Fault       // made once: they are the same for every entry
	taken  func(int, []byte) error // take, bound once: binding it allocates
}

func newReader(t table, cfg Config) (*reader, error) {
	query, err := t.configure(cfg)
	if err != nil {
		return nil, err
	}
	paths := make([]string, len(t.rows))
	for i, r := range t.rows {
		paths[i] = r.path
	}
	root, err := grow(paths)
	if err != nil {
		return nil, fmt.Errorf("format %s: %w", t.name, err)
	}
	r := &reader{table: t, query: query}
	r.root = root
	r.texts = r.record.texts()
	r.taken = r.take
	r.faults = r.explain()
	return r, nil
}

// explain words the faults that an entry may have.
func (r *reader) explain() map[Reason]*Fault {
	details := map[Reason]string{
		UnknownFormat: "no field of format " + r.name + " in it: is another format configured for this topic?",
		NoToken: fmt.Sprintf("no credential (%s; parameter %s of the query string) and no consumer (%s): log one, or name yours in token_fields",
			r.fields(token, credential), strings.Join(r.query, ", "), r.fields(consumer)),
		NoTime:    "nothing in " + r.fields(started, ended),
		BadTime:   "no time that can be read in " + r.fields(started, ended),
		BadStatus: "no status from 0 to 999 in " + r.fields(status),
	}
	faults := make(map[Reason]*Fault, len(details))
	for reason, detail := range details {
		faults[reason] = &Fault{reason, detail}
	}
	return faults
}

func (r *reader) Name() string    { return r.name }
func (r *reader) Blank() []string { return r.blank() }

func (r *reader) Decode(value []byte, emit func(*Record) error) error {
	r.emit = emit
	return r.document(value, r.taken)
}

// take fills the record from the slots that the walker found.
func (r *reader) take(item int, raw []byte) error {
	rec := &r.record
	rec.reset(item)
	rec.Raw = raw
	r.buf, r.list = r.buf[:0], r.list[:0]
	r.filled, r.faulty = [whats]bool{}, [whats]bool{}
	for word, set := range r.told {
		for ; set != 0; set &= set - 1 {
			r.fill(word*64 + bits.TrailingZeros64(set))
		}
	}
	r.settle(rec)
	if r.finish != nil {
		r.finish(rec)
	}
	if fault := r.judge(rec); fault != nil {
		rec.Err = fault
	}
	return r.emit(rec)
}

// fill takes one row's value over, unless an earlier row had one. Every credential is
// taken over: all of them are secrets.
func (r *reader) fill(i int) {
	row, s := &r.rows[i], &r.slots[i%maxRows]
	again := r.filled[row.what]
	if again && row.what != token && row.what != secret {
		return
	}
	var v []byte
	if s.kind <= number && !s.escaped {
		v = r.data[s.from:s.to]
	} else if v = r.said(row, s); unset(v) {
		return
	}
	if field := r.texts[row.what]; field != nil {
		*field = v
		r.filled[row.what] = true
	} else if r.record.set(row, v, again) {
		r.filled[row.what] = true
	} else {
		r.faulty[row.what] = true
	}
}

// unset tells the ways of saying nothing.
func unset(v []byte) bool { return len(v) == 0 || len(v) == 1 && v[0] == '-' }

// settle works out what follows from several rows together.
func (r *reader) settle(rec *Record) {
	if r.filled[ended] && !r.filled[started] {
		rec.Time = rec.Time.Add(-rec.Latency)
	}
	if len(rec.query) > 0 {
		r.joinQuery(rec)
	}
	if bytes.IndexByte(rec.URI, '?') >= 0 {
		r.queryTokens(rec)
	}
}

// judge says why an entry cannot become an event. Whose request it was and when are
// needed; that a size or a duration cannot be read is no reason to lose the request.
func (r *reader) judge(rec *Record) error {
	switch {
	case !r.seen:
		return r.faults[UnknownFormat]
	case len(rec.Token) == 0 && len(rec.Credential) == 0 && len(rec.Consumer) == 0:
		return r.faults[NoToken]
	case rec.Time.IsZero() && (r.faulty[started] || r.faulty[ended]):
		return r.faults[BadTime]
	case rec.Time.IsZero():
		return r.faults[NoTime]
	case r.faulty[status] && !r.filled[status]:
		return r.faults[BadStatus]
	}
	return nil
}
