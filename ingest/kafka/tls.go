package kafka

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

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
	var err error
	if conf.RootCAs, err = trusted(t.CAFile); err != nil {
		return nil, fmt.Errorf("kafka.tls.ca_file: %w", err)
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

// trusted reads the certificates to trust; nil, for no file, means the system's.
func trusted(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no PEM certificate in %s", file)
	}
	return pool, nil
}
