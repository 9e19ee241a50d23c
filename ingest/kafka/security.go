package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Secret is a password. Printed, logged or marshalled it is three stars.
type Secret string

// String hides the secret.
func (Secret) String() string { return "***" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "***" }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// LogValue hides the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// SASL says how this client proves to the brokers who it is.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER; empty for none. PLAIN and OAUTHBEARER show the
	// password or the token to whoever can read the connection: use TLS with them.
	Mechanism string `yaml:"mechanism"`
	Username  string `yaml:"username"`
	Password  Secret `yaml:"password"`

	OAuth `yaml:",inline"`
}

func (s SASL) validate() error {
	switch s.Mechanism {
	case "":
		return nil
	case oauthBearer:
		if s.Username != "" || s.Password != "" {
			return errors.New("kafka.sasl.username: OAUTHBEARER has no username and no password; the token says who this is")
		}
		return s.OAuth.validate()
	}
	if s.Username == "" {
		return errors.New("kafka.sasl.username: must not be empty")
	}
	if s.OAuth.given() {
		return fmt.Errorf("kafka.sasl.mechanism: a token is for OAUTHBEARER, not for %s", s.Mechanism)
	}
	_, err := s.mechanism(0)
	return err
}

// mechanism prepares to sign in; timeout bounds a request for a token.
func (s SASL) mechanism(timeout time.Duration) (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Mechanism{Username: s.Username, Password: string(s.Password)}, nil
	case "SCRAM-SHA-256":
		return s.scram(scram.SHA256)
	case "SCRAM-SHA-512":
		return s.scram(scram.SHA512)
	case oauthBearer:
		return s.OAuth.mechanism(timeout)
	}
	return nil, fmt.Errorf("kafka.sasl.mechanism: %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER", s.Mechanism)
}

// who names this client in an error.
func (s SASL) who() string {
	if s.Mechanism == oauthBearer {
		return "the token"
	}
	return s.Username
}

func (s SASL) scram(algorithm scram.Algorithm) (sasl.Mechanism, error) {
	mechanism, err := scram.Mechanism(algorithm, s.Username, string(s.Password))
	if err != nil { // a character that may not stand in either; the error quotes neither
		return nil, errors.New("kafka.sasl.username, kafka.sasl.password: not usable with " + s.Mechanism)
	}
	return mechanism, nil
}
