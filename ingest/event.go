package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// How many bytes of a record's texts are kept. The rest is cut off after secrets are out.
const (
	maxConsumer    = 256
	maxEnvironment = 64
	maxMethod      = 32
	maxPath        = 2048
	maxUserAgent   = 512
	maxRequestID   = 128
)

// decoding is what one goroutine at a time needs to decode records.
type decoding struct {
	*Decoder
	format   format.Format
	prints   *Fingerprinter
	scrub    *Scrubber
	known    *identities
	whences  *whences
	texts    *texts
	prices   prices
	buf      []byte
	template []byte
	each     func(*format.Record) error // entry, bound once: binding it allocates

	dst  *schema.Block
	pos  Position
	size int

	touched uint64 // keeps the compiler from leaving glance's reads out

	bounded, oldest, newest time.Time // see bound
}

func newDecoding(d *Decoder) *decoding {
	f, err := d.cfg.open()
	if err != nil {
		panic(err) // Validate has opened it
	}
	w := &decoding{Decoder: d, format: f, prints: NewFingerprinter(d.pepper), scrub: NewScrubber(f.Blank()), known: newIdentities(), whences: newWhences(), texts: newTexts(), prices: newPrices(d.cfg.Prices)}
	w.each = w.entry
	return w
}

// decode reports whether w can decode another record: after a panic it cannot, what it remembers may be half of something.
func (w *decoding) decode(dst *schema.Block, value []byte, pos Position) (sound bool) {
	w.dst, w.pos, w.size = dst, pos, len(value)
	events, letters := len(dst.Events), len(dst.DeadLetters)
	defer func() {
		w.dst = nil
		if fault := recover(); fault != nil {
			dst.Events, dst.DeadLetters = dst.Events[:events], append(dst.DeadLetters[:letters], w.panicked(fault))
		}
	}()
	w.scrub.Know(nil)
	if err := w.tooLarge(len(value)); err != nil {
		w.refuse(w.cfg.Format, 0, value, err) // no format has looked at it
		return true
	}
	if err := w.format.Decode(value, w.each); err != nil {
		dst.Events, dst.DeadLetters = dst.Events[:events], dst.DeadLetters[:letters]
		w.scrub.Know(nil)
		w.refuse(w.format.Name(), 0, value, err)
	}
	return true
}

func (w *decoding) tooLarge(size int) error {
	if size <= w.cfg.MaxRecordBytes {
		return nil
	}
	return &format.Fault{
		Reason: format.TooLarge,
		Detail: fmt.Sprintf("%d bytes, max_record_bytes allows %d", size, w.cfg.MaxRecordBytes),
	}
}

// entry makes an event or a dead letter of one entry.
func (w *decoding) entry(r *format.Record) error {
	w.scrub.Know(r.Secrets)
	if r.Err != nil {
		w.refuse(w.format.Name(), r.Item, r.Raw, r.Err)
		return nil
	}
	seen := w.glance(r)
	who := w.identity(r, seen.callers)
	if who == nil {
		w.refuse(w.format.Name(), r.Item, r.Raw, &format.Fault{Reason: format.NoToken, Detail: "the credential is empty behind its scheme"})
		return nil
	}
	w.dst.Events = append(w.dst.Events, schema.Event{})
	e := &w.dst.Events[len(w.dst.Events)-1] // filled where it stands: it is large
	e.Ingested, e.Source = w.pos.At, w.format.Name()
	e.Topic, e.Partition, e.Offset, e.Item = w.pos.Topic, w.pos.Partition, w.pos.Offset, uint32(r.Item)
	w.identify(e, who, r)
	w.stamp(e, r)
	w.trace(e, seen.whences, r)
	w.describe(e, seen, r)
	return nil
}

// identify sets whose request it was.
func (w *decoding) identify(e *schema.Event, who *caller, r *format.Record) {
	var named owner
	if alone(r) {
		w.aim(who, r)
		named = w.ownerBeside(who, r.Consumer)
	} else {
		named, _ = w.owner(r.Consumer)
	}
	e.Consumer, e.Environment, e.KeyID = named.name, named.environment, w.prints.KeyID()
	if len(r.Environment) > 0 {
		e.Environment = w.texts.intern(clip(w.scrub.Text(r.Environment), maxEnvironment))
	}
	if e.Environment == "" {
		e.Environment = w.cfg.Environment
	}
	e.Token, e.Former, e.TokenHint, e.Credential = who.token, who.former, who.hint, who.credential
}

