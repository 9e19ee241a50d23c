package syslog

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"
)

// Config says which syslog receiver hears of incidents. Without address, none does.
type Config struct {
	// Address is host:port: 514 by convention for UDP and TCP, 6514 for TLS.
	Address string `yaml:"address"`

	// Network is udp, tcp or tls.
	Network string `yaml:"network"`

	// Facility is what messages are filed under: auth, authpriv, daemon, user, local0 to
	// local7.
	Facility string `yaml:"facility"`

	// CAFile holds the certificates (PEM) that the receiver's has to be signed by, where they
	// are not among the system's.
	CAFile string `yaml:"ca_file"`

	// Timeout bounds one message.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig tells nobody.
func DefaultConfig() Config {
	return Config{Network: "tls", Facility: "authpriv", Timeout: 10 * time.Second}
}

// Enabled reports whether anything is sent.
func (c Config) Enabled() bool { return c.Address != "" }

// facilities by RFC 5424's numbers.
var facilities = map[string]int{
	"user": 1, "daemon": 3, "auth": 4, "authpriv": 10,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}

var networks = []string{"udp", "tcp", "tls"}

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	host, port, err := net.SplitHostPort(c.Address)
	_, known := facilities[c.Facility]
	switch {
	case err != nil || host == "" || port == "":
		return fmt.Errorf("syslog.address: %q is not host:port, such as syslog.example.com:6514", c.Address)
	case !slices.Contains(networks, c.Network):
		return fmt.Errorf("syslog.network: %q is none of %s", c.Network, strings.Join(networks, ", "))
	case !known:
		return fmt.Errorf("syslog.facility: %q is none of auth, authpriv, daemon, user, local0 to local7", c.Facility)
	case c.CAFile != "" && c.Network != "tls":
		return errors.New("syslog.ca_file: is of use only with syslog.network: tls")
	case c.Timeout <= 0:
		return fmt.Errorf("syslog.timeout: %s is not a positive time", c.Timeout)
	}
	_, err = c.tls()
	return err
}

// tls is how the receiver proves who it is.
func (c Config) tls() (*tls.Config, error) {
	host, _, _ := net.SplitHostPort(c.Address)
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("syslog.ca_file: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("syslog.ca_file: %s holds no certificate in PEM", c.CAFile)
	}
	return cfg, nil
}
