// Package litellm blocks and unblocks virtual keys at a LiteLLM proxy.
//
//	alert.Order ─► SHA-256 of the key, from the proxy's records ─► POST /key/block, /key/unblock
//
// It refuses to name a key by anything but its hash, which is what the records have and
// what the proxy takes in the key's place.
package litellm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Config says where the proxy is.
type Config struct {
	URL string `yaml:"url"` // http://litellm:4000

	// Token is the proxy's master key, or one of a user who may block keys.
	Token alert.Secret `yaml:"token"`

	// Timeout bounds one request.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig leads nowhere.
func DefaultConfig() Config { return Config{Timeout: 5 * time.Second} }

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	if err := guard.CheckURL("revoke.litellm.url", c.URL); err != nil {
		return err
	}
	switch {
	case c.Token == "":
		return errors.New("revoke.litellm.token: missing; want the proxy's master key")
	case c.Timeout <= 0:
		return fmt.Errorf("revoke.litellm.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}

// Gateway is one proxy. It implements alert.Gateway.
type Gateway struct {
	admin *guard.Admin
	route guard.Route
	url   string
}

// New makes a gateway. It calls nobody; see Check.
func New(cfg Config, access guard.Access) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	header := http.Header{}
	header.Set("Authorization", "Bearer "+cfg.Token.Reveal())
	route := guard.Route{Timeout: cfg.Timeout, Opened: access.Opened()}
	return &Gateway{url: cfg.URL, route: route, admin: guard.NewAdmin("LiteLLM", "revoke.litellm", cfg.URL, header, route)}, nil
}

// Name is "litellm".
func (g *Gateway) Name() string { return "litellm" }

// Revoke blocks the key.
func (g *Gateway) Revoke(ctx context.Context, o alert.Order) (string, error) {
	return g.set(ctx, o, "/key/block", true)
}

// Restore unblocks it.
func (g *Gateway) Restore(ctx context.Context, o alert.Order) (string, error) {
	return g.set(ctx, o, "/key/unblock", false)
}

func (g *Gateway) set(ctx context.Context, o alert.Order, path string, blocked bool) (string, error) {
	hash := o.Incident.Credential
	if hash == "" {
		return "", alert.Permanent{Err: errors.New("the records do not name the key's hash"), Fix: "have LiteLLM log metadata.user_api_key_hash, and do it by hand"}
	}
	var said struct {
		Blocked *bool `json:"blocked"`
	}
	if _, err := g.admin.Do(ctx, http.MethodPost, path, map[string]string{"key": hash}, &said, http.StatusOK); err != nil {
		return "", err
	}
	if said.Blocked != nil && *said.Blocked != blocked {
		return "", fmt.Errorf("LiteLLM answers that the key's blocked is %v", *said.Blocked)
	}
	if blocked {
		return "LiteLLM has blocked the key", nil
	}
	return "LiteLLM has unblocked the key", nil
}

// Check dials the proxy, and sends nothing.
func (g *Gateway) Check(ctx context.Context) error {
	if err := guard.Reach(ctx, g.route, g.url); err != nil {
		return fmt.Errorf("calling LiteLLM: %w", err)
	}
	return nil
}
