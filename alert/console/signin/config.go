package signin

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Config says who may come in, and by which address.
type Config struct {
	// PublicURL is where people reach the console: https://soc.example.org/tokenwatch.
	PublicURL string `yaml:"public_url"`
	// BasePath is the path that a proxy in front serves it under, such as /tokenwatch. The proxy may pass it on or
	// strip it. Empty: the path of PublicURL.
	BasePath string `yaml:"base_path"`
	// TrustedProxies are the addresses whose X-Forwarded-For and X-Forwarded-Proto are believed.
	TrustedProxies []string `yaml:"trusted_proxies"`

	// Password signs in the user admin. Empty, and nobody else can sign in: one that is generated at the first start.
	Password alert.Secret `yaml:"password"`
	// Users sign in with passwords too, by their names.
	Users map[string]User `yaml:"users"`
	// OIDC signs people in at an OpenID Connect provider.
	OIDC OIDCConfig `yaml:"oidc"`

	// SessionTTL is how long somebody stays signed in.
	SessionTTL time.Duration `yaml:"session_ttl"`
	// SessionIdle is after how long without a request somebody has to sign in again.
	SessionIdle time.Duration `yaml:"session_idle"`
}

// User is somebody who signs in with a password.
type User struct {
	Role     Role         `yaml:"role"`
	Password alert.Secret `yaml:"password"`
}

// OIDCConfig is an OpenID Connect provider; without an issuer there is none.
type OIDCConfig struct {
	Issuer       string       `yaml:"issuer"`
	ClientID     string       `yaml:"client_id"`
	ClientSecret alert.Secret `yaml:"client_secret"` // empty: a public client, which PKCE protects alone
	Scopes       []string     `yaml:"scopes"`
	// NameClaim names a person; empty: the first of preferred_username, email and sub that there is.
	NameClaim string `yaml:"name_claim"`
	// RoleClaim holds a person's groups, as a text or a list; dots lead into objects.
	RoleClaim string `yaml:"role_claim"`
	// Roles gives groups their roles; of several the highest holds.
	Roles map[string]Role `yaml:"roles"`
	// DefaultRole is that of people without such a group; empty: they are refused.
	DefaultRole Role `yaml:"default_role"`
}

// DefaultConfig has sessions of a working day.
func DefaultConfig() Config {
	return Config{
		SessionTTL: 12 * time.Hour, SessionIdle: 4 * time.Hour,
		OIDC: OIDCConfig{Scopes: []string{"openid", "profile", "email"}, RoleClaim: "groups"},
	}
}

// Unguarded tells that nobody can sign in yet: a password has to be made.
func (c Config) Unguarded() bool {
	return c.Password == "" && len(c.Users) == 0 && c.OIDC.Issuer == ""
}

// Settled has base_path and public_url agree with each other.
func (c Config) Settled() Config {
	u, err := url.Parse(c.PublicURL)
	if c.PublicURL == "" || err != nil {
		return c
	}
	if c.BasePath == "" {
		c.BasePath = strings.TrimSuffix(u.Path, "/")
	}
	c.PublicURL = u.Scheme + "://" + u.Host + c.BasePath
	return c
}

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	for _, check := range []func() error{c.checkPlace, c.checkPeople, c.OIDC.validate, c.checkSessions} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) checkSessions() error {
	if c.SessionTTL <= 0 {
		return errors.New("console.session_ttl: must be above 0")
	}
	if c.SessionIdle <= 0 {
		return errors.New("console.session_idle: must be above 0; give it the value of console.session_ttl where idle people may stay")
	}
	return nil
}

// pathCharacters are those that mean themselves in a path, a cookie and a pattern.
const pathCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/"

func (c Config) checkPlace() error {
	if p := c.BasePath; p != "" && (!strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.Trim(p, pathCharacters) != "" || dotted(p)) {
		return fmt.Errorf("console.base_path: %q: want a path of letters, digits, - . _ ~ and / that begins with / and does not end with it, such as /tokenwatch", p)
	}
	for _, p := range c.TrustedProxies {
		if _, err := parseProxy(p); err != nil {
			return fmt.Errorf("console.trusted_proxies: %q: want addresses such as 10.0.0.0/8 or 192.0.2.1", p)
		}
	}
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("console.public_url: %q: want a URL such as https://soc.example.org/tokenwatch", c.PublicURL)
	}
	if path := strings.TrimSuffix(u.Path, "/"); path != "" && c.BasePath != "" && path != c.BasePath {
		return fmt.Errorf("console.public_url, console.base_path: the one says %s, the other %s; name the path once", path, c.BasePath)
	}
	if path := strings.TrimSuffix(u.Path, "/"); strings.Trim(path, pathCharacters) != "" || dotted(path) {
		return fmt.Errorf("console.public_url: %q: want a path of letters, digits, - . _ ~ and /", c.PublicURL)
	}
	return nil
}

// dotted finds what would be taken out of a path before it is compared.
func dotted(path string) bool {
	return slices.ContainsFunc(strings.Split(strings.TrimPrefix(path, "/"), "/"), func(s string) bool {
		return s == "." || s == ".." || s == "" && path != ""
	})
}

func (c Config) checkPeople() error {
	for name, u := range c.Users {
		switch {
		case name == "" || len(name) > mostName || strings.TrimSpace(name) != name:
			return fmt.Errorf("console.users: %.40q: want a name of at most %d characters, without spaces around it", name, mostName)
		case u.Role == Nobody:
			return fmt.Errorf("console.users.%s.role: missing: want viewer, responder or admin", name)
		case u.Password == "":
			return fmt.Errorf("console.users.%s.password: missing", name)
		case name == adminName && c.Password != "":
			return errors.New("console.users.admin: console.password is that user's password already; leave out one of them")
		}
	}
	return nil
}

func (c OIDCConfig) validate() error {
	if c.Issuer == "" {
		if c.ClientID != "" || c.ClientSecret != "" {
			return errors.New("console.oidc.issuer: missing, though console.oidc.client_id or client_secret is set; want a URL such as https://login.example.org")
		}
		return nil
	}
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("console.oidc.issuer: %q: want a URL such as https://login.example.org", c.Issuer)
	case c.ClientID == "":
		return errors.New("console.oidc.client_id: missing: it is what the provider knows the console by")
	case !slices.Contains(c.Scopes, "openid"):
		return errors.New("console.oidc.scopes: openid has to be among them")
	case len(c.Roles) == 0 && c.DefaultRole == Nobody:
		return errors.New("console.oidc.roles, console.oidc.default_role: nobody would have a role; give roles to groups ({soc: responder}), or all people one")
	case len(c.Roles) > 0 && c.RoleClaim == "":
		return errors.New("console.oidc.role_claim: missing: it says where a person's groups are, such as groups")
	}
	return nil
}

func parseProxy(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}
