package hook

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/alert/standard"
)

// Config says where incidents are sent as JSON. Without url, nothing is sent.
type Config struct {
	// URL is the endpoint. https, unless it is within your own network (allow or
	// allow_private).
	URL string `yaml:"url"`

	// Secret signs the requests: "whsec_" and the base64 of 24 to 64 random bytes. The
	// endpoint has the same one and must verify every request with it.
	Secret alert.Secret `yaml:"secret"`

	// FormerSecret signs them as well, while one secret takes the place of the other.
	FormerSecret alert.Secret `yaml:"former_secret"`

	// SigningKey is an Ed25519 key, "whsk_" and the base64 of its seed, besides the secret or
	// instead of it.
	SigningKey alert.Secret `yaml:"signing_key"`

	guard.Access `yaml:",inline"`

	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`

	section string `yaml:"-"` // what errors say that the keys stand below
}

// DefaultConfig sends nothing.
func DefaultConfig() Config { return Config{Timeout: 10 * time.Second, section: "hook"} }

// Named gives the section another name, for errors.
func (c Config) Named(section string) Config {
	c.section = section
	return c
}

// Enabled reports whether anything is sent.
func (c Config) Enabled() bool { return c.URL != "" }

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	if err := validURL(c.URL, c.section, c.Access); err != nil {
		return fmt.Errorf("%s.url: %w", c.section, err)
	}
	if c.Timeout <= 0 {
		return fmt.Errorf("%s.timeout: %s is not a positive time", c.section, c.Timeout)
	}
	if err := c.Access.Validate(c.section); err != nil {
		return err
	}
	_, err := c.signer()
	return err
}

func validURL(text, section string, access guard.Access) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("missing")
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("want a URL such as https://soar.example.com/tokenwatch")
	case u.User != nil:
		return fmt.Errorf("must hold no user or password; requests are signed with %s.secret", section)
	case u.Scheme == "http" && !access.Any():
		return fmt.Errorf("want https, or list the endpoint's own network in %s.allow", section)
	}
	return nil
}

func (c Config) signer() (*standard.Signer, error) {
	for key, secret := range map[string]alert.Secret{"secret": c.Secret, "former_secret": c.FormerSecret} {
		if secret == "" {
			continue
		}
		if err := standard.CheckSecret(secret.Reveal()); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", c.section, key, err)
		}
	}
	if c.SigningKey != "" {
		if err := standard.CheckKey(c.SigningKey.Reveal()); err != nil {
			return nil, fmt.Errorf("%s.signing_key: %w", c.section, err)
		}
	}
	if c.Secret == "" && c.SigningKey == "" {
		return nil, fmt.Errorf("%s.secret: %w", c.section, standard.ErrSecret)
	}
	signer, err := standard.New(c.SigningKey.Reveal(), c.Secret.Reveal(), c.FormerSecret.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%s.secret: %w", c.section, err)
	}
	return signer, nil
}
