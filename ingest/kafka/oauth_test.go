package kafka_test

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func signIn(t *testing.T, o kafka.OAuth) (start func(context.Context) (string, error), next func(string) (bool, error)) {
	t.Helper()
	start, next, err := kafka.SASL{Mechanism: "OAUTHBEARER", OAuth: o}.SignIn(5 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return start, next
}

// The messages are those of RFC 7628 and KIP-342.
func TestBearerMessages(t *testing.T) {
	start, next := signIn(t, kafka.OAuth{Token: "abc.def-_~+/==", Extensions: []string{"logicalCluster=lkc-1", "identityPoolId=pool-2"}})
	if first, err := start(t.Context()); first != "n,,\x01auth=Bearer abc.def-_~+/==\x01logicalCluster=lkc-1\x01identityPoolId=pool-2\x01\x01" || err != nil {
		t.Errorf("begins with %q, %v", first, err)
	}
	if done, err := next(""); !done || err != nil {
		t.Errorf("accepted: %v, %v", done, err)
	}
	for answer, want := range map[string]string{
		`{"status":"invalid_token","scope":"kafka"}`: `the broker refused the token: "invalid_token", scope "kafka"`,
		"go away": "the broker refused the token",
	} {
		if done, err := next(answer); done || err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v", answer, done, err)
		}
	}
}

// A token file is read again for each connection.
func TestTokenFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	start, _ := signIn(t, kafka.OAuth{TokenFile: file})
	if _, err := start(t.Context()); err == nil || !strings.Contains(err.Error(), "kafka.sasl.token_file: ") {
		t.Errorf("without a file: %v", err)
	}
	for _, token := range []string{"first", "second"} {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if first, err := start(t.Context()); !strings.Contains(first, "auth=Bearer "+token+"\x01") || err != nil {
			t.Errorf("%q, %v", first, err)
		}
	}
	if err := os.WriteFile(file, []byte("not\x01a=token"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := start(t.Context()); err == nil || strings.Contains(err.Error(), "a=token") {
		t.Errorf("not a token: %v", err)
	}
}

// grants is a token endpoint that numbers its tokens.
type grants struct {
	n      atomic.Int32
	life   atomic.Int64 // seconds
	broken atomic.Bool
}

func (g *grants) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	switch {
	case g.broken.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "hush-hush")
	case id != "a%3Ab" || secret != "s%26cret" || r.FormValue("scope") != "kafka.read" || r.FormValue("grant_type") != "client_credentials":
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":"invalid_client","error_description":"hush-hush"}`)
	default:
		_, _ = fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":%d}`, g.n.Add(1), g.life.Load())
	}
}

func TestTokenEndpoint(t *testing.T) {
	g := &grants{}
	server := httptest.NewTLSServer(g)
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	o := kafka.OAuth{TokenURL: server.URL, ClientID: "a:b", ClientSecret: "s&cret", Scope: "kafka.read", TokenCAFile: ca}
	start, _ := signIn(t, o)
	want := func(token string) {
		t.Helper()
		if first, err := start(t.Context()); !strings.Contains(first, "Bearer "+token+"\x01") || err != nil {
			t.Errorf("want %s, have %q, %v", token, first, err)
		}
	}

	g.life.Store(3600)
	var all sync.WaitGroup
	for range 20 { // connections that begin at the same time
		all.Go(func() { want("token-1") })
	}
	all.Wait()

	g.life.Store(2) // renewed after 1.6 s
	start, _ = signIn(t, o)
	want("token-2")
	begun := time.Now()
	g.broken.Store(true)
	eventually(t, "the old token goes on for as long as it is valid, and not longer", func() bool {
		_, err := start(t.Context())
		return err != nil
	})
	if age := time.Since(begun); age < 1900*time.Millisecond {
		t.Errorf("given up after %s", age)
	}
	g.broken.Store(false)
	want("token-3")

	g.broken.Store(true)
	for name, c := range map[string]struct {
		spoil func(*kafka.OAuth)
		want  string
	}{
		"unavailable":         {func(*kafka.OAuth) {}, "status 503: no reason given"},
		"an unknown CA":       {func(o *kafka.OAuth) { o.TokenCAFile = "" }, "x509: "},
		"wrong secret":        {func(o *kafka.OAuth) { g.broken.Store(false); o.ClientSecret = "other" }, "status 401: invalid_client"},
		"nobody there":        {func(o *kafka.OAuth) { o.TokenURL = "https://127.0.0.1:1/token" }, "connection refused"},
		"sent somewhere else": {func(o *kafka.OAuth) { o.TokenURL = redirect(t, server.URL) }, "status 307"},
	} {
		g.broken.Store(true)
		bad := o
		c.spoil(&bad)
		start, _ := signIn(t, bad)
		_, err := start(t.Context())
		if err == nil || !strings.Contains(err.Error(), "kafka.sasl.token_url: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: want %q, have %v", name, c.want, err)
		}
		for _, secret := range []string{"hush", "cret", "other"} {
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error shows %q: %v", name, secret, err)
			}
		}
	}
}

