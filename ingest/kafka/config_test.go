package kafka_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

func TestValidateNamesTheKey(t *testing.T) {
	complete := kafka.DefaultConfig()
	complete.Brokers = []string{"localhost:9092", "[::1]:9092"}
	if err := complete.Validate(); err != nil {
		t.Errorf("defaults with brokers: %v", err)
	}
	for _, c := range []struct {
		key   string
		spoil func(*kafka.Config)
	}{
		{"kafka.brokers", func(c *kafka.Config) { c.Brokers = nil }},
		{"kafka.brokers", func(c *kafka.Config) { c.Brokers = []string{"localhost"} }},
		{"kafka.topic", func(c *kafka.Config) { c.Topic = "" }},
		{"kafka.topic", func(c *kafka.Config) { c.Topic = "access logs" }},
		{"kafka.topic", func(c *kafka.Config) { c.Topic = strings.Repeat("t", 250) }},
		{"kafka.group", func(c *kafka.Config) { c.Group = "" }},
		{"kafka.partitions", func(c *kafka.Config) { c.Partitions = 0 }},
		{"kafka.min_bytes", func(c *kafka.Config) { c.MinBytes = c.MaxBytes + 1 }},
		{"kafka.max_bytes", func(c *kafka.Config) { c.MaxBytes = 1 << 30 }},
		{"kafka.max_wait", func(c *kafka.Config) { c.MaxWait = 0 }},
		{"kafka.session_timeout", func(c *kafka.Config) { c.SessionTimeout = time.Millisecond }},
		{"kafka.rebalance_timeout", func(c *kafka.Config) { c.RebalanceTimeout = -1 }},
		{"kafka.timeout", func(c *kafka.Config) { c.Timeout = time.Hour }},
		{"kafka.compression", func(c *kafka.Config) { c.Compression = "brotli" }},
		{"kafka.tls", func(c *kafka.Config) { c.TLS.CertFile = "cert.pem" }},
		{"kafka.sasl.mechanism", func(c *kafka.Config) { c.SASL = kafka.SASL{Mechanism: "GSSAPI", Username: "u"} }},
		{"kafka.sasl.username", func(c *kafka.Config) { c.SASL.Mechanism = "PLAIN" }},
		{"kafka.sasl.mechanism", func(c *kafka.Config) {
			c.SASL = kafka.SASL{Mechanism: "PLAIN", Username: "u", OAuth: kafka.OAuth{Token: "t"}}
		}},
		{"kafka.sasl.username", bearer(kafka.OAuth{Token: "t"}, "u")},
		{"kafka.sasl.token", bearer(kafka.OAuth{}, "")},
		{"kafka.sasl.token", bearer(kafka.OAuth{Token: "t", TokenFile: "f"}, "")},
		{"kafka.sasl.token", bearer(kafka.OAuth{Token: "two words"}, "")},
		{"kafka.sasl.token_url", bearer(kafka.OAuth{Token: "t", ClientID: "c"}, "")},
		{"kafka.sasl.token_url", bearer(kafka.OAuth{TokenURL: "idp.example.org", ClientID: "c", ClientSecret: "s"}, "")},
		{"kafka.sasl.token_url", bearer(kafka.OAuth{TokenURL: "http://idp.example.org/token", ClientID: "c", ClientSecret: "s"}, "")},
		{"kafka.sasl.token_url", bearer(kafka.OAuth{TokenURL: "https://u:p@idp.example.org/token", ClientID: "c", ClientSecret: "s"}, "")},
		{"kafka.sasl.client_id", bearer(kafka.OAuth{TokenURL: "https://idp.example.org/token", ClientSecret: "s"}, "")},
		{"kafka.sasl.client_secret", bearer(kafka.OAuth{TokenURL: "https://idp.example.org/token", ClientID: "c"}, "")},
		{"kafka.sasl.extensions", bearer(kafka.OAuth{Token: "t", Extensions: []string{"auth=x"}}, "")},
		{"kafka.sasl.extensions", bearer(kafka.OAuth{Token: "t", Extensions: []string{"a=\x01b=c"}}, "")},
	} {
		cfg := complete
		c.spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.key+": ") {
			t.Errorf("want an error that begins with %s, have: %v", c.key, err)
		}
	}
}

func bearer(o kafka.OAuth, username string) func(*kafka.Config) {
	return func(c *kafka.Config) { c.SASL = kafka.SASL{Mechanism: "OAUTHBEARER", Username: username, OAuth: o} }
}

func TestPasswordsAreNotPrinted(t *testing.T) {
	cfg := kafka.DefaultConfig()
	cfg.SASL.Password, cfg.SASL.Token, cfg.SASL.ClientSecret = "hunter2", "hunter2", "hunter2"
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q", cfg, cfg, cfg, cfg.SASL.Password, cfg.SASL.Password)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("configuration", "kafka", cfg, "password", cfg.SASL.Password)
	if err := json.NewEncoder(&out).Encode(cfg); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") {
		t.Errorf("printed: %s", out.String())
	}
}