// stamp sets the event's time, to the milliseconds that are stored, so that what is read
// back is what was seen.
func (w *decoding) stamp(e *schema.Event, r *format.Record) {
	at := r.Time
	if finer := at.Nanosecond() % int(time.Millisecond); finer != 0 {
		at = at.Add(-time.Duration(finer))
	}
	e.Time = at
	switch age := w.pos.At.Sub(at); {
	case age > w.cfg.MaxAge:
		w.bound()
		e.Time, e.TimeRaw = w.oldest, at
	case age < -w.cfg.MaxSkew:
		w.bound()
		e.Time, e.TimeRaw = w.newest, at
	}
}

// bound works out what times of the block at hand are clamped to: where many are clamped, all are to the same.
func (w *decoding) bound() {
	if w.bounded != w.pos.At || w.newest.IsZero() {
		w.bounded = w.pos.At
		w.oldest = w.pos.At.Add(-w.cfg.MaxAge).UTC().Truncate(time.Millisecond)
		w.newest = w.pos.At.Add(w.cfg.MaxSkew).UTC().Truncate(time.Millisecond)
	}
}

// describe sets what was requested.
func (w *decoding) describe(e *schema.Event, seen places, r *format.Record) {
	agent := w.agent(seen.agent, r.UserAgent)
	e.UserAgent, e.Client = agent.text, agent.client
	e.Method = w.method(r.Method)
	if len(r.URI) > 0 {
		e.Path, e.Route = w.path(seen.path, pathOf(r.URI))
	}
	e.RequestID = w.dst.Texts.Copy(clip(w.scrub.ID(r.RequestID), maxRequestID))
	e.Status, e.BytesIn, e.BytesOut = r.Status, r.BytesIn, r.BytesOut
	e.Latency = r.Latency.Truncate(time.Microsecond)
	e.UnitsIn, e.UnitsOut, e.CostUSD = r.UnitsIn, r.UnitsOut, r.CostUSD
	if e.CostUSD == 0 {
		e.CostUSD = w.prices.cost(e.Route, e.UnitsIn, e.UnitsOut)
	}
}

// pathOf strips scheme and host of a request that names them, as proxies get them: the
// host may have a user and a password in front.
func pathOf(uri []byte) []byte {
	if uri[0] == '/' {
		return uri
	}
	scheme, rest, ok := bytes.Cut(uri, []byte("://"))
	if !ok || bytes.IndexByte(scheme, '/') >= 0 || bytes.IndexByte(scheme, '?') >= 0 {
		return uri
	}
	if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
		return rest[i:]
	}
	return []byte("/")
}

// method is a method's name. What is none, such as the first bytes of a TLS handshake,
// must not make a new value of the column each time.
func (w *decoding) method(name []byte) string {
	switch string(name) {
	case "GET":
		return "GET"
	case "POST":
		return "POST"
	}
	for _, c := range name {
		if (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return "OTHER"
		}
	}
	if len(name) > maxMethod {
		return "OTHER"
	}
	return w.texts.intern(w.scrub.ID(name))
}

// refuse makes a dead letter.
func (w *decoding) refuse(source string, item int, raw []byte, err error) {
	letter := schema.DeadLetter{
		Ingested: w.pos.At, Topic: w.pos.Topic, Partition: w.pos.Partition, Offset: w.pos.Offset, Item: uint32(item),
		Source: source, Payload: w.scrub.Payload(raw), Size: uint32(min(w.size, math.MaxUint32)),
	}
	var fault *format.Fault
	if errors.As(err, &fault) {
		letter.Reason, letter.Detail = string(fault.Reason), fault.Detail
	} else {
		letter.Reason, letter.Detail = string(format.BadJSON), err.Error()
	}
	w.dst.DeadLetters = append(w.dst.DeadLetters, letter)
}
