package push

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
)

// Secret is a credential. Printed, logged or marshalled it is three stars.
type Secret string

const masked = "***"

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return masked
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads it as it stands.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = Secret(text)
	return nil
}

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Config says who may send logs, and how much at once.
type Config struct {
	// Token is what senders show: several with commas in between, while they are replaced. Without one the intake is off.
	Token Secret `yaml:"token"`
	// TokenFile holds further ones, one a line.
	TokenFile string `yaml:"token_file"`
	// MaxBodyBytes bounds a body, after it is decompressed.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
	// MaxInFlightBytes bounds what all bodies that are being taken in need of memory.
	MaxInFlightBytes int64 `yaml:"max_in_flight_bytes"`
	// Timeout bounds the reading of a body, and then its way into Kafka.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig is off.
func DefaultConfig() Config {
	return Config{MaxBodyBytes: 32 << 20, MaxInFlightBytes: 128 << 20, Timeout: 30 * time.Second}
}

// Enabled reports whether there is somebody who may send.
func (c Config) Enabled() bool { return c.Token != "" || c.TokenFile != "" }

const (
	// minToken is how long a token must be: a shorter one can be guessed over the network.
	minToken = 16
	// maxWindow is how much a compressed body may have its decompressor remember: what RFC 9659 allows in HTTP.
	maxWindow = 8 << 20
	// overhead is what a request costs besides its body. It bounds how many short ones there are at once.
	overhead = 32 << 10
)

// leastInFlight is what the largest body needs: while its buffer grows there are two of them.
func (c Config) leastInFlight() int64 { return 2*c.MaxBodyBytes + maxWindow + 2*overhead }

// Validate reports the first key that cannot work.
func (c Config) Validate() error {
	switch {
	case c.MaxBodyBytes < 1<<10 || c.MaxBodyBytes > 1<<30:
		return fmt.Errorf("intake.max_body_bytes: %d is not between 1024 and %d", c.MaxBodyBytes, 1<<30)
	case c.MaxInFlightBytes < c.leastInFlight():
		return fmt.Errorf("intake.max_in_flight_bytes: %d is not enough for the largest body while it is decompressed, which needs twice intake.max_body_bytes and somewhat more than 8 MiB: %d",
			c.MaxInFlightBytes, c.leastInFlight())
	case c.Timeout < time.Second || c.Timeout > 10*time.Minute:
		return fmt.Errorf("intake.timeout: %s is not between 1s and 10m", c.Timeout)
	}
	for _, token := range split(string(c.Token)) {
		if len(token) < minToken {
			return fmt.Errorf("intake.token: one has only %d characters, want %d or more (openssl rand -hex 32)", len(token), minToken)
		}
	}
	if c.Token != "" && len(split(string(c.Token))) == 0 {
		return errors.New("intake.token: only commas; leave it out to keep the intake off")
	}
	return nil
}

// tokens reads all that are configured.
func (c Config) tokens() ([]string, error) {
	list := split(string(c.Token))
	if c.TokenFile == "" {
		return list, nil
	}
	text, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("intake.token_file: %w", err)
	}
	before := len(list)
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) < minToken {
			return nil, fmt.Errorf("intake.token_file: %s: a token has only %d characters, want %d or more (openssl rand -hex 32)", c.TokenFile, len(line), minToken)
		}
		list = append(list, line)
	}
	if len(list) == before {
		return nil, fmt.Errorf("intake.token_file: %s: no token in it", c.TokenFile)
	}
	return list, nil
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' })
}
