package kong_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/alert/kong"
	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	first  = "4d924084-1adb-40a5-c042-63b19db421d1"
	second = "62a7d3b7-b995-49f9-c9c8-bac4d781fb59"
)

// admin stands in for Kong's Admin API, as far as its documentation goes.
type admin struct {
	mu          sync.Mutex
	consumers   map[string]string            // id by name
	custom      map[string]string            // id by custom_id
	credentials map[string]map[string]string // keys by id, by consumer's id
	plugins     map[string]map[string]any    // by id
	of          map[string]string            // consumer's id by plugin
	calls       []string
	status      int
}

func newAdmin() *admin {
	return &admin{
		consumers:   map[string]string{"acme": "c-1"},
		custom:      map[string]string{"customer 42": "c-1"},
		credentials: map[string]map[string]string{"c-1": {first: "the-raw-key-one", second: "the-raw-key-two"}},
		plugins:     map[string]map[string]any{"p-0": {"id": "p-0", "name": "request-termination", "tags": []string{"somebody else's"}}},
		of:          map[string]string{"p-0": "c-1"},
	}
}

func (a *admin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, r.Method+" "+r.URL.RequestURI())
	if a.status != 0 || r.Header.Get("Kong-Admin-Token") != "hush" {
		w.WriteHeader(max(a.status, http.StatusUnauthorized))
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "key-auths" && len(parts) == 3 {
		for consumer, keys := range a.credentials {
			if _, has := keys[parts[1]]; has {
				reply(w, 200, map[string]any{"id": consumer})
				return
			}
		}
		reply(w, 404, nil)
		return
	}
	if len(parts) == 1 {
		data := []any{}
		if id := a.custom[r.URL.Query().Get("custom_id")]; id != "" {
			data = append(data, map[string]any{"id": id})
		}
		reply(w, 200, map[string]any{"data": data, "next": nil})
		return
	}
	id := parts[1]
	if named := a.consumers[id]; named != "" {
		id = named
	}
	if a.credentials[id] == nil {
		reply(w, 404, map[string]string{"message": "Not found"})
		return
	}
	a.consumer(w, r, id, parts[2:])
}

