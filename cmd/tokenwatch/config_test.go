package main

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/tokenwatch/tokenwatch/schema"
)

const exampleFile = "../../tokenwatch.example.yaml"

// The example is the reference: every key there is, with its default, and no other.
func TestExample(t *testing.T) {
	cfg := Config{}
	if err := load(exampleFile, nil, &cfg); err != nil {
		t.Fatal(err)
	}
	if err := cfg.Validate(); err != nil {
		t.Error(err)
	}
	want := DefaultConfig()
	text, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	documented := written(doc.Content[0], nil)
	for path, value := range values(reflect.ValueOf(want), nil) {
		if !documented[path] {
			t.Errorf("%s has no line in the example", path)
		}
		if have := values(reflect.ValueOf(cfg), nil)[path]; !same(have, value) {
			t.Errorf("%s: the example has %v, the default is %v", path, have, value)
		}
	}
}

// written lists the leaves of a document by their paths.
func written(node *yaml.Node, path []string) map[string]bool {
	if node.Kind != yaml.MappingNode || len(node.Content) == 0 {
		return map[string]bool{strings.Join(path, "."): true}
	}
	all := map[string]bool{}
	for i := 0; i < len(node.Content); i += 2 {
		maps.Copy(all, written(node.Content[i+1], append(slices.Clone(path), node.Content[i].Value)))
	}
	return all
}

// values lists the leaves of a configuration by their paths. It does not use keys, which
// is what is tested.
func values(v reflect.Value, path []string) map[string]any {
	all := map[string]any{}
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch at := append(slices.Clone(path), name); {
		case options == "inline":
			maps.Copy(all, values(v.Field(i), path))
		case name == "-":
		case name == "":
			panic(fmt.Sprintf("%s has no yaml key", v.Type().Field(i).Name))
		case v.Field(i).Kind() == reflect.Struct:
			maps.Copy(all, values(v.Field(i), at))
		default:
			all[strings.Join(at, ".")] = v.Field(i).Interface()
		}
	}
	return all
}

// same takes an empty list or section for none.
func same(a, b any) bool {
	if v := reflect.ValueOf(a); (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.Len() == 0 {
		return reflect.ValueOf(b).Len() == 0
	}
	return reflect.DeepEqual(a, b)
}

// Every value of the configuration can be set in the environment.
func TestEveryKeyHasAVariable(t *testing.T) {
	have := map[string]leaf{}
	leaves(reflect.TypeFor[Config](), nil, have)
	want := values(reflect.ValueOf(DefaultConfig()), nil)
	for path := range want {
		if name := envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_")); have[name].path == nil {
			t.Errorf("%s cannot be set by %s", path, name)
		}
	}
	if len(have) != len(want) {
		t.Errorf("%d variables for %d keys: two keys share a variable", len(have), len(want))
	}
}

func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		entry string
		get   func(Config) any
		want  any
	}{
		{"TOKENWATCH_DATA_DIR=/var/lib/tokenwatch", func(c Config) any { return c.DataDir }, "/var/lib/tokenwatch"},
		{"TOKENWATCH_KAFKA_BROKERS=a:9092, b:9092,", func(c Config) any { return c.Kafka.Brokers }, []string{"a:9092", "b:9092"}},
		{"TOKENWATCH_KAFKA_BROKERS=", func(c Config) any { return len(c.Kafka.Brokers) }, 0},
		{"TOKENWATCH_KAFKA_BROKERS=[::1]:9092", func(c Config) any { return c.Kafka.Brokers }, []string{"[::1]:9092"}},
		{"TOKENWATCH_INGEST_TRUSTED_PROXIES=192.0.2.0/24", func(c Config) any { return c.Ingest.TrustedProxies }, []string{"192.0.2.0/24"}},
		{"TOKENWATCH_INGEST_TOPICS={edge: {format: kong}}", func(c Config) any { return c.Ingest.Topics["edge"].Format }, "kong"},
		{"TOKENWATCH_INGEST_CUSTOM={mine: {time: at, token: [a, b]}}", func(c Config) any { return []string(c.Ingest.Custom["mine"].Token) }, []string{"a", "b"}},
		{"TOKENWATCH_INGEST_TOKEN_FIELDS=?key,12", func(c Config) any { return c.Ingest.TokenFields }, []string{"?key", "12"}},
		{"TOKENWATCH_INGEST_BLOCK_FLUSH_INTERVAL=2s", func(c Config) any { return c.Ingest.Block.FlushInterval }, 2 * time.Second},
		{"TOKENWATCH_DETECT_ALERT_NATS=6.5", func(c Config) any { return c.Detect.AlertNats }, 6.5},
		{"TOKENWATCH_LOG_LEVEL=warn", func(c Config) any { return c.Log.Level }, slog.LevelWarn},
		{"TOKENWATCH_ALERT_MIN_SEVERITY=high", func(c Config) any { return c.Alert.MinSeverity }, schema.SeverityHigh},
		{"TOKENWATCH_KAFKA_SASL_PASSWORD=0123", func(c Config) any { return string(c.Kafka.SASL.Password) }, "0123"},
		{"TOKENWATCH_SLACK_TOKEN=true", func(c Config) any { return c.Slack.Token.Reveal() }, "true"},
		{"TOKENWATCH_TELEGRAM_CHAT_ID=-1001234567890", func(c Config) any { return c.Telegram.ChatID }, "-1001234567890"},
		{"TOKENWATCH_REVOKE_ALLOW_PRIVATE=true", func(c Config) any { return c.Revoke.Webhook.AllowPrivate }, true},
		{"TOKENWATCH_CLICKHOUSE_DSN=clickhouse://u:a=b@h:9000/d", func(c Config) any { return string(c.ClickHouse.DSN) }, "clickhouse://u:a=b@h:9000/d"},
		{"TOKENWATCH_PORT=tcp://10.0.0.1:80", func(c Config) any { return c.HTTP }, DefaultConfig().HTTP},
	} {
		t.Run(c.entry, func(t *testing.T) {
			cfg := DefaultConfig()
			if err := load("", []string{"PATH=/bin", c.entry}, &cfg); err != nil {
				t.Fatal(err)
			}
			if have := c.get(cfg); !reflect.DeepEqual(have, c.want) {
				t.Errorf("have %#v, want %#v", have, c.want)
			}
		})
	}
}

