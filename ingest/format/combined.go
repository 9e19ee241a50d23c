package format

import (
	"bytes"
	"slices"
)

// The lines that NGINX and Apache write if nobody tells them otherwise, with what people
// put behind them:
//
//	common    203.0.113.7 - acme [21/Nov/2026:21:11:12 +0000] "GET / HTTP/1.1" 200 12
//	combined  ... "referer" "user agent"
//	main      ... "203.0.113.7, 10.0.0.5"                         (X-Forwarded-For)
//	vhost     api.example.com:443 203.0.113.7 - ...
//	behind a proxy   203.0.113.7, 10.0.0.5 - acme ...             (X-Forwarded-For in front)
//	time      203.0.113.7 - acme [2026-11-21T21:11:12+00:00] ..., [1795295472.856] ...
//	host      203.0.113.7 - acme [21/Nov/2026:21:11:12 +0000] api.example.com "GET / HTTP/1.1" ...
//	further   ... rt=0.012 uct="0.000" "Bearer hf_..." 0.012 434dce18465fe02b...
//
// and what NGINX Proxy Manager has them write.
//
// Of what follows the user agent, name=value is a field of that name. What has no name is
// told by its looks, where its looks leave no doubt, and can be named in token_fields and
// consumer_fields as extra_1, extra_2, ... else.
func combinedLayouts() []layout {
	const (
		user   = ` $_ $remote_user `
		said   = ` "$request" $status $body_bytes_sent`
		common = user + `[$time_local]` + said
		agents = ` "$http_referer" "$http_user_agent"`
		vhost  = "$server_name $remote_ip"
		plain  = "$remote_addr"
		chain  = "$xff"
	)
	ingress := must(plain+` - [$_] - $remote_user [$time_local]`+said+agents, further) // of ingress-nginx, whose address comes twice
	return []layout{
		bracketed(ingress),
		listed(must(chain+common+agents, further)), listed(must(chain+common, sizes)),
		must(vhost+common+agents, further), must(vhost+common, sizes),
		must(plain+common+agents, further), must(plain+common, sizes),
		must(plain+user+`[$time_iso8601]`+said+agents, further), must(plain+user+`[$msec]`+said+agents, further),
		must(plain+user+`[$time_local] "$server_name"`+said+agents, further), must(plain+user+`[$time_local] $server_name`+said+agents, further),
		must(`[$time_local] $_ $_ $status - $request_method $_ $server_name "$request_uri" [Client $remote_addr] [Length $body_bytes_sent] `+
			`[Gzip $_] [Sent-to $_] "$http_user_agent" "$http_referer"`, nil),
	}
}

// listed spares lines that do not begin with a list the search for its end.
func listed(has layout) layout {
	return func(obj, line []byte) ([]byte, bool) {
		if i := bytes.IndexByte(line, ' '); i < 1 || line[i-1] != ',' {
			return obj, false
		}
		return has(obj, line)
	}
}

// bracketed spares all other lines the search for a second address.
func bracketed(has layout) layout {
	return func(obj, line []byte) ([]byte, bool) {
		if i := bytes.IndexByte(line, ' '); i < 1 || !bytes.HasPrefix(line[i:], []byte(" - [")) {
			return obj, false
		}
		return has(obj, line)
	}
}

// sizes is what may follow a common line: numbers, which say nothing without their names.
func sizes(obj, rest []byte) ([]byte, bool) {
	for _, c := range rest {
		if c != ' ' && c != '\r' && c != '\n' && c != '.' && c != '-' && c-'0' > 9 {
			return obj, false
		}
	}
	return obj, true
}

// maxFurther bounds how many further fields of a line are looked at.
const maxFurther = 24

