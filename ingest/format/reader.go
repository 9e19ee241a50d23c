package format

import (
	"bytes"
	"fmt"
	"math/bits"
)

// reader decodes the records of a table.
type reader struct {
	table
	walker
	record Record
	goals  [maxRows]goal
	filled things   // of things that the record has
	faulty things   // that had a value which was none, for want of a better one
	amount amount   // at hand
	buf    []byte   // strings of the entry at hand that had to be unescaped
	list   []byte   // arrays of strings that were joined
	query  [][]byte // parameters that may hold the token, lower case
	emit   func(*Record) error
	faults map[Reason]*Fault       // made once: they are the same for every entry
	masked *Fault                  // of an entry whose credential the gateway has blotted out
	taken  func(int, []byte) error // take, bound once: binding it allocates
}

// goal is where the value of a row goes.
type goal struct {
	field *[]byte // of the record, if that takes a text over as it is
	count *uint64 // of the record, if that takes a whole number over as it is
	what  what
	unit  unit
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
	texts, counts := r.record.texts(), [whats]*uint64{bytesIn: &r.record.BytesIn, bytesOut: &r.record.BytesOut}
	for i, row := range t.rows {
		r.goals[i] = goal{texts[row.what], counts[row.what], row.what, row.unit}
	}
	r.taken = r.take
	r.faults, r.masked = r.explain(), r.explainMasked()
	return r, nil
}

// explain words the faults that an entry may have.
func (r *reader) explain() map[Reason]*Fault {
	details := map[Reason]string{
		UnknownFormat: "no field of format " + r.name + " in it: is another format configured for this topic?",
		NoToken: fmt.Sprintf("no credential (%s; parameter %s of the query string) and no consumer (%s): log one%s, or name yours in token_fields",
			r.fields(token, credential), bytes.Join(r.query, []byte(", ")), r.fields(consumer), r.bracketed()),
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

// explainMasked words the fault of an entry that has a credential, but not what it was.
func (r *reader) explainMasked() *Fault {
	return &Fault{NoToken, fmt.Sprintf("the gateway has put something like REDACTED, or nothing, in the credential's place (%s), and there is no consumer (%s): have it log the credential%s, or an id or hash of it",
		r.fields(token), r.fields(consumer), r.bracketed())}
}

// bracketed is how the gateway is told to log a credential.
func (r *reader) bracketed() string {
	if r.logging == "" {
		return ""
	}
	return " (" + r.logging + ")"
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
	r.filled, r.faulty = 0, 0
	for word := range r.told {
		for set := r.told[word]; set != 0; set &= set - 1 {
			i := word*64 + bits.TrailingZeros64(set)
			to, s := &r.goals[i%maxRows], &r.slots[i%maxRows]
			if to.field == nil || s.kind > number || s.escaped {
				r.fill(to, s)
			} else if !r.filled.has(to.what) { // a text as it is, like most
				if v := r.data[s.from:s.to]; !unset(v) {
					*to.field = v
					r.filled.add(to.what)
				}
			}
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
func (r *reader) fill(to *goal, s *slot) {
	again := r.filled.has(to.what)
	if again && to.what != token && to.what != secret {
		return
	}
	var v []byte
	if s.kind <= number && !s.escaped {
		v = r.data[s.from:s.to]
	} else {
		v = r.said(to, s)
	}
	if unset(v) {
		switch {
		case to.what == token && s.kind == array:
			r.faulty.add(token) // what a header held was taken out
		case to.what == envoysOwn:
			r.record.elsewhere = envoysOwn
		}
		return
	}
	usable := true
	if to.field != nil {
		*to.field = v
	} else if amounts>>to.what&1 == 0 {
		usable = r.record.set(to.what, v, again)
	} else {
		a := &r.amount
		if s.plain {
			a.text, a.n, a.places, a.plain = v, s.n, int(s.places), true
		} else {
			a.read(v)
		}
		if to.count != nil && a.plain && a.places == 0 {
			*to.count = a.n
		} else {
			usable = r.record.setAmount(to.what, to.unit, a)
		}
	}
	if usable {
		r.filled.add(to.what)
	} else {
		r.faulty.add(to.what)
	}
}

// unset tells the ways of saying nothing.
func unset(v []byte) bool { return len(v) == 0 || len(v) == 1 && v[0] == '-' }

// settle works out what follows from several rows together.
func (r *reader) settle(rec *Record) {
	switch {
	case !r.filled.has(ended):
	case !r.filled.has(started):
		rec.Time = rec.Time.Add(-rec.Latency)
	case !r.filled.has(latency):
		rec.Latency = rec.took()
	}
	if i := bytes.IndexByte(rec.URI, '?'); i >= 0 {
		r.queryTokens(rec, rec.URI[i+1:])
	} else if len(rec.query) > 0 {
		r.queryTokens(rec, r.joinQuery(rec))
	}
}

// judge says why an entry cannot become an event. Whose request it was and when are
// needed; that a size or a duration cannot be read is no reason to lose the request.
func (r *reader) judge(rec *Record) error {
	switch {
	case !r.seen:
		return r.faults[UnknownFormat]
	case len(rec.Token) == 0 && len(rec.Credential) == 0 && len(rec.Consumer) == 0:
		if r.faulty.has(token) {
			return r.masked
		}
		return r.faults[NoToken]
	case rec.Time.IsZero() && (r.faulty.has(started) || r.faulty.has(ended)):
		return r.faults[BadTime]
	case r.faulty.has(status) && !r.filled.has(status):
		return r.faults[BadStatus]
	case rec.Time.IsZero():
		return r.faults[NoTime] // last, since what is wrapped may have its wrapper's
	}
	return nil
}

// things is a set of whats.
type things uint32

func (t things) has(what what) bool { return t>>(what&31)&1 != 0 }
func (t *things) add(what what)     { *t |= 1 << (what & 31) }
