package ingest

import "bytes"

// secretName reports whether a name, or what stands in its brackets, says that its value is a secret: password, user[code][0].
func (s *Scrubber) secretName(name []byte) bool {
	if s.secretWord(name) {
		return true
	}
	if len(name) == 0 || name[len(name)-1] != ']' {
		return false
	}
	for i := bytes.LastIndexByte(name, '['); i >= 0; i = bytes.LastIndexByte(name[:i], '[') {
		if s.secretWord(name[i+1 : until(name, i+1, "]")]) {
			return true
		}
	}
	return false
}

// secretWord reports it of a name as a whole. Case and separators do not matter, nor which of several it is: X-Api-Key, apikey, API_KEY
// and api_key_2 are one.
func (s *Scrubber) secretWord(name []byte) bool {
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
	for len(flat) > 1 && flat[len(flat)-1]-'0' < 10 {
		flat = flat[:len(flat)-1]
	}
	switch string(flat) {
	case "key", "sig", "pwd", "pw", "psw", "pass", "code", "pin", "otp", "totp", "sid", "connectsid", "sas", "psk", "ticket":
		return true
	case "maxtokens", "totaltokens", "prompttokens", "completiontokens":
		return false
	}
	for i, c := range flat {
		for _, mark := range marksBy[c] {
			if bytes.HasPrefix(flat[i:], []byte(mark)) && !writes(flat[i:]) {
				return true
			}
		}
	}
	one := flat // of several
	if len(flat) > 3 && flat[len(flat)-1] == 's' && flat[len(flat)-2] != 's' {
		one = flat[:len(flat)-1]
	}
	for _, end := range secretEnds {
		if bytes.HasSuffix(one, []byte(end)) {
			return true
		}
	}
	return s.named(name)
}

// writes reports whether a name goes on as an author's does, author_id, and not as authorization or authorisation.
func writes(flat []byte) bool {
	const author = "author"
	if !bytes.HasPrefix(flat, []byte(author)) {
		return false
	}
	rest := flat[len(author):]
	return len(rest) < 2 || rest[0] != 'i' || rest[1] != 'z' && rest[1] != 's'
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
	"cookie", "jwt", "bearer", "accesskey", "privatekey", "certificate", "passphrase", "passcode", "sessid", "saml", "assertion",
	"hmac", "csrf", "xsrf", "verifier",
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
