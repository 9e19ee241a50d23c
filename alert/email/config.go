package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Config says who is written to, and through which server. Without server, nobody is.
type Config struct {
	// Server is the SMTP server as host:port: 587 with STARTTLS, 465 with TLS.
	Server string `yaml:"server"`

	// TLS is starttls (and no mail without it), tls (from the first byte), or none, which is
	// for a relay on this machine only.
	TLS string `yaml:"tls"`

	// Username and Password log in, where the server wants that.
	Username string       `yaml:"username"`
	Password alert.Secret `yaml:"password"`

	// From is the sender: tokenwatch@example.com, or "tokenwatch <tokenwatch@example.com>".
	From string `yaml:"from"`

	// To lists who gets every incident. It may be empty where only owners of tokens are told.
	To []string `yaml:"to"`

	// CAFile holds the certificates (PEM) that the server's has to be signed by, where they
	// are not among the system's.
	CAFile string `yaml:"ca_file"`

	// Timeout bounds one mail.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig writes to nobody.
func DefaultConfig() Config { return Config{TLS: "starttls", Timeout: 20 * time.Second} }

// Enabled reports whether there is a server to send through.
func (c Config) Enabled() bool { return c.Server != "" }

var tlsModes = []string{"starttls", "tls", "none"}

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	host, port, err := c.hostPort()
	switch {
	case err != nil:
		return fmt.Errorf("email.server: %q is not host:port, such as smtp.example.com:587", c.Server)
	case port < 1 || port > 65535:
		return fmt.Errorf("email.server: %d is no port", port)
	case !slices.Contains(tlsModes, c.TLS):
		return fmt.Errorf("email.tls: %q is none of %s", c.TLS, strings.Join(tlsModes, ", "))
	case c.TLS == "none" && !loopback(host):
		return errors.New("email.tls: none is for a relay on this machine; want starttls or tls")
	case (c.Username == "") != (c.Password == ""):
		return errors.New("email.username, email.password: they go together")
	case c.Timeout <= 0:
		return fmt.Errorf("email.timeout: %s is not a positive time", c.Timeout)
	}
	if _, err := mail.ParseAddress(c.From); err != nil {
		return fmt.Errorf("email.from: %q is no address such as tokenwatch@example.com", c.From)
	}
	for _, to := range c.To {
		if _, err := mail.ParseAddress(to); err != nil {
			return fmt.Errorf("email.to: %q is no address such as soc@example.com", to)
		}
	}
	_, err = c.tls(host)
	return err
}

func (c Config) hostPort() (host string, port int, err error) {
	host, text, err := net.SplitHostPort(c.Server)
	if err != nil || host == "" {
		return "", 0, errors.New("no host or no port")
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) tls(host string) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("email.ca_file: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("email.ca_file: %s holds no certificate in PEM", c.CAFile)
	}
	return cfg, nil
}