// The environment is stronger than the file, and the file than the default.
func TestPrecedence(t *testing.T) {
	cfg := DefaultConfig()
	file := write(t, "kafka:\n  topic: from.file\n  group: from.file\n")
	if err := load(file, []string{"TOKENWATCH_KAFKA_GROUP=from.env"}, &cfg); err != nil {
		t.Fatal(err)
	}
	if have := []string{cfg.Kafka.Topic, cfg.Kafka.Group, cfg.Kafka.ClientID}; !slices.Equal(have, []string{"from.file", "from.env", "tokenwatch"}) {
		t.Errorf("have %q", have)
	}
}

func TestBadEnvironment(t *testing.T) {
	for _, c := range []struct{ entry, want string }{
		{"TOKENWATCH_KAFKA_TIMEOUT=sekret99", "environment variable TOKENWATCH_KAFKA_TIMEOUT: "},
		{"TOKENWATCH_DETECT_MAX_TOKENS=sekret99", "environment variable TOKENWATCH_DETECT_MAX_TOKENS: "},
		{"TOKENWATCH_LOG_LEVEL=sekret99", "environment variable TOKENWATCH_LOG_LEVEL: "},
		{"TOKENWATCH_ALERT_MIN_SEVERITY=sekret99", "environment variable TOKENWATCH_ALERT_MIN_SEVERITY: "},
	} {
		t.Run(c.entry, func(t *testing.T) {
			cfg := DefaultConfig()
			err := load("", []string{c.entry}, &cfg)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("have %v, want %s...", err, c.want)
			}
			if strings.Contains(err.Error(), "sekret99") {
				t.Errorf("the value is repeated: %v", err)
			}
		})
	}
}

// Nothing that is printed of a configuration holds a secret.
func TestSecretsPrintAsStars(t *testing.T) {
	secrets := []string{
		"TOKENWATCH_CLICKHOUSE_DSN=clickhouse://u:sekret99@h:9000/d", "TOKENWATCH_KAFKA_SASL_PASSWORD=sekret99", "TOKENWATCH_SLACK_TOKEN=sekret99",
		"TOKENWATCH_SLACK_WEBHOOK_URL=https://h/sekret99", "TOKENWATCH_TELEGRAM_TOKEN=sekret99", "TOKENWATCH_REVOKE_SECRET=sekret99",
		"TOKENWATCH_DISCORD_WEBHOOK_URL=https://h/sekret99", "TOKENWATCH_EMAIL_PASSWORD=sekret99", "TOKENWATCH_PAGERDUTY_ROUTING_KEY=sekret99",
		"TOKENWATCH_HOOK_SECRET=sekret99", "TOKENWATCH_HOOK_FORMER_SECRET=sekret99", "TOKENWATCH_HOOK_SIGNING_KEY=sekret99",
		"TOKENWATCH_OCSF_AUTHORIZATION=sekret99", "TOKENWATCH_OWNER_SECRET=sekret99",
		"TOKENWATCH_CONSOLE_PASSWORD=sekret99", "TOKENWATCH_CONSOLE_USERS={ana: {role: viewer, password: sekret99}}", "TOKENWATCH_CONSOLE_OIDC_CLIENT_SECRET=sekret99",
	}
	cfg := DefaultConfig()
	if err := load("", secrets, &cfg); err != nil {
		t.Fatal(err)
	}
	log := &transcript{}
	slog.New(slog.NewTextHandler(log, nil)).Info("configured", "dsn", cfg.ClickHouse.DSN, "slack", cfg.Slack.Token, "kafka", cfg.Kafka.SASL.Password)
	for _, text := range []string{fmt.Sprintf("%v", cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), log.String()} {
		if strings.Contains(text, "sekret99") {
			t.Errorf("a secret shows in %s", text)
		}
	}
}

func TestEmptyFiles(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "comments": "# nothing here\n", "mark": "---\n", "null": "~\n", "empty section": "kafka:\n"} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			if err := load(write(t, text), nil, &cfg); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(cfg, DefaultConfig()) {
				t.Errorf("it changes something: %+v", cfg)
			}
		})
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokenwatch.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Bad configurations are files beside the exact error that each of them gives. With
// UPDATE=1 in the environment the errors are written anew, to be read before they are kept.
func TestBadConfigurations(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			have := loadAndValidate(file)
			if have == nil {
				t.Fatal("it is accepted")
			}
			beside := strings.TrimSuffix(file, ".yaml") + ".txt"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(beside, []byte(have.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(beside)
			if err != nil {
				t.Fatal(err)
			}
			if have.Error()+"\n" != string(want) {
				t.Errorf("have\n%v\nwant\n%s", have, want)
			}
			if strings.Contains(have.Error(), "sekret99") {
				t.Error("a secret is repeated")
			}
		})
	}
}

func loadAndValidate(file string) error {
	cfg := DefaultConfig()
	if err := load(file, nil, &cfg); err != nil {
		return err
	}
	return cfg.Validate()
}
