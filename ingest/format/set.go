package format

import (
	"bytes"
	"math"
	"time"
)

// texts are the fields that hold a text as the gateway wrote it.
func (r *Record) texts() [whats]*[]byte {
	return [whats]*[]byte{
		credential:   &r.Credential,
		consumer:     &r.Consumer,
		environment:  &r.Environment,
		peer:         &r.Peer,
		client:       &r.Client,
		forwardedFor: &r.ForwardedFor,
		forwarded:    &r.Forwarded,
		method:       &r.Method,
		uri:          &r.URI,
		userAgent:    &r.UserAgent,
		requestID:    &r.RequestID,
		country:      &r.Country,
		query:        &r.query,
		captured:     &r.captured,
	}
}

// set takes the value over of a row that is none of those and no amount, and reports whether it was usable. again
// says that an earlier row has filled the same what; only credentials are set again, as secrets.
func (r *Record) set(what what, v []byte, again bool) bool {
	switch what {
	case token:
		return r.setToken(v, again)
	case secret:
		r.secret(v)
	case requestLine:
		return r.setRequestLine(v)
	case elsewhere, envoysOwn, haproxysOwn, awsOwn:
		r.elsewhere = what
	}
	return true
}

// setAmount takes over what is a number in its unit, or a time.
func (r *Record) setAmount(what what, u unit, v *amount) bool {
	switch what {
	case started:
		return r.setTime(v, u)
	case ended:
		if r.Time.IsZero() {
			return r.setTime(v, u)
		}
		r.until = v.text
		return true
	case latency:
		return r.setLatency(v, u)
	case status:
		return r.setStatus(v, u)
	case costUSD:
		return r.setCost(v)
	}
	return r.setNumber(what, v)
}

func (r *Record) setToken(v []byte, again bool) bool {
	if redacted(v) {
		return false
	}
	r.secret(v)
	if !again {
		r.Token = v
	}
	return true
}

// redacted tells what gateways write in a credential's stead, with or without its scheme,
// a scheme that nothing follows, and what clients send that have none: "Bearer undefined". It
// must not become an identity that all callers share.
func redacted(v []byte) bool {
	for i := bytes.IndexByte(v, ' '); i >= 0; i = bytes.IndexByte(v, ' ') { // as a rule one; from the left, which is fast
		v = v[i+1:]
	}
	if len(v) > longestRedaction && !framing(v[0]) && !framing(v[len(v)-1]) && !masking[v[len(v)/2]] {
		return false
	}
	word := bytes.Trim(v, frame)
	for _, known := range redactions {
		if len(word) == len(known) && bytes.EqualFold(word, []byte(known)) {
			return true
		}
	}
	return len(word) == 0 || blotted(v)
}

// frame is what stands around such a word.
const (
	frame            = "*[]<>(){}"
	longestRedaction = len("undefined")
)

func framing(c byte) bool {
	switch c {
	case '*', '[', ']', '<', '>', '(', ')', '{', '}':
		return true
	}
	return false
}

var redactions = [...]string{
	"redacted", "filtered", "masked", "hidden", "removed", "bearer", "basic", "token", "apikey", "null", "undefined", "none", "nil",
}

// masking are the characters in the middle of a credential of which only its ends were left.
var masking = [256]bool{'*': true, '.': true, 0xe2: true, 0x80: true, 0xa6: true, 0xa2: true}

// blotted tells a credential whose middle was blotted out: hf_***, sk-...9Qz. What is left of it may be
// the same of several.
func blotted(v []byte) bool {
	for _, blot := range [...]string{"***", "...", "…", "••"} {
		if bytes.Contains(v, []byte(blot)) {
			return true
		}
	}
	return false
}

func (r *Record) setTime(v *amount, u unit) bool {
	r.clock = v.text
	if u == laid {
		return false // whoever knows the layout reads it
	}
	t, ok := instant(v, u)
	if ok {
		r.Time = t
	}
	return ok
}

