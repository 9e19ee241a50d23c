package push

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// doorman knows the tokens of those who may send, by their hashes: comparing those takes the same time whatever is shown.
type doorman [][sha256.Size]byte

func newDoorman(tokens []string) doorman {
	d := make(doorman, len(tokens))
	for i, token := range tokens {
		d[i] = sha256.Sum256([]byte(token))
	}
	return d
}

// admits reports whether a request shows one of the tokens.
func (d doorman) admits(r *http.Request) bool {
	shown := sha256.Sum256([]byte(credential(r)))
	known := 0
	for i := range d {
		known |= subtle.ConstantTimeCompare(shown[:], d[i][:])
	}
	return known == 1
}

// credential is what a request shows: behind Bearer or a similar word, the password of Basic (Kong and Fluent Bit know no
// other way), or bare, as Cloudflare and APISIX send whatever they are given. It never comes from the URL, which
// everything on the way logs.
func credential(r *http.Request) string {
	if user, password, ok := r.BasicAuth(); ok {
		if password == "" {
			return user
		}
		return password
	}
	header := strings.TrimSpace(r.Header.Get("Authorization"))
	if header == "" {
		return strings.TrimSpace(r.Header.Get("X-API-Key"))
	}
	scheme, rest, found := strings.Cut(header, " ")
	if !found {
		return header
	}
	switch strings.ToLower(scheme) {
	case "bearer", "token", "apikey", "api-key":
		return strings.TrimSpace(rest)
	}
	return header
}

// inURL reports whether a credential was put where it does not belong.
func inURL(r *http.Request) bool {
	query := r.URL.Query()
	for _, name := range []string{"token", "access_token", "api_key", "apikey", "key"} {
		if query.Has(name) {
			return true
		}
	}
	return false
}
