package ocsf

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Config says where incidents go as OCSF findings. Without topic and url, nowhere.
type Config struct {
	// Topic of Kafka that they are written to, keyed by token.
	Topic string `yaml:"topic"`

	// URL that each of them is posted to. https, unless it is within your own network (allow
	// or allow_private).
	URL string `yaml:"url"`

	// Authorization is the header of that name, e.g. "Bearer …" or "Splunk …".
	Authorization alert.Secret `yaml:"authorization"`

	guard.Access `yaml:",inline"`

	// Timeout bounds one call, or one record.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig sends nothing.
func DefaultConfig() Config { return Config{Timeout: 10 * time.Second} }

// Enabled reports whether anything is sent.
func (c Config) Enabled() bool { return c.Topic != "" || c.URL != "" }

var topicShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	switch {
	case !c.Enabled():
		return errors.New("ocsf.topic: missing (or set ocsf.url)")
	case c.Topic != "" && !topicShape.MatchString(c.Topic):
		return fmt.Errorf("ocsf.topic: %q is no name of a topic", c.Topic)
	case c.Timeout <= 0:
		return fmt.Errorf("ocsf.timeout: %s is not a positive time", c.Timeout)
	case c.URL != "":
		if err := c.validURL(); err != nil {
			return fmt.Errorf("ocsf.url: %w", err)
		}
	}
	return c.Access.Validate("ocsf")
}

func (c Config) validURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("want a URL such as https://siem.example.com/ocsf")
	case u.User != nil:
		return errors.New("must hold no user or password; use ocsf.authorization")
	case u.Scheme == "http" && !c.Any():
		return errors.New("want https, or list the receiver's own network in ocsf.allow")
	}
	return nil
}
