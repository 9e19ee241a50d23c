package format

import (
	"bytes"
	"slices"
	"strings"
)

// alike reads entries whose keys say what a table knows, but are written otherwise: in Pascal case, with dots or hyphens,
// nested, or under the names of the Elastic Common Schema, of OpenTelemetry, or of grok's patterns. It is asked about
// entries only that are nothing by themselves, or lack the address, the request or the status where operators choose the keys.
//
// The entry is turned into the object that namesTable reads, whose keys are the letters and digits of a path:
//
//	{"http":{"request":{"method":"GET"}},"url.path":"/a","Source-IP":"203.0.113.7"}
//	   └─ leaves ─► {"requestmethod":"GET","urlpath":"/a","sourceip":"203.0.113.7"} ─► namesTable
//
// Whatever else stands in the entry is left out: a path counts as a whole, so destination.ip and host.ip are nobody's.
type alike struct {
	cfg    Config
	names  *dialect // opened when first needed
	spots  map[string]spot
	groups []group
	paths  []string          // of their rows
	best   []candidate       // of each group
	marks  map[string]string // keys by which a gateway is told, and which

	scanner
	object []byte
	path   []byte            // of the value at hand, element after element
	name   []byte            // of a header at hand
	ends   []int             // of its elements
	found  int               // values that were taken over
	seen   map[string]bool   // keys that tell, if they are there, what another one means
	unsure map[string][]byte // keys that mean one thing or another, by what else there is
	of     string            // the gateway that the keys are of, as far as they tell
	record *Record
	emit   func(*Record) error
}

// What is looked at of an entry is bounded.
const (
	mostNested = 8
	mostFound  = 96
	mostPath   = 256 // bytes
)

// naming tells who chose the keys of what a decoder reads.
type naming uint8

const (
	settled  naming = iota // the gateway's authors: an entry that has them has all of them
	chosen                 // whoever runs it
	declared               // the configuration, to the letter
)

func (d *dialect) naming() naming { return d.names }

func (a *auto) naming() naming {
	if !a.marked() {
		return chosen
	}
	return a.formats[a.reads].naming()
}

// marked reports whether the entry at hand has a key that is of one format alone.
func (a *auto) marked() bool { return a.reads >= 0 && a.formats[a.reads].marked != 0 }

// lacks reports whether a request was read without what nearly every log says of it.
func (r *Record) lacks() bool {
	return r.Status == 0 || len(r.URI) == 0 && len(r.Method) == 0 || len(r.Peer) == 0 && len(r.Client) == 0 && len(r.ForwardedFor) == 0 && len(r.Forwarded) == 0
}

// says counts those.
func (r *Record) says() (n int) {
	if r.Status != 0 {
		n++
	}
	if len(r.URI) > 0 {
		n++
	}
	if len(r.Method) > 0 {
		n++
	}
	if len(r.Peer)+len(r.Client)+len(r.ForwardedFor)+len(r.Forwarded) > 0 {
		n++
	}
	return n
}

// read gives a better reading of an entry than r, if there is one. The format is empty if the keys do not tell it.
func (a *alike) read(by decoder, r *Record) (better *Record, format string) {
	names := by.naming()
	if a == nil || names == declared || len(r.Raw) == 0 || r.Raw[0] != '{' || isFault(r.Err, BadJSON) {
		return nil, ""
	}
	unknown := isFault(r.Err, UnknownFormat)
	if names == settled && !unknown || a.names == nil && a.open() != nil {
		return nil, "" // open fails on configured fields that are the same without their dots
	}
	if a.leaves(r.Raw); a.found == 0 || names == settled && a.of != by.Name() {
		return nil, ""
	}
	a.record = nil
	_ = a.names.Decode(a.object, a.emit)
	if a.record == nil || !a.record.betters(r, unknown) {
		return nil, ""
	}
	a.record.inherit(r, !a.parsed())
	return a.record, a.of
}

