package local_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

func TestClickHouseConfig(t *testing.T) {
	if err := local.DefaultClickHouseConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for key, spoil := range map[string]func(*local.ClickHouseConfig){
		"data_dir":              func(c *local.ClickHouseConfig) { c.Dir = "" },
		"clickhouse.tcp_port":   func(c *local.ClickHouseConfig) { c.TCPPort = -1 },
		"clickhouse.http_port":  func(c *local.ClickHouseConfig) { c.HTTPPort = 65536 },
		"must differ":           func(c *local.ClickHouseConfig) { c.HTTPPort = c.TCPPort },
		"clickhouse.max_memory": func(c *local.ClickHouseConfig) { c.MaxMemory = 1 << 20 },
		"clickhouse.engine":     func(c *local.ClickHouseConfig) { c.Engine = "docker" },
	} {
		c := local.DefaultClickHouseConfig()
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v does not say %s", err, key)
		}
		if _, err := local.StartClickHouse(t.Context(), c); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("started with a bad %s: %v", key, err)
		}
	}
}

func TestKafkaConfig(t *testing.T) {
	if err := local.DefaultKafkaConfig().Validate(); err != nil {
		t.Errorf("the default: %v", err)
	}
	for key, c := range map[string]local.KafkaConfig{
		"data_dir":   {Port: 1},
		"kafka.port": {Dir: "x", Port: 70000},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("error %v does not say %s", err, key)
		}
		if _, err := local.StartKafka(c); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("started with a bad %s: %v", key, err)
		}
	}
}

func TestSecretHidesItself(t *testing.T) {
	secret := local.Secret("sesame")
	var lines strings.Builder
	slog.New(slog.NewTextHandler(&lines, nil)).Info("x", "password", secret)
	for _, text := range []string{
		fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q", secret, secret, secret, secret, secret), lines.String(),
		fmt.Sprintf("%+v", struct{ Password local.Secret }{secret}),
	} {
		if strings.Contains(text, "sesame") {
			t.Errorf("prints itself: %s", text)
		}
	}
	if secret.Reveal() != "sesame" {
		t.Error("Reveal gives something else")
	}
}
