package clickhouse

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// DSN is the address of a ClickHouse server with everything that is needed to sign in:
// clickhouse://user:password@host:9000/database?secure=true. It prints without its password.
type DSN string

// String is the address with *** for the password and without parameters, which may
// hold one too.
func (d DSN) String() string {
	u, err := url.Parse(string(d))
	if err != nil || u.Host == "" {
		return "***"
	}
	user := ""
	if u.User != nil {
		user = u.User.Username() + ":***@"
	}
	return u.Scheme + "://" + user + u.Host + u.EscapedPath()
}

// GoString is String, so that %#v does not print the password either.
func (d DSN) GoString() string { return d.String() }

// LogValue is String.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// Config says where ClickHouse is and how long things are kept there.
type Config struct {
	// DSN is the server's address over its native protocol, e.g.
	// clickhouse://user:password@host:9000/tokenwatch. Several hosts are separated by
	// commas. Parameters: secure, skip_verify, compress (lz4, zstd, none; without it lz4,
	// but none to this same machine), and any ClickHouse setting. The database is created
	// when it does not exist. Tested with ClickHouse 26.7.
	DSN DSN `yaml:"dsn"`
	// DialTimeout bounds connecting and signing in. 5s.
	DialTimeout time.Duration `yaml:"dial_timeout"`
	// QueryTimeout bounds one insert or one query. What an insert that timed out did is
	// unknown, so the same block is to be inserted again. 1m.
	QueryTimeout time.Duration `yaml:"query_timeout"`
	// MaxOpenConns bounds the connections of each of the two kinds (blocks; queries). 8.
	MaxOpenConns int `yaml:"max_open_conns"`
	// Retention says how long each table keeps its rows.
	Retention Retention `yaml:"retention"`
}

// Retention says how long each table keeps its rows, counted from when they were
// ingested (activity: from when they happened; incidents: from when they last changed).
type Retention struct {
	// Events bounds single requests, and what is known of offsets without a record. 90 days.
	Events time.Duration `yaml:"events"`
	// DeadLetters bounds refused records. 30 days.
	DeadLetters time.Duration `yaml:"dead_letters"`
	// Hours bounds each token's activity per hour, place, network and client. 400 days.
	Hours time.Duration `yaml:"hours"`
	// Findings bounds findings and their evidence. 400 days.
	Findings time.Duration `yaml:"findings"`
	// Profiles bounds profiles of tokens that are not seen any more. 400 days.
	Profiles time.Duration `yaml:"profiles"`
	// Incidents bounds incidents that do not change any more. 0, the default, keeps them for ever.
	Incidents time.Duration `yaml:"incidents"`
	// ConsoleAudit bounds what is known of what people did in the console. 400 days.
	ConsoleAudit time.Duration `yaml:"console_audit"`
}

const day = 24 * time.Hour

// DefaultConfig is a configuration that lacks only its DSN.
func DefaultConfig() Config {
	return Config{
		DialTimeout:  5 * time.Second,
		QueryTimeout: time.Minute,
		MaxOpenConns: 8,
		Retention: Retention{
			Events:      90 * day,
			DeadLetters: 30 * day,
			Hours:       400 * day,
			Findings:    400 * day,
			Profiles:    400 * day,

			ConsoleAudit: 400 * day,
		},
	}
}

// Validate reports every value that cannot work, by its key.
func (c Config) Validate() error {
	_, err := c.options()
	problems := []error{err}
	if c.DialTimeout <= 0 {
		problems = append(problems, fmt.Errorf("clickhouse.dial_timeout: want more than 0, have %s", c.DialTimeout))
	}
	if c.QueryTimeout <= 0 {
		problems = append(problems, fmt.Errorf("clickhouse.query_timeout: want more than 0, have %s", c.QueryTimeout))
	}
	if c.MaxOpenConns < 1 {
		problems = append(problems, fmt.Errorf("clickhouse.max_open_conns: want 1 or more, have %d", c.MaxOpenConns))
	}
	said := "" // a key of several tables is said once
	for _, t := range c.Retention.tables() {
		if t.keep < time.Hour && !t.forEver() && t.key != said {
			said = t.key
			problems = append(problems, fmt.Errorf("clickhouse.retention.%s: want 1h or more, have %s", t.key, t.keep))
		}
	}
	return errors.Join(problems...)
}

// options reads the DSN. What a parser says about a bad DSN can quote the password, so
// its words are dropped.
func (c Config) options() (*clickhouse.Options, error) {
	if c.DSN == "" {
		return nil, errors.New("clickhouse.dsn: missing; want clickhouse://user:password@host:9000/database")
	}
	o, err := clickhouse.ParseDSN(string(c.DSN))
	if err != nil {
		return nil, errors.New("clickhouse.dsn: cannot be read; want clickhouse://user:password@host:9000/database, " +
			"with special characters in the password percent-encoded")
	}
	if o.Protocol != clickhouse.Native {
		return nil, errors.New("clickhouse.dsn: want the native protocol (clickhouse://host:9000), have HTTP")
	}
	if o.Auth.Database == "" {
		o.Auth.Database = "default"
	}
	if o.Auth.Username == "" {
		o.Auth.Username = "default"
	}
	o.DialTimeout = c.DialTimeout
	o.ReadTimeout = c.QueryTimeout
	o.MaxOpenConns, o.MaxIdleConns = c.MaxOpenConns, c.MaxOpenConns
	return o, nil
}