// inherit takes over what the other reading of the entry says and this one does not: the exact names are more of them. The
// credential only if the exact reading can be right about that.
func (r *Record) inherit(from *Record, credential bool) {
	r.Raw = from.Raw
	r.UnitsIn, r.UnitsOut, r.CostUSD = max(r.UnitsIn, from.UnitsIn), max(r.UnitsOut, from.UnitsOut), max(r.CostUSD, from.CostUSD)
	if len(r.RequestID) == 0 {
		r.RequestID = from.RequestID
	}
	if !credential {
		return
	}
	for _, s := range from.Secrets {
		if !slices.ContainsFunc(r.Secrets, func(own []byte) bool { return bytes.Equal(own, s) }) {
			r.secret(s)
		}
	}
	if len(r.Token)+len(r.Credential) == 0 && from.Err == nil {
		r.Token, r.Credential = from.Token, from.Credential
	}
}

// betters reports whether r is a request, and says who made it where the other reading does not, or else more of it.
func (r *Record) betters(other *Record, unknown bool) bool {
	switch {
	case len(r.URI) == 0 || len(r.Method) == 0 && r.Status == 0:
		return false
	case unknown || r.Err == nil && other.Err != nil:
		return true
	}
	return (r.Err == nil || other.Err != nil) && r.says() > other.says()
}

func (a *alike) open() error {
	cfg := a.cfg
	cfg.Token, cfg.Consumer = normals(cfg.Token), normals(cfg.Consumer)
	names, err := newDialect(namesTable(), cfg)
	if err != nil {
		return err
	}
	a.names, a.unsure = names, map[string][]byte{}
	a.spots = namesSpots(names.rows, len(cfg.Consumer) > 0)
	a.seen = map[string]bool{"verb": false, "httpversion": false, "request": false, "code": false, "identity": false, "size": false}
	for _, g := range namesGroups() {
		a.groups, a.paths = append(a.groups, g), append(a.paths, g.path())
	}
	a.best = make([]candidate, len(a.groups))
	a.marks = namesMarks()
	a.emit = func(r *Record) error { a.record = r; return nil }
	return nil
}

// normals are configured fields by the names that leaves gives them.
func normals(fields []string) []string {
	var list []string
	for _, field := range fields {
		if strings.HasPrefix(field, "?") {
			list = append(list, field)
			continue
		}
		var a alike
		for _, key := range keys(field) {
			a.enter([]byte(key))
		}
		list = append(list, string(a.header(a.path)))
	}
	return list
}

// ambiguities are names that mean something else in the output of grok and of parsers, which split a line up, than in a
// log_format.
var ambiguities = map[string]struct{}{"auth": {}, "path": {}, "host": {}}

// parsed tells what a parser of lines has made.
func (a *alike) parsed() bool { return a.seen["verb"] || a.seen["httpversion"] }

// decide takes those over.
func (a *alike) decide() {
	parsed := a.parsed()
	if v := a.unsure["auth"]; v != nil && parsed {
		a.add([]byte("username"), v)
	} else if v != nil {
		a.add([]byte("authorization"), v)
	}
	if v := a.unsure["path"]; v != nil && !(parsed && a.seen["request"]) { // else of the file that the line was in
		a.add([]byte("path"), v)
	}
	if v := a.unsure["host"]; v != nil && isIP(bytes.Trim(v, `"`)) && a.seen["size"] && (a.seen["code"] || a.seen["identity"]) && !a.addressed() {
		a.add([]byte("remote"), v) // of Apache's parsers; elsewhere it is the server, or whatever the caller asked for
	}
}

// addressed reports whether the entry has an address.
func (a *alike) addressed() bool {
	for i, g := range a.groups {
		if a.best[i].value != nil && (g.what == peer || g.what == client || g.what == forwardedFor || g.what == forwarded) {
			return true
		}
	}
	return false
}
