// Package apisix takes tokens out of use at an Apache APISIX gateway, through its Admin
// API: it deletes the consumer's credential, or the consumer.
//
//	alert.Order ─► consumer ─► GET    /apisix/admin/consumers/{name}/credentials
//	                           DELETE /apisix/admin/consumers/{name}/credentials/{id}
//
// It refuses to guess: APISIX's records do not say which of a consumer's credentials was
// used, so one is deleted only where there is no other. It refuses to disable: APISIX has
// no way to that does not take the consumer's keys through whoever does it.
package apisix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Action is what is done to take a token out of use. Neither can be undone.
type Action string

// The actions.
const (
	DeleteCredential Action = "delete_credential" // the one credential of the consumer (APISIX 3.11 and later)
	DeleteConsumer   Action = "delete_consumer"   // the consumer, with all its credentials
)

// Config says where APISIX's Admin API is, and what to do there.
type Config struct {
	URL string `yaml:"url"` // http://apisix:9180

	// Token is the admin key, sent as X-API-KEY.
	Token alert.Secret `yaml:"token"`

	// Action is delete_credential or delete_consumer.
	Action Action `yaml:"action"`

	// Timeout bounds one request; an action takes up to two.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig leads nowhere.
func DefaultConfig() Config { return Config{Action: DeleteCredential, Timeout: 5 * time.Second} }

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	if err := guard.CheckURL("revoke.apisix.url", c.URL); err != nil {
		return err
	}
	switch {
	case c.Token == "":
		return errors.New("revoke.apisix.token: missing; APISIX has it under deployment.admin.admin_key")
	case !slices.Contains([]Action{DeleteCredential, DeleteConsumer}, c.Action):
		return fmt.Errorf("revoke.apisix.action: %q is neither delete_credential nor delete_consumer", c.Action)
	case c.Timeout <= 0:
		return fmt.Errorf("revoke.apisix.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}

// Gateway is one APISIX. It implements alert.Gateway.
type Gateway struct {
	cfg   Config
	admin *guard.Admin
}

// New makes a gateway. It calls nobody; see Check.
func New(cfg Config, access guard.Access) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	header := http.Header{}
	header.Set("X-API-KEY", cfg.Token.Reveal())
	route := guard.Route{Timeout: cfg.Timeout, Opened: access.Opened()}
	return &Gateway{cfg: cfg, admin: guard.NewAdmin("APISIX", "revoke.apisix", cfg.URL, header, route)}, nil
}

// Name is "apisix".
func (g *Gateway) Name() string { return "apisix" }

// Revoke does what the configuration says.
func (g *Gateway) Revoke(ctx context.Context, o alert.Order) (string, error) {
	consumer := o.Incident.Consumer
	if consumer == "" {
		return "", alert.Permanent{Err: errors.New("the records do not name the consumer"), Fix: "have APISIX log consumer.username, and do it by hand"}
	}
	if g.cfg.Action == DeleteConsumer {
		code, err := g.admin.Do(ctx, http.MethodDelete, at(consumer), nil, nil, http.StatusOK, http.StatusNoContent, http.StatusNotFound)
		if code == http.StatusNotFound {
			return "APISIX has no such consumer (any more)", err
		}
		return "APISIX has deleted the consumer " + consumer, err
	}
	id, err := g.only(ctx, consumer)
	if err != nil {
		return "", err
	}
	code, err := g.admin.Do(ctx, http.MethodDelete, at(consumer)+"/credentials/"+url.PathEscape(id), nil, nil,
		http.StatusOK, http.StatusNoContent, http.StatusNotFound)
	if code == http.StatusNotFound {
		return "APISIX has no such credential (any more): " + id, err
	}
	return "APISIX has deleted the credential " + id, err
}

// Restore refuses.
func (g *Gateway) Restore(context.Context, alert.Order) (string, error) {
	return "", alert.Permanent{Err: errors.New("what was deleted from APISIX does not come back"), Fix: "give the owner a new credential"}
}

// only is the consumer's credential, if it has one and no more. No key is decoded.
func (g *Gateway) only(ctx context.Context, consumer string) (string, error) {
	var all struct {
		List []struct {
			Key   string `json:"key"` // "/apisix/consumers/jack/credentials/34010989"
			Value struct {
				ID string `json:"id"`
			} `json:"value"`
		} `json:"list"`
	}
	if _, err := g.admin.Do(ctx, http.MethodGet, at(consumer)+"/credentials", nil, &all, http.StatusOK, http.StatusNotFound); err != nil {
		return "", err
	}
	switch len(all.List) {
	case 1:
		if id := all.List[0].Value.ID; id != "" {
			return id, nil
		}
		return path.Base(all.List[0].Key), nil
	case 0:
		return "", alert.Permanent{
			Err: errors.New("the consumer has no credential of its own in APISIX"),
			Fix: "where its key stands in the consumer, set revoke.apisix.action to delete_consumer; this time, do it by hand",
		}
	}
	return "", alert.Permanent{
		Err: fmt.Errorf("the consumer has %d credentials in APISIX, and the records do not name the one", len(all.List)),
		Fix: "do it by hand, or set revoke.apisix.action to delete_consumer",
	}
}

func at(consumer string) string { return "/apisix/admin/consumers/" + url.PathEscape(consumer) }

// Check asks APISIX for its consumers, which changes nothing.
func (g *Gateway) Check(ctx context.Context) error {
	_, err := g.admin.Do(ctx, http.MethodGet, "/apisix/admin/consumers?page=1&page_size=10", nil, nil, http.StatusOK)
	return err
}
