package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/slack"
	"github.com/tokenwatch/tokenwatch/alert/telegram"
	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/ingest/push"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// Config is composed of what each room wants to know. tokenwatch.example.yaml documents
// every key; a test holds it to this type.
type Config struct {
	// DataDir holds the embedded engines' data and the generated pepper.
	DataDir string     `yaml:"data_dir"`
	Log     LogConfig  `yaml:"log"`
	HTTP    HTTPConfig `yaml:"http"`

	Kafka      KafkaConfig      `yaml:"kafka"`
	ClickHouse ClickHouseConfig `yaml:"clickhouse"`
	Ingest     IngestConfig     `yaml:"ingest"`
	Intake     push.Config      `yaml:"intake"`
	Geo        geo.Config       `yaml:"geo"`
	Audit      AuditConfig      `yaml:"audit"`
	Detect     detect.Config    `yaml:"detect"`
	Alert      alert.Config     `yaml:"alert"`
	Slack      slack.Config     `yaml:"slack"`
	Telegram   telegram.Config  `yaml:"telegram"`
	Revoke     RevokeConfig     `yaml:"revoke"`
	Console    console.Config   `yaml:"console"`

	ChannelsConfig `yaml:",inline"`
}

// LogConfig says what the program itself logs, on standard error.
type LogConfig struct {
	Level  slog.Level `yaml:"level"`  // debug, info, warn, error
	Format string     `yaml:"format"` // text or json
}

// HTTPConfig is where /metrics, /healthz, /readyz and, if it is on, /v1/logs are served.
type HTTPConfig struct {
	Listen string `yaml:"listen"`
	// CertFile and KeyFile turn TLS on, for senders who come without a proxy in between.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// Pprof serves Go's profiler under /debug/pprof/. A heap profile holds no record and no token, but a
	// trace slows the program down, so it is for loopback alone.
	Pprof bool `yaml:"pprof"`
}

// validate refuses to show the profiler to others.
func (c HTTPConfig) validate() error {
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("http.cert_file, http.key_file: they go together")
	}
	if !c.Pprof {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Listen)
	ip, parsed := netip.ParseAddr(host)
	if err != nil || host != "localhost" && (parsed != nil || !ip.IsLoopback()) {
		return fmt.Errorf("http.pprof: only where http.listen is a loopback address, which %q is not", c.Listen)
	}
	return nil
}

// KafkaConfig is a real Kafka when brokers are given, the embedded one otherwise.
type KafkaConfig struct {
	kafka.Config      `yaml:",inline"`
	local.KafkaConfig `yaml:",inline"`
	// KeepRecords is how many records of a partition the embedded broker keeps after they
	// are stored in ClickHouse; older ones are deleted, since nothing else would.
	KeepRecords int64       `yaml:"keep_records"`
	Rekey       RekeyConfig `yaml:",inline"`
}

// ClickHouseConfig is a real ClickHouse when dsn is given, the embedded one otherwise.
type ClickHouseConfig struct {
	clickhouse.Config      `yaml:",inline"`
	local.ClickHouseConfig `yaml:",inline"`
}

// IngestConfig is how records become events, and events blocks.
type IngestConfig struct {
	ingest.DecodeConfig `yaml:",inline"`
	// PepperFile holds the secret that fingerprints are keyed with. Empty means a
	// generated one in data_dir.
	PepperFile string `yaml:"pepper_file"`
	// FormerPepperFile holds the secret that was used before, while peppers are rotated.
	FormerPepperFile string             `yaml:"former_pepper_file"`
	Block            ingest.BlockConfig `yaml:"block"`
}

// DefaultConfig is what applies where nothing is configured: everything embedded, on
// loopback, nobody told.
func DefaultConfig() Config {
	return Config{
		DataDir:    local.DefaultDataDir,
		Log:        LogConfig{Level: slog.LevelInfo, Format: "text"},
		HTTP:       HTTPConfig{Listen: "127.0.0.1:9464"},
		Kafka:      KafkaConfig{Config: kafka.DefaultConfig(), KafkaConfig: local.DefaultKafkaConfig(), KeepRecords: 1_000_000, Rekey: defaultRekey()},
		ClickHouse: ClickHouseConfig{Config: clickhouse.DefaultConfig(), ClickHouseConfig: local.DefaultClickHouseConfig()},
		Ingest:     IngestConfig{DecodeConfig: ingest.DefaultDecodeConfig(), Block: ingest.DefaultBlockConfig()},
		Intake:     push.DefaultConfig(),
		Geo:        geo.DefaultConfig(),
		Audit:      AuditConfig{Every: time.Minute, Window: 15 * time.Minute},
		Detect:     detect.DefaultConfig(),
		Alert:      alert.DefaultConfig(),
		Slack:      slack.DefaultConfig(),
		Telegram:   telegram.DefaultConfig(),
		Revoke:     DefaultRevokeConfig(),
		Console:    console.DefaultConfig(),

		ChannelsConfig: DefaultChannelsConfig(),
	}
}

