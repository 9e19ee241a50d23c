package apisix_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/apisix"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/schema"
)

// start stands in for APISIX's Admin API: a consumer with credentials. It returns what was deleted.
func start(t *testing.T, action apisix.Action, credentials ...string) (*apisix.Gateway, *[]string) {
	t.Helper()
	deleted := &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const jack = "/apisix/admin/consumers/jack"
		switch {
		case r.Header.Get("X-API-KEY") != "hush":
			w.WriteHeader(http.StatusUnauthorized)
		case r.Method == http.MethodGet && r.URL.Path == jack+"/credentials":
			var list []string
			for _, id := range credentials {
				if !slices.Contains(*deleted, jack+"/credentials/"+id) {
					list = append(list, fmt.Sprintf(`{"key":"/apisix/consumers/jack/credentials/%s","value":{"id":"%s","plugins":{"key-auth":{"key":"the-raw-key"}}}}`, id, id))
				}
			}
			fmt.Fprintf(w, `{"total":%d,"list":[%s]}`, len(list), strings.Join(list, ","))
		case r.Method == http.MethodDelete && strings.HasPrefix(r.URL.Path, jack) && !slices.Contains(*deleted, r.URL.Path):
			*deleted = append(*deleted, r.URL.Path)
			fmt.Fprintf(w, `{"deleted":"1","key":%q}`, r.URL.Path)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	cfg := apisix.DefaultConfig()
	cfg.URL, cfg.Token, cfg.Action = server.URL, "hush", action
	g, err := apisix.New(cfg, guard.Access{Allow: []string{"127.0.0.0/8"}})
	if err != nil {
		t.Fatal(err)
	}
	return g, deleted
}

func of(consumer string) alert.Order {
	return alert.Order{ID: "revoke-inc-1", Incident: schema.Incident{ID: "inc-1", Consumer: consumer}}
}

func TestRevokes(t *testing.T) {
	for _, c := range []struct {
		name        string
		action      apisix.Action
		consumer    string
		credentials []string
		said        string
		deleted     []string
	}{
		{"the only credential", apisix.DeleteCredential, "jack", []string{"one"}, "has deleted the credential one", []string{"/apisix/admin/consumers/jack/credentials/one"}},
		{"one of two", apisix.DeleteCredential, "jack", []string{"one", "two"}, "has 2 credentials", nil},
		{"none", apisix.DeleteCredential, "jack", nil, "no credential of its own", nil},
		{"of a stranger", apisix.DeleteCredential, "jill", nil, "no credential of its own", nil},
		{"of nobody", apisix.DeleteCredential, "", nil, "do not name the consumer", nil},
		{"the consumer", apisix.DeleteConsumer, "jack", []string{"one", "two"}, "has deleted the consumer jack", []string{"/apisix/admin/consumers/jack"}},
		{"a consumer that is gone", apisix.DeleteConsumer, "jill", nil, "no such consumer (any more)", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, deleted := start(t, c.action, c.credentials...)
			said, err := g.Revoke(t.Context(), of(c.consumer))
			if text := said + fmt.Sprint(err); !strings.Contains(text, c.said) || strings.Contains(text, "the-raw-key") {
				t.Errorf("said %q, error %v", said, err)
			}
			if !slices.Equal(*deleted, c.deleted) {
				t.Errorf("deleted %q, want %q", *deleted, c.deleted)
			}
		})
	}
}

func TestRestoreSaysWhatToDo(t *testing.T) {
	g, _ := start(t, apisix.DeleteCredential)
	_, err := g.Restore(t.Context(), of("jack"))
	var refused alert.Permanent
	if !errors.As(err, &refused) || refused.Fix == "" {
		t.Errorf("error %v", err)
	}
	if err := g.Check(t.Context()); err == nil { // the stand-in lists no consumers
		t.Error("a 404 passes the check")
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	for key, spoil := range map[string]func(*apisix.Config){
		"revoke.apisix.url":     func(c *apisix.Config) { c.URL = "" },
		"revoke.apisix.token":   func(c *apisix.Config) { c.Token = "" },
		"revoke.apisix.action":  func(c *apisix.Config) { c.Action = "disable_consumer" },
		"revoke.apisix.timeout": func(c *apisix.Config) { c.Timeout = 0 },
	} {
		cfg := apisix.DefaultConfig()
		cfg.URL, cfg.Token = "http://apisix:9180", "hush"
		if err := cfg.Validate(); err != nil {
			t.Fatal(err)
		}
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
