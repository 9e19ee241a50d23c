package format

import "bytes"

// isCredential tells a credential by its looks: a scheme with something behind it, an
// issuer's prefix, or a long run of letters and digits that is neither an id nor a word.
func isCredential(v []byte) bool {
	scheme, rest, found := bytes.Cut(v, []byte(" "))
	if found {
		return len(rest) >= 8 && isScheme(scheme)
	}
	for _, prefix := range issued {
		if len(v) >= len(prefix)+12 && bytes.HasPrefix(v, []byte(prefix)) {
			return true
		}
	}
	return isRandom(v)
}

func isScheme(b []byte) bool {
	for _, scheme := range []string{"bearer", "basic", "token", "apikey"} {
		if bytes.EqualFold(b, []byte(scheme)) {
			return true
		}
	}
	return false
}

// issued are prefixes of tokens that nothing else begins with.
var issued = [...]string{
	"hf_", "sk-", "sk_", "pk_", "rk_", "ghp_", "gho_", "ghu_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "gsk_", "npm_", "pypi-", "AKIA", "ASIA", "AIza", "eyJ",
}

// isRandom tells a key that was drawn at random: 20 characters or more, letters and
// digits mixed up, not hexadecimal, since ids of requests are.
func isRandom(v []byte) bool {
	if len(v) < 20 || isID(v) {
		return false
	}
	letters, numbers, turns := 0, 0, 0
	wasDigit := false
	for i, c := range v {
		isDigit := c-'0' <= 9
		switch {
		case isDigit:
			numbers++
		case c|0x20-'a' < 26:
			letters++
		case c == '_' || c == '-':
			continue
		default:
			return false
		}
		if i > 0 && isDigit != wasDigit {
			turns++
		}
		wasDigit = isDigit
	}
	return letters >= 8 && numbers >= 3 && turns >= 4
}