// took is how long a request took of which nothing is known but when it began and ended.
func (r *Record) took() time.Duration {
	var clock amount
	clock.read(r.until)
	end, ok := instant(&clock, guess)
	if !ok {
		return 0
	}
	return max(end.Sub(r.Time), 0)
}

// setLatency adds up the attempts of a request that was tried again: "0.000, 0.012".
// Negative times are of phases that were never reached.
func (r *Record) setLatency(v *amount, u unit) bool {
	switch u {
	case spelt:
		return r.setSpelt(v)
	case told:
		u = v.told()
	}
	if n, ok := v.times(u.scale()); ok {
		r.Latency = time.Duration(max(n, 0))
		return n >= 0
	}
	var sum time.Duration
	var usable bool
	for list := v.text; len(list) > 0; {
		var attempt []byte
		attempt, list = cut(list)
		if n, ok := decimal(attempt, u.scale()); ok && n >= 0 {
			sum += time.Duration(n)
			usable = true
		}
	}
	if !usable && u != plain {
		if d, ok := spelling(bytes.ReplaceAll(v.text, []byte(" "), nil)); ok {
			r.Latency = d
			return true
		}
	}
	r.Latency = sum
	return usable && sum >= 0
}

// cut takes the first of a list that NGINX parts with ", " and " : ".
func cut(list []byte) (first, rest []byte) {
	if i := bytes.IndexAny(list, ",:"); i >= 0 {
		return bytes.TrimSpace(list[:i]), list[i+1:]
	}
	return bytes.TrimSpace(list), nil
}

// setStatus takes the last attempt's status: "502, 200".
func (r *Record) setStatus(v *amount, u unit) bool {
	if u == outcome {
		return r.setOutcome(v.text)
	}
	n, ok := v.times(0)
	for list := v.text; !ok && len(list) > 0; {
		var attempt []byte
		if attempt, list = cut(list); len(list) == 0 {
			n, ok = decimal(attempt, 0)
		}
	}
	if n == -1 && u == answered {
		n = 0
	}
	if !ok || n < 0 || n > 999 {
		return false
	}
	r.Status = uint16(n)
	return true
}

func (r *Record) setOutcome(v []byte) bool {
	switch string(v) {
	case "success":
		r.Status = 200
	case "failure":
		r.Status = 500
	default:
		return false
	}
	return true
}

func (r *Record) setRequestLine(v []byte) bool {
	method, rest, ok := bytes.Cut(v, []byte(" "))
	if !ok && v[0] == '/' && len(r.URI) == 0 {
		r.URI = v // Apache's %U under that name
		return true
	}
	if !ok {
		return false
	}
	if end := bytes.LastIndex(rest, []byte(" HTTP/")); end >= 0 {
		rest = rest[:end]
	}
	if len(r.Method) == 0 {
		r.Method = method
	}
	if len(r.URI) == 0 {
		r.URI = rest
	}
	return true
}

// maxCost is more than any request costs: what is above it is something else.
const maxCost = 1e6

func (r *Record) setCost(v *amount) bool {
	cost, ok := v.fraction()
	if !ok || !(0 <= cost && cost <= maxCost) {
		return false
	}
	r.CostUSD = cost
	return true
}

func (r *Record) setNumber(what what, v *amount) bool {
	n, ok := v.times(0)
	if !ok || n < 0 {
		return false
	}
	switch what {
	case asn:
		if n > math.MaxUint32 {
			return false
		}
		r.ASN = uint32(n)
	case bytesIn:
		r.BytesIn = uint64(n)
	case bytesOut:
		r.BytesOut = uint64(n)
	case unitsIn:
		r.UnitsIn = uint32(min(n, math.MaxUint32))
	case unitsOut:
		r.UnitsOut = uint32(min(n, math.MaxUint32))
	}
	return true
}
