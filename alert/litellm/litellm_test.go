package litellm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/alert/litellm"
	"github.com/tokenwatch/tokenwatch/schema"
)

var hash = strings.Repeat("0f", 32)

// start stands in for the proxy: it has one key. stubborn does not do what it is told.
func start(t *testing.T, status int, stubborn bool) (*litellm.Gateway, *bool) {
	t.Helper()
	blocked := new(bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Key string }
		_ = json.NewDecoder(r.Body).Decode(&body)
		switch {
		case status != 0:
			w.WriteHeader(status)
		case r.Header.Get("Authorization") != "Bearer hush":
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method != http.MethodPost || body.Key != hash:
			w.WriteHeader(http.StatusNotFound)
		default:
			*blocked = r.URL.Path == "/key/block" && !stubborn
			fmt.Fprintf(w, `{"token":%q,"blocked":%v}`, hash, *blocked)
		}
	}))
	t.Cleanup(server.Close)
	cfg := litellm.DefaultConfig()
	cfg.URL, cfg.Token = server.URL, "hush"
	g, err := litellm.New(cfg, guard.Access{Allow: []string{"127.0.0.0/8"}})
	if err != nil {
		t.Fatal(err)
	}
	return g, blocked
}

func of(credential string) alert.Order {
	return alert.Order{ID: "revoke-inc-1", Incident: schema.Incident{ID: "inc-1", Credential: credential}}
}

func TestBlocksAndUnblocks(t *testing.T) {
	g, blocked := start(t, 0, false)
	for range 2 { // twice changes nothing
		if said, err := g.Revoke(t.Context(), of(hash)); err != nil || said != "LiteLLM has blocked the key" || !*blocked {
			t.Fatalf("said %q, error %v, blocked %v", said, err, *blocked)
		}
	}
	if said, err := g.Restore(t.Context(), of(hash)); err != nil || said != "LiteLLM has unblocked the key" || *blocked {
		t.Fatalf("said %q, error %v, blocked %v", said, err, *blocked)
	}
	if err := g.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, credential string
		status           int
		stubborn         bool
		permanent        bool
		want             string
	}{
		{"no hash", "", 0, false, true, "user_api_key_hash"},
		{"another key", "ab", 0, false, true, "HTTP 404"},
		{"not allowed", hash, 401, false, true, "revoke.litellm.token"},
		{"broken", hash, 500, false, false, "HTTP 500"},
		{"it says that it did not", hash, 0, true, false, "blocked is false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _ := start(t, c.status, c.stubborn)
			_, err := g.Revoke(t.Context(), of(c.credential))
			var refused alert.Permanent
			if err == nil || errors.As(err, &refused) != c.permanent || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	for key, spoil := range map[string]func(*litellm.Config){
		"revoke.litellm.url":     func(c *litellm.Config) { c.URL = "litellm:4000" },
		"revoke.litellm.token":   func(c *litellm.Config) { c.Token = "" },
		"revoke.litellm.timeout": func(c *litellm.Config) { c.Timeout = 0 },
	} {
		cfg := litellm.DefaultConfig()
		cfg.URL, cfg.Token = "http://litellm:4000", "hush"
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