// What keeps the token away is told from a broker that refuses it, and from trouble that passes.
func TestNoTokenIsBlamedOnTheEndpoint(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	g := &grants{}
	server := httptest.NewServer(g)
	defer server.Close()
	cfg.SASL = kafka.SASL{Mechanism: "OAUTHBEARER", OAuth: kafka.OAuth{TokenURL: server.URL, ClientID: "a:b", ClientSecret: "wrong"}}
	refuseBearer(cluster)
	for _, broken := range []bool{false, true} {
		g.broken.Store(broken)
		err := kafka.Check(t.Context(), cfg)
		if err == nil || !strings.HasPrefix(err.Error(), "kafka.sasl: not signed in to "+cfg.Brokers[0]) || !strings.Contains(err.Error(), "kafka.sasl.token_url: ") {
			t.Fatalf("broken %v: %v", broken, err)
		}
		if kafka.Passing(err) != broken {
			t.Errorf("broken %v: Passing is %v of %v", broken, !broken, err)
		}
	}
}

// refuseBearer has the broker take part in the handshake for OAUTHBEARER, which kfake does not know.
func refuseBearer(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.SASLHandshake), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return r.ResponseKind(), nil, true
	})
}

func redirect(t *testing.T, to string) string {
	server := httptest.NewServer(http.RedirectHandler(to, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	return server.URL
}

func TestGrants(t *testing.T) {
	jwt := "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(time.Hour).Unix())) + ".c2ln"
	for body, want := range map[string]struct {
		token string
		life  float64 // seconds, about
	}{
		`{"access_token":"t","expires_in":60}`:           {"t", 60},
		`{"access_token":"t","expires_in":"60"}`:         {"t", 60},
		`{"access_token":"t"}`:                           {"t", 300},
		`{"access_token":"t","expires_in":-5}`:           {"t", 300},
		`{"access_token":"a.!!!.c"}`:                     {"", 0},
		`{"access_token":"a.e30.c"}`:                     {"a.e30.c", 300},
		`{"access_token":"` + jwt + `"}`:                 {jwt, 3600},
		`{"access_token":"` + jwt + `","expires_in":60}`: {jwt, 60},
		`{"access_token":"two words","expires_in":60}`:   {"", 0},
		`{"id_token":"t"}`:                               {"", 0},
		`[]`:                                             {"", 0},
		``:                                               {"", 0},
	} {
		token, life, err := kafka.Grant(http.StatusOK, []byte(body))
		if token != want.token || life < want.life-5 || life > want.life || (err == nil) != (want.token != "") {
			t.Errorf("%s: token %q for %v s, %v", body, token, life, err)
		}
	}
}

// Whatever a token endpoint answers, what it is taken for can stand in the message to the broker.
func FuzzGrant(f *testing.F) {
	f.Add(200, []byte(`{"access_token":"t","expires_in":60}`))
	f.Add(400, []byte(`{"error":"invalid_scope"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		token, life, err := kafka.Grant(status, body)
		if err == nil && (token == "" || strings.ContainsAny(token, "\x01 \n") || life < 0) {
			t.Errorf("token %q for %v s", token, life)
		}
	})
}
