package kafka_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local/realkafka"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// TestSecurityOfApache reads and writes through every door of a real broker: each way to sign in, with and without TLS, and
// mutual TLS.
func TestSecurityOfApache(t *testing.T) {
	if !realkafka.Wanted() {
		t.Skip("needs a broker with every way to sign in; `make test-kafka` runs this with Apache Kafka")
	}
	signer := newSigner(t)
	dir := t.TempDir()
	server, client := certificate(t, dir, "server"), certificate(t, dir, "client")
	stranger := certificate(t, dir, "stranger")
	_, _, _ = server, client, stranger
	node := securedApache(t, dir, signer)

	ca, mutual := kafka.TLS{CAFile: filepath.Join(dir, "server.pem")}, kafka.TLS{
		CAFile: filepath.Join(dir, "server.pem"), CertFile: filepath.Join(dir, "client.pem"), KeyFile: filepath.Join(dir, "client.key"),
	}
	unknown := mutual
	unknown.CertFile, unknown.KeyFile = filepath.Join(dir, "stranger.pem"), filepath.Join(dir, "stranger.key")
	password := func(mechanism, secret string) kafka.SASL {
		return kafka.SASL{Mechanism: mechanism, Username: "watcher", Password: kafka.Secret(secret)}
	}
	bearer := func(token string) kafka.SASL {
		return kafka.SASL{Mechanism: "OAUTHBEARER", OAuth: kafka.OAuth{Token: kafka.Secret(token)}}
	}
	endpoint := signer.endpoint(t, time.Hour, nil)
	grant := kafka.OAuth{TokenURL: endpoint.URL, ClientID: "watcher", ClientSecret: "s3cret", Scope: "kafka"}
	n := 0
	for name, c := range map[string]struct {
		protocol string
		tls      kafka.TLS
		sasl     kafka.SASL
		refused  string // the beginning of the error; empty when all is well
	}{
		"PLAIN":                            {"SASL_PLAINTEXT", kafka.TLS{}, password("PLAIN", "s3cret"), ""},
		"PLAIN, wrong password":            {"SASL_PLAINTEXT", kafka.TLS{}, password("PLAIN", "other"), "kafka.sasl: the broker refused watcher"},
		"SCRAM-SHA-256":                    {"SASL_PLAINTEXT", kafka.TLS{}, password("SCRAM-SHA-256", "s3cret"), ""},
		"SCRAM-SHA-256, wrong password":    {"SASL_PLAINTEXT", kafka.TLS{}, password("SCRAM-SHA-256", "other"), "kafka.sasl: the broker refused watcher"},
		"SCRAM-SHA-512":                    {"SASL_PLAINTEXT", kafka.TLS{}, password("SCRAM-SHA-512", "s3cret"), ""},
		"SCRAM-SHA-512, wrong password":    {"SASL_PLAINTEXT", kafka.TLS{}, password("SCRAM-SHA-512", "other"), "kafka.sasl: the broker refused watcher"},
		"OAUTHBEARER, token":               {"SASL_PLAINTEXT", kafka.TLS{}, bearer(signer.token(time.Hour)), ""},
		"OAUTHBEARER, client credentials":  {"SASL_PLAINTEXT", kafka.TLS{}, kafka.SASL{Mechanism: "OAUTHBEARER", OAuth: grant}, ""},
		"OAUTHBEARER, expired":             {"SASL_PLAINTEXT", kafka.TLS{}, bearer(signer.token(-time.Hour)), "kafka.sasl: the broker refused the token"},
		"OAUTHBEARER, of somebody else":    {"SASL_PLAINTEXT", kafka.TLS{}, bearer(newSigner(t).token(time.Hour)), "kafka.sasl: the broker refused the token"},
		"SASL_SSL with SCRAM-SHA-512":      {"SASL_SSL", ca, password("SCRAM-SHA-512", "s3cret"), ""},
		"SASL_SSL with OAUTHBEARER":        {"SASL_SSL", ca, bearer(signer.token(time.Hour)), ""},
		"SASL_SSL, wrong password":         {"SASL_SSL", ca, password("SCRAM-SHA-512", "other"), "kafka.sasl: the broker refused watcher"},
		"mutual TLS":                       {"SSL", mutual, kafka.SASL{}, ""},
		"mutual TLS without a certificate": {"SSL", ca, kafka.SASL{}, "kafka.tls: "},
		"mutual TLS with a stranger's":     {"SSL", unknown, kafka.SASL{}, "kafka.tls: "},
		"TLS to a broker nobody vouches for": {"SASL_SSL", kafka.TLS{CAFile: filepath.Join(dir, "client.pem")},
			password("PLAIN", "s3cret"), "kafka.tls: "},
		"no TLS where it is wanted": {"SSL", kafka.TLS{}, kafka.SASL{}, "kafka.brokers: "},
	} {
		n++
		cfg := patient(node.AddressOf(c.protocol))
		cfg.Topic, cfg.Group = fmt.Sprintf("secured.%d", n), fmt.Sprintf("secured-%d", n)
		cfg.TLS, cfg.SASL = c.tls, c.sasl
		t.Run(name, func(t *testing.T) {
			open := patient(node.Address())
			open.Topic = cfg.Topic
			if err := kafka.EnsureTopic(t.Context(), open, 1); err != nil {
				t.Fatal(err)
			}
			if c.refused == "" {
				roundTrip(t, cfg)
				return
			}
			err := kafka.Check(t.Context(), cfg)
			if err == nil || !strings.HasPrefix(err.Error(), c.refused) {
				t.Fatalf("want an error that begins with %q, have: %v", c.refused, err)
			}
			if kafka.Passing(err) && c.protocol != "SSL" {
				t.Errorf("passes for trouble that will pass: %v", err)
			}
			for _, secret := range []string{"other", string(cfg.SASL.Token)} {
				if secret != "" && strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

// A broker that ends connections whose token has run out is signed in to again, with a new token, and nothing is lost.
func TestTokensRunOutOnApache(t *testing.T) {
	if !realkafka.Wanted() {
		t.Skip("needs a broker that takes tokens; `make test-kafka` runs this with Apache Kafka")
	}
	signer := newSigner(t)
	dir := t.TempDir()
	for _, name := range []string{"server", "client"} {
		certificate(t, dir, name)
	}
	node := securedApache(t, dir, signer)
	var grants atomic.Int32
	endpoint := signer.endpoint(t, 3*time.Second, &grants)
	cfg := patient(node.AddressOf("SASL_PLAINTEXT"))
	cfg.SASL = kafka.SASL{Mechanism: "OAUTHBEARER", OAuth: kafka.OAuth{TokenURL: endpoint.URL, ClientID: "watcher", ClientSecret: "s3cret"}}
	open := patient(node.Address())
	if err := kafka.EnsureTopic(t.Context(), open, 1); err != nil {
		t.Fatal(err)
	}
	got := newRecorder()
	consumer, _ := consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		from, _, err := claim.Committed(ctx)
		if err != nil {
			return err
		}
		deliver := got.deliver(0)
		return claim.Fetch(ctx, from, func(offset int64, at time.Time, value []byte) error {
			if err := deliver(offset, at, value); err != nil {
				return err
			}
			return claim.Commit(ctx, offset+1, "")
		})
	})
	for n := 0; grants.Load() < 4; n++ {
		produce(t, open, fmt.Sprint(n))
		eventually(t, "the record", func() bool { return got.last(0) == int64(n) })
	}
	eventually(t, "no trouble", func() bool { return consumer.Trouble() == nil })
}

// securedApache is a broker with every listener: passwords in the clear and under TLS, and mutual TLS.
func securedApache(t *testing.T, dir string, signer *signer) *realkafka.Broker {
	t.Helper()
	jwks := filepath.Join(dir, "jwks.json")
	pem := filepath.Join(dir, "keystore.pem")
	if err := os.WriteFile(jwks, signer.jwks(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var both []byte
	for _, file := range []string{"server.key", "server.pem"} {
		part, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, part...)
	}
	if err := os.WriteFile(pem, both, 0o600); err != nil {
		t.Fatal(err)
	}
	properties := map[string]string{
		"sasl.enabled.mechanisms":           "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		"ssl.keystore.type":                 "PEM",
		"ssl.keystore.location":             pem,
		"ssl.truststore.type":               "PEM",
		"ssl.truststore.location":           filepath.Join(dir, "client.pem"),
		"ssl.client.auth":                   "none",
		"connections.max.reauth.ms":         "60000",
		"listener.name.ssl.ssl.client.auth": "required",
	}
	for _, listener := range []string{"sasl_plaintext", "sasl_ssl"} {
		at := "listener.name." + listener + "."
		properties[at+"plain.sasl.jaas.config"] = `org.apache.kafka.common.security.plain.PlainLoginModule required user_watcher="s3cret";`
		properties[at+"scram-sha-256.sasl.jaas.config"] = `org.apache.kafka.common.security.scram.ScramLoginModule required;`
		properties[at+"scram-sha-512.sasl.jaas.config"] = `org.apache.kafka.common.security.scram.ScramLoginModule required;`
		properties[at+"oauthbearer.sasl.jaas.config"] = `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;`
		properties[at+"oauthbearer.sasl.server.callback.handler.class"] = "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler"
		properties[at+"oauthbearer.sasl.oauthbearer.jwks.endpoint.url"] = "file://" + jwks
		properties[at+"oauthbearer.sasl.oauthbearer.expected.audience"] = "kafka"
		properties[at+"oauthbearer.sasl.oauthbearer.clock.skew.seconds"] = "0"
	}
	node, err := realkafka.Start(t.Context(), realkafka.Config{
		Dir:        filepath.Join(dir, "kafka"),
		Listeners:  []realkafka.Listener{{Protocol: "SSL"}, {Protocol: "SASL_PLAINTEXT"}, {Protocol: "SASL_SSL"}},
		Users:      map[string]string{"watcher": "s3cret"},
		Properties: properties,
		SystemProperties: map[string]string{
			"org.apache.kafka.sasl.oauthbearer.allowed.urls":  "file://" + jwks,
			"org.apache.kafka.sasl.oauthbearer.allowed.files": jwks,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Kill() })
	return node
}

// signer makes tokens, and says by which key they are to be checked.
type signer struct{ key *rsa.PrivateKey }

func newSigner(t *testing.T) *signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{key}
}

func (s *signer) jwks(t *testing.T) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "key-1",
		"n": base64.RawURLEncoding.EncodeToString(s.key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(s.key.E)).Bytes()),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *signer) token(life time.Duration) string {
	part := func(v map[string]any) string {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // strings and numbers always marshal
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	now := time.Now()
	text := part(map[string]any{"alg": "RS256", "kid": "key-1", "typ": "JWT"}) + "." +
		part(map[string]any{"sub": "watcher", "aud": "kafka", "scope": "kafka", "iat": min(now.Unix(), now.Add(life).Unix()) - 1, "exp": now.Add(life).Unix()})
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is large enough
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// endpoint is an OAuth 2.0 token endpoint that knows one client.
func (s *signer) endpoint(t *testing.T, life time.Duration, grants *atomic.Int32) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.Method != http.MethodPost || r.FormValue("grant_type") != "client_credentials" || id != "watcher" || secret != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
			return
		}
		if grants != nil {
			grants.Add(1)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": s.token(life), "token_type": "Bearer", "expires_in": int(life.Seconds())})
	}))
	t.Cleanup(server.Close)
	return server
}
