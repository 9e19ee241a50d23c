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
	format format.Format
	prints *Fingerprinter
	scrub  *Scrubber
	texts  *texts
	buf    []byte
	each   func(*format.Record) error // entry, bound once: binding it allocates

	dst  *schema.Block
	pos  Position
	size int
}

func newDecoding(d *Decoder) *decoding {
	f, err := d.cfg.open()
	if err != nil {
		panic(err) // Validate has opened it
	}
	w := &decoding{Decoder: d, format: f, prints: NewFingerprinter(d.pepper), scrub: NewScrubber(f.Blank()), texts: newTexts()}
	w.each = w.entry
	return w
}

func (w *decoding) decode(dst *schema.Block, value []byte, pos Position) {
	w.dst, w.pos, w.size = dst, pos, len(value)
	defer func() { w.dst = nil }()
	events, letters := len(dst.Events), len(dst.DeadLetters)
	w.scrub.Know(nil)
	if err := w.tooLarge(len(value)); err != nil {
		w.refuse(w.cfg.Format, 0, value, err) // no format has looked at it
		return
	}
	if err := w.format.Decode(value, w.each); err != nil {
		dst.Events, dst.DeadLetters = dst.Events[:events], dst.DeadLetters[:letters]
		w.scrub.Know(nil)
		w.refuse(w.format.Name(), 0, value, err)
	}
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
	w.dst.Events = append(w.dst.Events, schema.Event{
		Ingested: w.pos.At, Source: w.format.Name(),
		Topic: w.pos.Topic, Partition: w.pos.Partition, Offset: w.pos.Offset, Item: uint32(r.Item),
	})
	e := &w.dst.Events[len(w.dst.Events)-1]
	if !w.identify(e, r) {
		w.dst.Events = w.dst.Events[:len(w.dst.Events)-1]
		w.refuse(w.format.Name(), r.Item, r.Raw, &format.Fault{Reason: format.NoToken, Detail: "the credential is empty behind its scheme"})
		return nil
	}
	w.stamp(e, r)
	w.trace(e, r)
	w.describe(e, r)
	return nil
}

// identify says whose request it was. What the gateway made of the credential goes before
// what the client claimed; a consumer's name serves where there is neither.
func (w *decoding) identify(e *schema.Event, r *format.Record) bool {
	owner := w.owner(r.Consumer)
	e.Consumer, e.Environment, e.KeyID = owner.name, owner.environment, w.prints.KeyID()
	if len(r.Environment) > 0 {
		e.Environment = w.texts.intern(clip(w.scrub.Text(r.Environment), maxEnvironment))
	}
	if e.Environment == "" {
		e.Environment = w.cfg.Environment
	}
	bare := canonical(r.Token)
	switch {
	case len(r.Credential) > 0:
		e.Token = w.prints.Credential(w.format.Name(), r.Credential)
		w.buf = appendIDHint(w.buf[:0], r.Credential)
	case len(bare) > 0:
		e.Token = w.prints.For(w.format.Name(), r.Token)
		w.buf = appendHint(w.buf[:0], bare)
	case len(r.Consumer) > 0:
		e.Token = w.prints.Consumer(r.Consumer)
		return true
	default:
		return false
	}
	e.TokenHint = w.texts.intern(w.buf)
	return true
}

// stamp sets the event's time, to the milliseconds that are stored, so that what is read
// back is what was seen.
func (w *decoding) stamp(e *schema.Event, r *format.Record) {
	at := r.Time.Truncate(time.Millisecond)
	earliest, latest := w.pos.At.Add(-w.cfg.MaxAge), w.pos.At.Add(w.cfg.MaxSkew)
	e.Time = at
	switch {
	case at.Before(earliest):
		e.Time, e.TimeRaw = earliest.UTC().Truncate(time.Millisecond), at
	case at.After(latest):
		e.Time, e.TimeRaw = latest.UTC().Truncate(time.Millisecond), at
	}
}

// trace sets where the request came from.
func (w *decoding) trace(e *schema.Event, r *format.Record) {
	from := w.trust.origin(r)
	e.IP, e.IPFrom, e.IPSpoofed = from.ip, from.from, from.spoofed
	if w.locator != nil && e.IP.IsValid() {
		e.Place = w.locator.Locate(e.IP)
	}
}

// describe sets what was requested.
func (w *decoding) describe(e *schema.Event, r *format.Record) {
	agent := w.agent(r.UserAgent)
	e.UserAgent, e.Client = agent.text, agent.client
	e.Method = w.method(r.Method)
	if len(r.URI) > 0 {
		path := w.scrub.Path(pathOf(r.URI))
		w.buf = appendTemplate(w.buf[:0], path)
		e.Route = w.routes.admit(w.buf, w.pos.At)
		e.Path = w.texts.copy(clip(path, maxPath))
	}
	e.RequestID = w.texts.copy(clip(w.scrub.ID(r.RequestID), maxRequestID))
	e.Status, e.BytesIn, e.BytesOut = r.Status, r.BytesIn, r.BytesOut
	e.Latency = r.Latency.Truncate(time.Microsecond)
	e.UnitsIn, e.UnitsOut, e.CostUSD = r.UnitsIn, r.UnitsOut, r.CostUSD
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
