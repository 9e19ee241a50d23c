package clickhouse_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

const secret = "s3cr3t"

func TestBadConfigurations(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*clickhouse.Config)
		want   string // empty: it is good
	}{
		{"good", func(*clickhouse.Config) {}, ""},
		{"several hosts", func(c *clickhouse.Config) { c.DSN = "clickhouse://u:p@a:9000,b:9000/db?secure=true" }, ""},
		{"no DSN", func(c *clickhouse.Config) { c.DSN = "" }, "clickhouse.dsn: missing"},
		{"no host", func(c *clickhouse.Config) { c.DSN = "clickhouse:///db" }, "clickhouse.dsn: cannot be read"},
		{"a slash in the password", func(c *clickhouse.Config) { c.DSN = "clickhouse://u:" + secret + "/x@h:9000/db" }, "clickhouse.dsn: cannot be read"},
		{"a bad escape in the password", func(c *clickhouse.Config) { c.DSN = "clickhouse://u:" + secret + "%zz@h:9000/db" }, "clickhouse.dsn: cannot be read"},
		{"HTTP", func(c *clickhouse.Config) { c.DSN = "http://u:" + secret + "@h:8123/db" }, "clickhouse.dsn: want the native protocol"},
		{"no time to dial", func(c *clickhouse.Config) { c.DialTimeout = 0 }, "clickhouse.dial_timeout: want more than 0"},
		{"no time to answer", func(c *clickhouse.Config) { c.QueryTimeout = -1 }, "clickhouse.query_timeout: want more than 0"},
		{"no connections", func(c *clickhouse.Config) { c.MaxOpenConns = 0 }, "clickhouse.max_open_conns: want 1 or more"},
		{"short retention", func(c *clickhouse.Config) { c.Retention.Events = time.Minute }, "clickhouse.retention.events: want 1h or more, have 1m0s"},
		{"no retention", func(c *clickhouse.Config) { c.Retention.Hours = 0 }, "clickhouse.retention.hours: want 1h or more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := clickhouse.DefaultConfig()
			config.DSN = "clickhouse://u:p@h:9000/db"
			c.change(&config)
			err := config.Validate()
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), secret):
				t.Errorf("the password is in %q", err)
			}
		})
	}
}

func TestConfigIsYAML(t *testing.T) {
	config := clickhouse.DefaultConfig()
	decoder := yaml.NewDecoder(strings.NewReader("dsn: clickhouse://h:9000/db\nquery_timeout: 5s\nretention:\n  events: 48h\n"))
	decoder.KnownFields(true)
	if err := decoder.Decode(&config); err != nil {
		t.Fatal(err)
	}
	if config.DSN != "clickhouse://h:9000/db" || config.QueryTimeout != 5*time.Second || config.Retention.Events != 48*time.Hour {
		t.Errorf("have %+v", config)
	}
	if config.Retention.Hours != clickhouse.DefaultConfig().Retention.Hours {
		t.Error("a key that is not there lost its default")
	}
}

func TestPasswordIsNeverPrinted(t *testing.T) {
	for _, dsn := range []clickhouse.DSN{
		"clickhouse://user:" + secret + "@host:9000/db",
		"clickhouse://user:" + secret + "/@host:9000/db",
		"clickhouse://user:" + secret + "%zz@host:9000/db",
		"clickhouse://host:9000/db?username=user&password=" + secret,
		secret,
	} {
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "dsn", dsn, "config", fmt.Sprintf("%+v", clickhouse.Config{DSN: dsn}))
		printed := fmt.Sprintf("%s %v %q %#v %+v", dsn, dsn, dsn, dsn, clickhouse.Config{DSN: dsn}) + log.String()
		if strings.Contains(printed, secret) {
			t.Errorf("the password is in %s", printed)
		}
	}
	if got := clickhouse.DSN("clickhouse://user:pass@host:9000/db?secure=true").String(); got != "clickhouse://user:***@host:9000/db" {
		t.Errorf("have %s", got)
	}
}
