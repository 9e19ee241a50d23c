package format

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Custom declares the format of a gateway that tokenwatch does not know: where in a record
// each thing stands, and in which unit. Fields are paths as in token_fields, the first with
// a value wins.
type Custom struct {
	// Line is a log_format as NGINX writes it, for lines of text: its variables are then
	// the fields. Those that NGINX has need not be named below.
	Line string `yaml:"line"`

	Token       Fields `yaml:"token"`      // the credential as it was sent; ?name for a parameter of the query string
	Credential  Fields `yaml:"credential"` // its id or hash, not a secret
	Consumer    Fields `yaml:"consumer"`
	Environment Fields `yaml:"environment"`
	Secrets     Fields `yaml:"secrets"` // further fields that must not be stored

	Time Fields `yaml:"time"`
	// TimeLayout is s, ms, us or ns for a number since the epoch, or the layout of a text:
	// Go's (2006-01-02 15:04:05) or strftime's (%Y-%m-%d %H:%M:%S). Empty: told by its looks.
	TimeLayout string `yaml:"time_layout"`
	TimeZone   string `yaml:"time_zone"` // of times without one, in place of ingest.time_zone
	TimeIs     string `yaml:"time_is"`   // start or end of the request; empty: start

	Latency     Fields `yaml:"latency"`
	LatencyUnit string `yaml:"latency_unit"` // s, ms, us, ns; empty: ms

	PeerIP       Fields `yaml:"peer_ip"`
	ClientIP     Fields `yaml:"client_ip"`
	ForwardedFor Fields `yaml:"x_forwarded_for"`
	Forwarded    Fields `yaml:"forwarded"`

	Method      Fields `yaml:"method"`
	URI         Fields `yaml:"uri"`
	Query       Fields `yaml:"query"`        // where the path stands alone
	RequestLine Fields `yaml:"request_line"` // "GET /path HTTP/1.1"
	Status      Fields `yaml:"status"`
	BytesIn     Fields `yaml:"bytes_in"`
	BytesOut    Fields `yaml:"bytes_out"`
	UserAgent   Fields `yaml:"user_agent"`
	RequestID   Fields `yaml:"request_id"`
	UnitsIn     Fields `yaml:"units_in"`
	UnitsOut    Fields `yaml:"units_out"`
	CostUSD     Fields `yaml:"cost_usd"`
}

// Fields are one path, or a list of them.
type Fields []string

// UnmarshalYAML takes a text for a list of one.
func (f *Fields) UnmarshalYAML(decode func(any) error) error {
	var one string
	if err := decode(&one); err == nil {
		*f = Fields{one}
		return nil
	}
	var list []string
	if err := decode(&list); err != nil {
		return errors.New("want a field, or a list of fields")
	}
	*f = list
	return nil
}

// Validate reports what cannot work, by its key.
func (c Custom) Validate(name string) error {
	if name == Auto || slices.Contains(Names(), alias(name)) {
		return fmt.Errorf("custom.%s: there is a format of that name already: choose another", name)
	}
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || len(name) > 40 {
		return fmt.Errorf("custom.%s: a name has up to 40 letters a to z, digits, - and _", name)
	}
	_, err := c.open(name, Config{})
	return err
}

// open makes the format. The configuration's own token_fields and consumer_fields go
// before those of the declaration.
func (c Custom) open(name string, cfg Config) (*dialect, error) {
	t := table{name: name, names: declared}
	if err := c.fill(&t); err != nil {
		return nil, fmt.Errorf("custom.%s.%w", name, err)
	}
	if len(cfg.Token) == 0 {
		cfg.Token = c.Token
	}
	if len(cfg.Consumer) == 0 {
		cfg.Consumer = c.Consumer
	}
	if c.TimeZone != "" {
		cfg.Zone = c.TimeZone
	}
	if err := c.clock(&t, cfg); err != nil {
		return nil, fmt.Errorf("custom.%s.%w", name, err)
	}
	d, err := newDialect(t, cfg)
	if err != nil {
		return nil, fmt.Errorf("custom.%s: %w", name, err)
	}
	return d, nil
}

// fill makes the table's rows of the declaration.
func (c Custom) fill(t *table) error {
	for _, noun := range c.nouns() {
		for _, field := range noun.fields {
			if strings.TrimSpace(field) == "" {
				return fmt.Errorf("%s: an empty field", noun.key)
			}
			if strings.HasPrefix(field, "?") {
				if noun.what != token {
					return fmt.Errorf("%s: %q: only token can be a parameter of the query string", noun.key, field)
				}
				continue // configure reads it
			}
			if slices.ContainsFunc(t.rows, func(r row) bool { return r.path == field }) {
				return fmt.Errorf("%s: %q stands for something else already", noun.key, field)
			}
			t.rows = append(t.rows, row{field, noun.what, noun.unit})
		}
	}
	if c.Line != "" {
		return c.line(t)
	}
	if len(c.Time) == 0 {
		return errors.New("time: missing: name the field with the time of the request")
	}
	if len(c.Token)+len(c.Credential)+len(c.Consumer) == 0 {
		return errors.New("token: missing: name the field that says who called, here or in credential or consumer")
	}
	return nil
}

