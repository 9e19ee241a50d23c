package webhook

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Mode is how far revocation goes.
type Mode string

// The modes, from nothing to everything.
const (
	Off       Mode = "off"       // nothing is revoked
	DryRun    Mode = "dry_run"   // messages say what would have been revoked; nothing is sent
	Automatic Mode = "automatic" // revoked without asking
)

// Config says whether, when and through which endpoint tokens are revoked.
type Config struct {
	// Mode is off, dry_run or automatic.
	Mode Mode `yaml:"mode"`

	// URL is the endpoint that revokes. https, unless it is within your own network
	// (loopback, allow or allow_private).
	URL string `yaml:"url"`

	// Secret signs the requests: "whsec_" and the base64 of 24 to 64 random bytes. The
	// endpoint has the same one and must verify every request with it.
	Secret alert.Secret `yaml:"secret"`

	// MinSeverity is the least severe incident whose token is revoked.
	MinSeverity schema.Severity `yaml:"min_severity"`

	// MaxPerHour bounds the revocations within any hour. Beyond it nobody is revoked and
	// the messages say so: a mistake must not take down everybody.
	MaxPerHour int `yaml:"max_per_hour"`

	// AllowPrivate lets the endpoint be at a private address (10/8, 172.16/12, 192.168/16,
	// 100.64/10, fc00::/7). Addresses are checked after DNS, as they are dialled.
	AllowPrivate bool `yaml:"allow_private"`

	// Allow lists further networks (CIDR) that may be dialled although they are not public,
	// e.g. 127.0.0.0/8 for an endpoint on this machine.
	Allow []string `yaml:"allow"`

	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig revokes nothing.
func DefaultConfig() Config {
	return Config{Mode: Off, MinSeverity: schema.SeverityCritical, MaxPerHour: 10, Timeout: 10 * time.Second}
}

// Enabled reports whether there is anything to do.
func (c Config) Enabled() bool { return c.Mode == DryRun || c.Mode == Automatic }

// Validate reports the first key whose value makes no sense. URL and secret are needed
// only where something is sent.
func (c Config) Validate() error {
	switch {
	case c.Mode != Off && c.Mode != DryRun && c.Mode != Automatic:
		return fmt.Errorf("revoke.mode: %q is none of off, dry_run, automatic", c.Mode)
	case int(c.MinSeverity) >= len(schema.SeverityNames):
		return fmt.Errorf("revoke.min_severity: want one of %q", schema.SeverityNames)
	case c.MaxPerHour < 1:
		return fmt.Errorf("revoke.max_per_hour: %d is less than 1", c.MaxPerHour)
	case c.Timeout <= 0:
		return fmt.Errorf("revoke.timeout: %s is not a positive time", c.Timeout)
	}
	if err := (guard.Access{Allow: c.Allow}).Validate("revoke"); err != nil {
		return err
	}
	if c.Mode != Automatic {
		return nil
	}
	if err := c.validURL(); err != nil {
		return err
	}
	return c.validSecret()
}

func (c Config) validURL() error {
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return errors.New("revoke.url: missing")
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("revoke.url: want a URL such as https://gateway.example.com/revoke")
	case u.User != nil:
		return errors.New("revoke.url: must hold no user or password; requests are signed with revoke.secret")
	case u.Scheme == "http" && !c.AllowPrivate && len(c.Allow) == 0:
		return errors.New("revoke.url: want https, or list the endpoint's own network in revoke.allow")
	}
	return nil
}

func (c Config) validSecret() error {
	encoded, prefixed := strings.CutPrefix(c.Secret.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !prefixed || err != nil || len(key) < 24 || len(key) > 64 {
		return errSecret
	}
	return nil
}
