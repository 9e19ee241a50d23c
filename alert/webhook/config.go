package webhook

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/alert/standard"
)

// Config says where the endpoint is that revokes, and how it knows who calls.
type Config struct {
	// URL is the endpoint that revokes. https, unless it is within your own network
	// (loopback, allow or allow_private).
	URL string `yaml:"url"`

	// Secret signs the requests: "whsec_" and the base64 of 24 to 64 random bytes. The
	// endpoint has the same one and must verify every request with it.
	Secret alert.Secret `yaml:"secret"`

	// FormerSecret signs them as well, while one secret takes the place of the other.
	FormerSecret alert.Secret `yaml:"former_secret"`

	// SigningKey is an Ed25519 key, "whsk_" and the base64 of its seed, besides the secret or instead of it. The
	// endpoint needs its public half only.
	SigningKey alert.Secret `yaml:"signing_key"`

	guard.Access `yaml:",inline"`

	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig leads nowhere.
func DefaultConfig() Config { return Config{Timeout: 10 * time.Second} }

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	if err := c.Bounds(); err != nil {
		return err
	}
	if err := c.validURL(); err != nil {
		return err
	}
	_, err := c.signer()
	return err
}

// Bounds reports what makes no sense whether the endpoint is used or not.
func (c Config) Bounds() error {
	if c.Timeout <= 0 {
		return fmt.Errorf("revoke.timeout: %s is not a positive time", c.Timeout)
	}
	return c.Access.Validate("revoke")
}

// signer makes what signs, and says which key is none.
func (c Config) signer() (*standard.Signer, error) {
	if c.FormerSecret != "" {
		if err := standard.CheckSecret(c.FormerSecret.Reveal()); err != nil {
			return nil, fmt.Errorf("revoke.former_secret: %w", err)
		}
	}
	if err := standard.CheckKey(c.SigningKey.Reveal()); err != nil {
		return nil, fmt.Errorf("revoke.signing_key: %w", err)
	}
	signer, err := standard.New(c.SigningKey.Reveal(), c.Secret.Reveal(), c.FormerSecret.Reveal())
	if err != nil || c.Secret == "" && c.FormerSecret != "" {
		return nil, fmt.Errorf("revoke.secret: %w", standard.ErrSecret)
	}
	return signer, nil
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
	case u.Scheme == "http" && !c.Any():
		return errors.New("revoke.url: want https, or list the endpoint's own network in revoke.allow")
	}
	return nil
}

func (c Config) route() guard.Route { return guard.Route{Timeout: c.Timeout, Opened: c.Opened()} }