// line adds the lines' layout, and what NGINX's variables are.
func (c Custom) line(t *table) error {
	p, err := compile(c.Line)
	if err != nil {
		return fmt.Errorf("line: %w", err)
	}
	t.layouts, t.shapes = []layout{p.read}, "custom."+t.name+".line"
	p.loosen(nginxTable())
	for _, r := range nginxTable().rows {
		named := slices.ContainsFunc(p.parts, func(part part) bool { return part.name == r.path })
		known := slices.ContainsFunc(t.rows, func(own row) bool { return own.path == r.path })
		if named && !known && !r.what.isElsewhere() {
			t.rows = append(t.rows, r)
		}
	}
	for _, r := range t.rows {
		if !slices.ContainsFunc(p.parts, func(part part) bool { return part.name == r.path }) {
			return fmt.Errorf("line: has no variable $%s, which is named as a field", r.path)
		}
	}
	has := func(of ...what) bool {
		return slices.ContainsFunc(t.rows, func(r row) bool { return slices.Contains(of, r.what) })
	}
	switch {
	case !has(started, ended):
		return errors.New("line: has no variable with the time, such as $time_iso8601 or $msec; if it has another name, name it in time")
	case !has(token, credential, consumer) && !has(uri, requestLine):
		return errors.New("line: has no variable that says who called, such as $http_authorization; if it has another name, name it in token, credential or consumer")
	}
	return nil
}

// noun is a key of the declaration.
type noun struct {
	key    string
	fields Fields
	what   what
	unit   unit
}

func (c Custom) nouns() []noun {
	at := started
	if c.TimeIs == "end" {
		at = ended
	}
	return []noun{
		{"token", c.Token, token, plain}, {"credential", c.Credential, credential, plain}, {"consumer", c.Consumer, consumer, plain},
		{"environment", c.Environment, environment, plain}, {"secrets", c.Secrets, secret, plain},
		{"time", c.Time, at, c.timeUnit()}, {"latency", c.Latency, latency, epochs(c.LatencyUnit, millis)},
		{"peer_ip", c.PeerIP, peer, plain}, {"client_ip", c.ClientIP, client, plain},
		{"x_forwarded_for", c.ForwardedFor, forwardedFor, plain}, {"forwarded", c.Forwarded, forwarded, plain},
		{"method", c.Method, method, plain}, {"uri", c.URI, uri, plain}, {"query", c.Query, query, plain},
		{"request_line", c.RequestLine, requestLine, plain}, {"status", c.Status, status, plain},
		{"bytes_in", c.BytesIn, bytesIn, plain}, {"bytes_out", c.BytesOut, bytesOut, plain},
		{"user_agent", c.UserAgent, userAgent, plain}, {"request_id", c.RequestID, requestID, plain},
		{"units_in", c.UnitsIn, unitsIn, plain}, {"units_out", c.UnitsOut, unitsOut, plain}, {"cost_usd", c.CostUSD, costUSD, plain},
	}
}

// epochs is the unit of that name; unknown ones are told by clock.
func epochs(name string, otherwise unit) unit {
	switch name {
	case "s":
		return seconds
	case "ms":
		return millis
	case "us":
		return micros
	case "ns":
		return nanos
	}
	return otherwise
}

func (c Custom) timeUnit() unit {
	if c.TimeLayout == "" {
		return guess
	}
	return epochs(c.TimeLayout, laid)
}

// clock reads times in the layout that is given.
func (c Custom) clock(t *table, cfg Config) error {
	if c.TimeIs != "" && c.TimeIs != "start" && c.TimeIs != "end" {
		return fmt.Errorf("time_is: %q: want start or end", c.TimeIs)
	}
	if c.LatencyUnit != "" && epochs(c.LatencyUnit, plain) == plain {
		return fmt.Errorf("latency_unit: %q: want s, ms, us or ns", c.LatencyUnit)
	}
	zone, err := cfg.location()
	if err != nil || c.timeUnit() != laid {
		return err
	}
	layout, err := goLayout(c.TimeLayout)
	if err != nil {
		return fmt.Errorf("time_layout: %w", err)
	}
	isEnd := c.TimeIs == "end"
	t.finish = func(r *Record) {
		at, err := time.ParseInLocation(layout, string(r.clock), zone)
		if err != nil || at.Year() < 1970 || at.Year() > 2261 {
			return
		}
		if r.Time = at.UTC(); isEnd {
			r.Time = r.Time.Add(-r.Latency)
		}
		r.clock = nil // has its zone
	}
	return nil
}
