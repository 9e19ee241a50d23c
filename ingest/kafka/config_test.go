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
	} {
		cfg := complete
		c.spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), c.key+": ") {
			t.Errorf("want an error that begins with %s, have: %v", c.key, err)
		}
	}
}

func TestPasswordsAreNotPrinted(t *testing.T) {
	cfg := kafka.DefaultConfig()
	cfg.SASL.Password = "hunter2"
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