func (a *admin) consumer(w http.ResponseWriter, r *http.Request, id string, rest []string) {
	switch {
	case len(rest) == 0 && r.Method == http.MethodDelete:
		delete(a.credentials, id)
		reply(w, 204, nil)
	case len(rest) == 0:
		reply(w, 200, map[string]any{"id": id})
	case rest[0] == "key-auth" && len(rest) == 1:
		data := []any{}
		for credential, key := range a.credentials[id] {
			data = append(data, map[string]any{"id": credential, "key": key})
		}
		reply(w, 200, map[string]any{"data": data})
	case rest[0] == "key-auth":
		if _, has := a.credentials[id][rest[1]]; !has {
			reply(w, 404, nil)
			return
		}
		delete(a.credentials[id], rest[1])
		reply(w, 204, nil)
	case rest[0] == "plugins" && r.Method == http.MethodPost:
		var plugin map[string]any
		_ = json.NewDecoder(r.Body).Decode(&plugin)
		if a.of["p-1"] == id {
			reply(w, 409, map[string]string{"message": "UNIQUE violation"})
			return
		}
		plugin["id"] = "p-1"
		a.plugins["p-1"], a.of["p-1"] = plugin, id
		reply(w, 201, plugin)
	case rest[0] == "plugins" && len(rest) == 1:
		data := []any{}
		for plugin, of := range a.of {
			if of == id {
				data = append(data, a.plugins[plugin])
			}
		}
		reply(w, 200, map[string]any{"data": data})
	case rest[0] == "plugins":
		delete(a.plugins, rest[1])
		delete(a.of, rest[1])
		reply(w, 204, nil)
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

func gateway(t *testing.T, a *admin, action kong.Action) *kong.Gateway {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	cfg := kong.DefaultConfig()
	cfg.URL, cfg.Token, cfg.Action = server.URL, "hush", action
	g, err := kong.New(cfg, guard.Access{Allow: []string{"127.0.0.0/8"}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func of(credential, consumer string) alert.Order {
	return alert.Order{ID: "revoke-inc-1", Incident: schema.Incident{ID: "inc-1", Credential: credential, Consumer: consumer}}
}

func TestDeletesTheCredential(t *testing.T) {
	for _, c := range []struct {
		name, credential, consumer string
		change                     func(*admin)
		said                       string // or the error
		left                       []string
	}{
		{"that the records name", first, "acme", nil, "Kong has deleted the credential " + first, []string{second}},
		{"whose consumer has another name here", first, "customer 42", nil, "Kong has deleted the credential " + first, []string{second}},
		{"whose consumer is not named", first, "", nil, "Kong has deleted the credential " + first, []string{second}},
		{"that is gone", "00000000-1adb-40a5-c042-63b19db421d1", "acme", nil, "no such credential (any more)", []string{first, second}},
		{"of two that nobody names", "", "acme", nil, "has 2 credentials in Kong, and the records do not name the one: log authenticated_entity.id", []string{first, second}},
		{"the only one", "", "acme", func(a *admin) { delete(a.credentials["c-1"], second) }, "Kong has deleted the credential " + first, nil},
		{"the only one, of another name", "", "customer 42", func(a *admin) { delete(a.credentials["c-1"], second) }, "Kong has deleted the credential " + first, nil},
		{"of one who has none", "", "acme", func(a *admin) { clear(a.credentials["c-1"]) }, "has no key-auth credential in Kong", nil},
		{"of nobody", "", "", nil, "name neither the credential nor its consumer", []string{first, second}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAdmin()
			if c.change != nil {
				c.change(a)
			}
			said, err := gateway(t, a, kong.DeleteCredential).Revoke(t.Context(), of(c.credential, c.consumer))
			if text := said + fmt.Sprint(err); !strings.Contains(text, c.said) || strings.Contains(text, "the-raw-key") {
				t.Errorf("said %q, error %v", said, err)
			}
			var left []string
			for id := range a.credentials["c-1"] {
				left = append(left, id)
			}
			if slices.Sort(left); !slices.Equal(left, c.left) {
				t.Errorf("left are %q, want %q; calls %q", left, c.left, a.calls)
			}
		})
	}
}

// A consumer is disabled, once, and let in again; what others did to it stays.
func TestDisablesTheConsumer(t *testing.T) {
	a := newAdmin()
	g := gateway(t, a, kong.DisableConsumer)
	for range 2 {
		if said, err := g.Revoke(t.Context(), of(first, "acme")); err != nil || !strings.Contains(said, "refuses") {
			t.Fatalf("said %q, error %v", said, err)
		}
	}
	plugin := a.plugins["p-1"]
	if config, _ := plugin["config"].(map[string]any); plugin["name"] != "request-termination" || config["status_code"] != 403.0 {
		t.Errorf("plugin %v", plugin)
	}
	for range 2 {
		if _, err := g.Restore(t.Context(), of(first, "acme")); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.plugins) != 1 || a.plugins["p-0"] == nil {
		t.Errorf("plugins that are left: %v", a.plugins)
	}
}

func TestDeletesTheConsumer(t *testing.T) {
	a := newAdmin()
	g := gateway(t, a, kong.DeleteConsumer)
	for range 2 {
		if _, err := g.Revoke(t.Context(), of("", "acme")); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.credentials) != 0 {
		t.Error("it is still there")
	}
	var refused alert.Permanent
	if _, err := g.Restore(t.Context(), of("", "acme")); !errors.As(err, &refused) {
		t.Errorf("error %v", err)
	}
}

func TestAnswers(t *testing.T) {
	for status, permanent := range map[int]bool{401: true, 403: true, 400: true, 302: true, 500: false, 502: false, 408: false} {
		a := newAdmin()
		a.status = status
		g := gateway(t, a, kong.DeleteCredential)
		_, err := g.Revoke(t.Context(), of(first, "acme"))
		var refused alert.Permanent
		if err == nil || errors.As(err, &refused) != permanent || strings.Contains(err.Error(), "hush") {
			t.Errorf("HTTP %d: error %v", status, err)
		}
		if err := g.Check(t.Context()); err == nil {
			t.Errorf("HTTP %d passes the check", status)
		}
	}
	cfg := kong.DefaultConfig()
	cfg.URL = "http://127.0.0.1:1"
	g, err := kong.New(cfg, guard.Access{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Revoke(t.Context(), of(first, "acme")); err == nil || !strings.Contains(err.Error(), "revoke.allow") {
		t.Errorf("an address that is not public: %v", err)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	for key, spoil := range map[string]func(*kong.Config){
		"revoke.kong.url":     func(c *kong.Config) { c.URL = "http://user:hush@x" },
		"revoke.kong.action":  func(c *kong.Config) { c.Action = "shout" },
		"revoke.kong.plugin":  func(c *kong.Config) { c.Plugin = "" },
		"revoke.kong.timeout": func(c *kong.Config) { c.Timeout = 0 },
	} {
		cfg := kong.DefaultConfig()
		cfg.URL = "http://kong:8001"
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