// Validate checks what can be checked without touching anything. Every error begins with
// the key to change.
func (c Config) Validate() error {
	if c.DataDir == "" {
		return errors.New("data_dir: must not be empty")
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return fmt.Errorf("log.format: %q: want text or json", c.Log.Format)
	}
	if c.Kafka.KeepRecords < 0 {
		return errors.New("kafka.keep_records: must be 0 or more")
	}
	checks := []func() error{
		c.HTTP.validate, c.Kafka.validateRekey, c.Ingest.validate, c.Intake.Validate, c.Geo.Validate, c.Audit.validate, c.Detect.Validate, c.Alert.Validate, c.Revoke.Validate, c.Console.Validate, c.ChannelsConfig.validate,
		c.embeddedKafka().Validate, c.configuredKafka().Validate, c.embeddedClickHouse().Validate, c.configuredClickHouse().Validate,
	}
	if c.Slack.Enabled() {
		checks = append(checks, c.Slack.Validate)
	}
	if c.Telegram.Enabled() {
		checks = append(checks, c.Telegram.Validate)
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return c.halfChannels()
}

// halfChannels refuses channels of which only the place is configured: whoever names one
// wants to hear of thefts there.
func (c Config) halfChannels() error {
	switch {
	case !c.Slack.Enabled() && c.Slack.Channel != "":
		return errors.New("slack.token: missing, though slack.channel is set; put it into TOKENWATCH_SLACK_TOKEN")
	case !c.Telegram.Enabled() && c.Telegram.ChatID != "":
		return errors.New("telegram.token: missing, though telegram.chat_id is set; put it into TOKENWATCH_TELEGRAM_TOKEN")
	}
	return nil
}

// validate puts the section before the keys that the decoder's configuration names.
func (c IngestConfig) validate() error {
	err := c.DecodeConfig.Validate()
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return fmt.Errorf("ingest.%w", list.Unwrap()[0])
	}
	return c.Block.Validate()
}

// configuredKafka is what the embedded broker is reached with too, once it has a port.
func (c Config) configuredKafka() kafka.Config {
	k := c.Kafka.Config
	if len(k.Brokers) == 0 {
		k.Brokers = []string{net.JoinHostPort(local.Loopback, "0")}
	}
	return k
}

// configuredClickHouse is what the embedded one is reached with too.
func (c Config) configuredClickHouse() clickhouse.Config {
	k := c.ClickHouse.Config
	if k.DSN == "" {
		k.DSN = "clickhouse://" + local.Loopback + "/default"
	}
	return k
}

func (c Config) embeddedKafka() local.KafkaConfig {
	k := c.Kafka.KafkaConfig
	k.Dir = c.DataDir
	return k
}

func (c Config) embeddedClickHouse() local.ClickHouseConfig {
	k := c.ClickHouse.ClickHouseConfig
	k.Dir = c.DataDir
	return k
}

// fingerprinter makes what turns tokens into the names that the tables know.
func (c Config) fingerprinter() (*ingest.Fingerprinter, error) {
	pepper, err := c.pepper()
	if err != nil {
		return nil, err
	}
	return ingest.NewFingerprinter(pepper), nil
}

// pepper reads the pepper, and the one that it takes the place of.
func (c Config) pepper() (ingest.Pepper, error) {
	pepper, err := c.currentPepper()
	if err != nil || c.Ingest.FormerPepperFile == "" {
		return pepper, err
	}
	former, err := ingest.ReadFormerPepper(c.Ingest.FormerPepperFile)
	if err == nil {
		pepper, err = pepper.After(former)
	}
	if err != nil {
		return pepper, fmt.Errorf("ingest.%w", err)
	}
	return pepper, nil
}

// currentPepper reads the pepper. It never makes one: a fingerprint under a new pepper would
// match nothing that is stored, and say that a leaked token is not in use.
func (c Config) currentPepper() (ingest.Pepper, error) {
	file := c.Ingest.PepperFile
	if file == "" {
		file = c.generatedPepper()
	}
	pepper, err := ingest.ReadPepper(file)
	if errors.Is(err, fs.ErrNotExist) && c.Ingest.PepperFile == "" {
		return pepper, fmt.Errorf("ingest.pepper_file: none is set, and there is no generated one in %s yet: `tokenwatch run` makes it; "+
			"or you are in another folder than the one that tokenwatch runs in (data_dir)", c.DataDir)
	}
	if err != nil {
		return pepper, fmt.Errorf("ingest.%w", err)
	}
	return pepper, nil
}

// firstPepper makes the generated pepper if there is none and none is configured.
func (c Config) firstPepper() error {
	if c.Ingest.PepperFile != "" {
		return nil
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if _, err := ingest.OpenPepper(c.generatedPepper()); err != nil {
		return fmt.Errorf("ingest.%w", err)
	}
	return nil
}

func (c Config) generatedPepper() string { return filepath.Join(c.DataDir, "pepper") }

// openPlaces opens the configured address databases, or those that make setup fetched.
func (c Config) openPlaces(log *slog.Logger) (*geo.Locator, error) {
	g := c.Geo
	if len(g.City) == 0 && len(g.ASN) == 0 {
		assets, err := local.FindAssets()
		if err != nil && (assets.CityIPv4 == "" || assets.CityIPv6 == "" || assets.ASN == "") {
			return nil, fmt.Errorf("geo.city, geo.asn: %w", err)
		}
		g.City, g.ASN = []string{assets.CityIPv4, assets.CityIPv6}, []string{assets.ASN}
	}
	return geo.Open(g, log)
}

// notifiers makes one of each channel that is configured. There may be none: then
// incidents are kept for those who look.
func (c Config) notifiers(o outfit) ([]alert.Notifier, error) {
	var list []alert.Notifier
	if c.Slack.Enabled() {
		options := []slack.Option{slack.WithBlurred(o.blurred("slack"))}
		if c.Slack.Interactive() {
			options = append(options, slack.WithButtons())
		}
		n, err := slack.New(c.Slack, options...)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	if c.Telegram.Enabled() {
		options := []telegram.Option{telegram.WithBlurred(o.blurred("telegram"))}
		if len(c.Telegram.AllowedUsers) > 0 {
			options = append(options, telegram.WithButtons())
		}
		n, err := telegram.New(c.Telegram, options...)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	further, err := c.ChannelsConfig.notifiers(o)
	if err != nil {
		return nil, err
	}
	return append(list, further...), nil
}
