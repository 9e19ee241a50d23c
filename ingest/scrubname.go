package ingest

import (
	"bytes"
	"strings"
)

// secretName reports whether a name says that its value is a secret. Case and separators
// do not matter: X-Api-Key, apikey and API_KEY are one.
func (s *Scrubber) secretName(name []byte) bool {
	var buf [48]byte
	flat := buf[:0]
	for _, c := range name {
		if len(flat) == len(buf) {
			break
		}
		if alnum(c) {
			flat = append(flat, lower(c))
		}
	}
	switch string(flat) {
	case "key", "sig", "pwd", "pw", "pass", "code", "pin", "otp", "totp", "sid", "connectsid", "sas", "psk", "ticket":
		return true
	case "author", "authority", "maxtokens", "totaltokens", "prompttokens", "completiontokens":
		return false
	}
	for i, c := range flat {
		for _, mark := range marksBy[c] {
			if bytes.HasPrefix(flat[i:], []byte(mark)) {
				return true
			}
		}
	}
	for _, end := range secretEnds {
		if bytes.HasSuffix(flat, []byte(end)) {
			return true
		}
	}
	return s.named(name)
}

// named reports whether the format calls a name's value private.
func (s *Scrubber) named(name []byte) bool {
	if len(s.names) == 0 {
		return false
	}
	var buf [64]byte
	if len(name) > len(buf) {
		return s.names[string(bytes.ToLower(name))]
	}
	low := buf[:0]
	for _, c := range name {
		if c >= 0x80 {
			return s.names[string(bytes.ToLower(name))]
		}
		low = append(low, lower(c))
	}
	return s.names[string(low)]
}

// secretMarks are parts of names that hold secrets.
var secretMarks = [...]string{
	"apikey", "token", "secret", "passw", "auth", "credential", "signature", "session",
	"cookie", "jwt", "bearer", "accesskey", "privatekey", "certificate", "passphrase", "sessid", "saml", "hmac",
}

// secretEnds are what such names end with.
var secretEnds = [...]string{"key", "pwd", "pass"}

// marksBy are they by their first letter; it is never written to.
var marksBy = func() (by [256][]string) {
	for _, mark := range secretMarks {
		by[mark[0]] = append(by[mark[0]], mark)
	}
	return by
}()

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// findPairs finds name=value with a secret's name: in query strings, and in whatever
// text a dead letter has.
func (s *Scrubber) findPairs(v view, ends string) {
	for i := 0; ; {
		equals := bytes.IndexByte(v.text[i:], '=')
		if equals < 0 {
			return
		}
		equals += i
		from := equals
		for from > 0 && (wordByte(v.text[from-1]) || v.text[from-1] == '%') {
			from--
		}
		i = equals + 1
		if !s.secretName(v.text[from:equals]) {
			continue
		}
		for i < len(v.text) && strings.IndexByte(ends, v.text[i]) < 0 {
			i++
		}
		if i > equals+1 {
			s.spans = append(s.spans, v.span(equals+1, i))
			if s.strict {
				s.learn(v.text[equals+1 : i])
			}
		}
	}
}

// The characters that end a value. In a path a value goes to the next parameter
// whatever is in it; in other text it also ends with its quotes.
const (
	inQuery = "&;#"
	inText  = "&; \t\r\n\"'<>"
)
