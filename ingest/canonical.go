package ingest

import (
	"bytes"
	"encoding/base64"
)

// canonical strips a credential of how it was sent, so that the same key has the same
// fingerprint wherever it stands:
//
//	Bearer hf_abc, Token hf_abc, ApiKey hf_abc, "hf_abc"   hf_abc
//	Token token="abc"                                       abc
//	Basic base64(user:password)                             user:password
//	Basic base64(sk_abc:) or base64(:sk_abc)                sk_abc, as Stripe and others have it
//	AWS4-HMAC-SHA256 Credential=AKIA.../..., Signature=...  AKIA...; the rest changes with every request
func canonical(raw []byte) []byte {
	if key := raw[min(len(bearer), len(raw)):]; string(raw[:len(raw)-len(key)]) == bearer && bare(key) {
		return key // nearly always
	}
	raw = bytes.TrimSpace(raw)
	scheme, rest, ok := bytes.Cut(raw, []byte(" "))
	if !ok {
		return bytes.Trim(raw, `"`)
	}
	rest = bytes.TrimSpace(rest)
	switch {
	case is(scheme, "bearer"), is(scheme, "apikey"), is(scheme, "api-key"), is(scheme, "key"), is(scheme, "token"):
		if len(rest) > 6 && is(rest[:6], "token=") {
			rest = rest[6:]
		}
		return bytes.Trim(rest, `"`)
	case is(scheme, "basic"):
		return basic(rest)
	case is(scheme, "aws4-hmac-sha256"):
		return accessKey(rest)
	}
	return raw
}

const bearer = "Bearer "

// bare reports whether nothing stands around a key that canonical would have to strip; "token=" begins as few keys do.
func bare(key []byte) bool {
	return len(key) > 0 && edge(key[0]) && key[0]|0x20 != 't' && edge(key[len(key)-1])
}

func edge(c byte) bool { return c > ' ' && c < 0x7f && c != '"' }

func is(b []byte, word string) bool { return len(b) == len(word) && bytes.EqualFold(b, []byte(word)) }

func basic(encoded []byte) []byte {
	decoded, err := base64.RawStdEncoding.AppendDecode(nil, bytes.TrimRight(encoded, "="))
	user, password, ok := bytes.Cut(decoded, []byte(":"))
	switch {
	case err != nil || !ok:
		return encoded
	case len(password) == 0:
		return user
	case len(user) == 0:
		return password
	}
	return decoded
}

func accessKey(signed []byte) []byte {
	_, rest, ok := bytes.Cut(signed, []byte("Credential="))
	if !ok {
		return signed
	}
	key, _, _ := bytes.Cut(rest, []byte("/"))
	return key
}