// further reads what stands behind the user agent.
func further(obj, rest []byte) ([]byte, bool) {
	if len(rest) > 0 && rest[0] != ' ' && rest[0] != '\r' && rest[0] != '\n' {
		return obj, false
	}
	var known extras
	for n := 1; n <= maxFurther; n++ {
		rest = bytes.TrimLeft(rest, " \r\n|")
		if len(rest) == 0 {
			return obj, true
		}
		var name, value []byte
		name, value, rest = extra(rest)
		if len(name) > 0 {
			obj = appendField(obj, string(name), value)
			continue
		}
		obj = appendField(obj, extraNames[n-1], value)
		if as := known.guess(value); as != "" {
			obj = appendField(obj, as, value)
		}
	}
	return obj, true
}

// extraNames are what further fields without a name are called.
var extraNames = [maxFurther]string{
	"extra_1", "extra_2", "extra_3", "extra_4", "extra_5", "extra_6", "extra_7", "extra_8",
	"extra_9", "extra_10", "extra_11", "extra_12", "extra_13", "extra_14", "extra_15", "extra_16",
	"extra_17", "extra_18", "extra_19", "extra_20", "extra_21", "extra_22", "extra_23", "extra_24",
}

// extra cuts one further field off: quoted, in brackets, a word, or name=value.
func extra(line []byte) (name, value, rest []byte) {
	n := 0
	for n < len(line) && (line[n] == '_' || line[n] == '-' || line[n]-'0' <= 9 || line[n]|0x20-'a' < 26) {
		n++
	}
	if n > 0 && n < len(line) && n <= 64 && (line[n] == '=' || line[n] == ':' && n+1 < len(line) && line[n+1] == '"') {
		name, line = line[:n], line[n+1:]
	}
	if value, rest, ok := quoted(line); ok {
		return name, value, rest
	}
	if len(line) > 0 && line[0] == '[' {
		if end := bytes.IndexByte(line, ']'); end > 0 {
			return name, line[1:end], line[end+1:]
		}
	}
	value, rest = word(line)
	if end := bytes.IndexAny(value, "\r\n"); end >= 0 {
		value, rest = value[:end], value[end:]
	}
	return name, value, rest
}

// extras remembers what has been told apart in a line, so that nothing is told twice.
type extras struct {
	told []string
	seen bool // the place behind the user agent is taken
}

// guess tells what a field without a name is. X-Forwarded-For stands right behind the
// user agent or nowhere: anything else that looks like an address may be anybody's.
func (e *extras) guess(v []byte) string {
	first := !e.seen
	e.seen = true
	as := ""
	switch {
	case unset(v):
	case first && isChain(v):
		as = "http_x_forwarded_for"
	case isSeconds(v):
		as = "request_time"
	case isCredential(v):
		as = "http_authorization"
	case isID(v) && (len(v) <= mostID || bytes.IndexByte(v, '-') > 0):
		as = "request_id"
	}
	if as == "" || slices.Contains(e.told, as) {
		return ""
	}
	e.told = append(e.told, as)
	return as
}

// mostID is how long an id of hexadecimal digits is: longer ones are digests, or keys, which must not be stored as ids.
const mostID = 32

// isChain tells a list of addresses.
func isChain(v []byte) bool {
	dots, colons := 0, 0
	for _, c := range v {
		switch {
		case c == '.':
			dots++
		case c == ':':
			colons++
		case c != ',' && c != ' ' && unhex(c) > 15:
			return false
		}
	}
	return dots >= 3 || colons >= 2
}

// isSeconds tells a duration as NGINX writes it: 0.012, or a list of such.
func isSeconds(v []byte) bool {
	dot := bytes.IndexByte(v, '.')
	return dot > 0 && len(v) <= 64 && digits(v[:dot]) && isNumber(v) && (len(v) == dot+4 || bytes.IndexByte(v, ',') > 0)
}

// isID tells a request's id: hexadecimal digits, with or without hyphens.
func isID(v []byte) bool {
	for _, c := range v {
		if unhex(c) > 15 && c != '-' {
			return false
		}
	}
	return len(v) >= 16
}
