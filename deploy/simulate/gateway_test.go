package simulate_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// TestEveryGatewayWritesJSON: each record is one JSON object in one line, and names its token as Logged says.
func TestEveryGatewayWritesJSON(t *testing.T) {
	c := planned(5, 200)
	c.Gateways = simulate.Gateways()
	f := fleet(t, c)
	tokens, seen, n := f.Tokens(), map[string]int{}, 0
	for r := range f.All() {
		if n++; n%17 != 0 {
			continue
		}
		token := tokens[r.Token]
		seen[token.Gateway]++
		if !json.Valid(r.Value) || bytes.ContainsRune(r.Value, '\n') {
			t.Fatalf("%s: no JSON in one line: %s", token.Gateway, r.Value)
		}
		if !bytes.Contains(r.Value, []byte(token.Logged())) {
			t.Fatalf("%s: %s is not in %s", token.Gateway, token.Logged(), r.Value)
		}
		if token.Credential != "" && bytes.Contains(r.Value, []byte(token.Secret)) {
			t.Fatalf("%s: holds the token itself: %s", token.Gateway, r.Value)
		}
		if len(r.Value) > 3000 {
			t.Fatalf("%s: %d bytes: %s", token.Gateway, len(r.Value), r.Value)
		}
	}
	for _, name := range simulate.Gateways() {
		if seen[name] < 100 {
			t.Errorf("%s: only %d records looked at", name, seen[name])
		}
	}
}
