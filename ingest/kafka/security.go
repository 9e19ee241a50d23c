package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

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

// TLS says how connections to the brokers are encrypted.
type TLS struct {
	// Enabled turns TLS on; naming any file does so too.
	Enabled bool `yaml:"enabled"`
	// CAFile holds the PEM certificates to trust; empty means the system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are this client's certificate, for mutual TLS.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ServerName is what the brokers' certificates must be for, when it is not the host they are dialled by.
	ServerName string `yaml:"server_name"`
}

func (t TLS) on() bool { return t.Enabled || t.CAFile != "" || t.CertFile != "" || t.KeyFile != "" }

func (t TLS) validate() error {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("kafka.tls: cert_file and key_file go together")
	}
	return nil
}

// config reads the files; nil means no TLS.
func (t TLS) config() (*tls.Config, error) {
	if !t.on() {
		return nil, nil
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.ca_file: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("kafka.tls.ca_file: no PEM certificate in %s", t.CAFile)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.cert_file, kafka.tls.key_file: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// SASL says how this client proves to the brokers who it is.
type SASL struct {
	// Mechanism is PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty for none. PLAIN shows the
	// password to whoever can read the connection: use TLS with it.
	Mechanism string `yaml:"mechanism"`
	Username  string `yaml:"username"`
	Password  Secret `yaml:"password"`
}

func (s SASL) validate() error {
	if s.Mechanism == "" {
		return nil
	}
	if s.Username == "" {
		return errors.New("kafka.sasl.username: must not be empty")
	}
	_, err := s.mechanism()
	return err
}

func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Mechanism{Username: s.Username, Password: string(s.Password)}, nil
	case "SCRAM-SHA-256":
		return s.scram(scram.SHA256)
	case "SCRAM-SHA-512":
		return s.scram(scram.SHA512)
	}
	return nil, fmt.Errorf("kafka.sasl.mechanism: %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", s.Mechanism)
}

func (s SASL) scram(algorithm scram.Algorithm) (sasl.Mechanism, error) {
	mechanism, err := scram.Mechanism(algorithm, s.Username, string(s.Password))
	if err != nil { // a character that may not stand in either; the error quotes neither
		return nil, errors.New("kafka.sasl.username, kafka.sasl.password: not usable with " + s.Mechanism)
	}
	return mechanism, nil
}
