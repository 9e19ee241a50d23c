package console

import (
	"errors"
	"fmt"
	"net"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// Config says where the console is served, and to whom.
type Config struct {
	// Listen is its address; empty turns it off.
	Listen string `yaml:"listen"`
	// CertFile and KeyFile turn TLS on.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`

	signin.Config `yaml:",inline"`
}

// DefaultConfig serves on loopback.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:9465", Config: signin.DefaultConfig()}
}

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	if c.Listen == "" {
		return nil
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("console.listen: %w; want host:port, such as 127.0.0.1:9465, or nothing to turn the console off", err)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("console.cert_file, console.key_file: they go together")
	}
	return c.Config.Validate()
}
