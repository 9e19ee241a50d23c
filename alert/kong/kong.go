// Package kong takes tokens out of use at a Kong gateway, through its Admin API: it deletes
// the credential, or disables or deletes its consumer.
//
//	alert.Order ─► credential id, consumer ─► DELETE /consumers/{consumer}/key-auth/{id}
//	                                          POST   /consumers/{consumer}/plugins   request-termination, 403
//
// It refuses to guess: of a consumer with several credentials none is deleted unless Kong's
// records name the one (authenticated_entity.id). It reads no keys: of the answers that
// hold some, only ids are decoded.
package kong

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Gateway is one Kong. It implements alert.Gateway.
type Gateway struct {
	cfg   Config
	admin *guard.Admin
	route guard.Route
}

// New makes a gateway. It calls nobody; see Check.
func New(cfg Config, access guard.Access) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	base := cfg.URL
	if cfg.Workspace != "" {
		base += "/" + url.PathEscape(cfg.Workspace)
	}
	header := http.Header{}
	if cfg.Token != "" {
		header.Set("Kong-Admin-Token", cfg.Token.Reveal())
	}
	route := guard.Route{Timeout: cfg.Timeout, Opened: access.Opened()}
	return &Gateway{cfg: cfg, route: route, admin: guard.NewAdmin("Kong", "revoke.kong", base, header, route)}, nil
}

// Name is "kong".
func (g *Gateway) Name() string { return "kong" }

// Revoke does what the configuration says.
func (g *Gateway) Revoke(ctx context.Context, o alert.Order) (string, error) {
	if g.cfg.Action == DeleteCredential {
		return g.deleteCredential(ctx, &o.Incident)
	}
	consumer, err := g.consumer(ctx, &o.Incident)
	if errors.Is(err, errGone) {
		return "Kong has no such consumer (any more)", nil
	}
	if err != nil {
		return "", err
	}
	if g.cfg.Action == DisableConsumer {
		return g.disable(ctx, consumer, o.ID)
	}
	_, err = g.admin.Do(ctx, http.MethodDelete, "/consumers/"+url.PathEscape(consumer), nil, nil, http.StatusNoContent, http.StatusOK, http.StatusNotFound)
	return "Kong has deleted the consumer " + o.Incident.Consumer, err
}

// Restore lets a disabled consumer in again.
func (g *Gateway) Restore(ctx context.Context, o alert.Order) (string, error) {
	if g.cfg.Action != DisableConsumer {
		return "", alert.Permanent{Err: errors.New("what was deleted from Kong does not come back"), Fix: "give the owner a new credential"}
	}
	consumer, err := g.consumer(ctx, &o.Incident)
	if err != nil {
		return "", err
	}
	return g.enable(ctx, consumer)
}

// listed is what Kong answers with several of. Of credentials no key is decoded.
type listed struct {
	Data []item `json:"data"`
}

type item struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	Tags []string `json:"tags"`
}

var errGone = errors.New("not there")

// deleteCredential deletes the credential that Kong's records name, or the only one that the consumer has.
func (g *Gateway) deleteCredential(ctx context.Context, inc *schema.Incident) (string, error) {
	id := inc.Credential
	if id != "" && inc.Consumer != "" {
		code, err := g.drop(ctx, inc.Consumer, id)
		if err != nil || code != http.StatusNotFound {
			return "Kong has deleted the credential " + id, err
		}
	}
	consumer, err := g.consumer(ctx, inc)
	if errors.Is(err, errGone) && id != "" {
		return "Kong has no such credential (any more): " + id, nil
	}
	if err != nil {
		return "", err
	}
	if id == "" {
		if id, err = g.only(ctx, consumer); err != nil {
			return "", err
		}
	}
	code, err := g.drop(ctx, consumer, id)
	if code == http.StatusNotFound {
		return "Kong has no such credential (any more): " + id, err
	}
	return "Kong has deleted the credential " + id, err
}

func (g *Gateway) drop(ctx context.Context, consumer, id string) (int, error) {
	return g.admin.Do(ctx, http.MethodDelete, g.credentials(consumer)+"/"+url.PathEscape(id), nil, nil,
		http.StatusNoContent, http.StatusOK, http.StatusNotFound)
}

func (g *Gateway) credentials(consumer string) string {
	return "/consumers/" + url.PathEscape(consumer) + "/" + url.PathEscape(g.cfg.Plugin)
}

// only is the consumer's credential, if it has one and no more.
func (g *Gateway) only(ctx context.Context, consumer string) (string, error) {
	var all listed
	if _, err := g.admin.Do(ctx, http.MethodGet, g.credentials(consumer), nil, &all, http.StatusOK); err != nil {
		return "", err
	}
	switch len(all.Data) {
	case 1:
		return all.Data[0].ID, nil
	case 0:
		return "", alert.Permanent{
			Err: fmt.Errorf("the consumer has no %s credential in Kong", g.cfg.Plugin), Fix: "check revoke.kong.plugin, and do it by hand",
		}
	}
	return "", alert.Permanent{
		Err: fmt.Errorf("the consumer has %d credentials in Kong, and the records do not name the one", len(all.Data)),
		Fix: "log authenticated_entity.id, or set revoke.kong.action to disable_consumer",
	}
}

// consumer is the id of the incident's consumer: of the credential where that is known, else by its name, or by the id
// that it has outside of Kong.
func (g *Gateway) consumer(ctx context.Context, inc *schema.Incident) (string, error) {
	if inc.Credential != "" && g.cfg.Plugin == "key-auth" {
		found, err := g.look(ctx, "/key-auths/"+url.PathEscape(inc.Credential)+"/consumer")
		if err == nil || !errors.Is(err, errGone) || inc.Consumer == "" {
			return found, err
		}
	}
	if inc.Consumer == "" {
		return "", alert.Permanent{Err: errors.New("the records name neither the credential nor its consumer"), Fix: "do it by hand"}
	}
	found, err := g.look(ctx, "/consumers/"+url.PathEscape(inc.Consumer))
	if !errors.Is(err, errGone) {
		return found, err
	}
	var all listed
	if _, err := g.admin.Do(ctx, http.MethodGet, "/consumers?custom_id="+url.QueryEscape(inc.Consumer), nil, &all, http.StatusOK, http.StatusNotFound); err != nil {
		return "", err
	}
	if len(all.Data) != 1 {
		return "", errGone
	}
	return all.Data[0].ID, nil
}

func (g *Gateway) look(ctx context.Context, path string) (string, error) {
	var found item
	code, err := g.admin.Do(ctx, http.MethodGet, path, nil, &found, http.StatusOK, http.StatusNotFound)
	switch {
	case err != nil:
		return "", err
	case code == http.StatusNotFound || found.ID == "":
		return "", errGone
	}
	return found.ID, nil
}

const (
	termination = "request-termination"
	ownTag      = "tokenwatch"
)

// disable has all requests of a consumer refused. A consumer that is disabled already stays so.
func (g *Gateway) disable(ctx context.Context, consumer, order string) (string, error) {
	code, err := g.admin.Do(ctx, http.MethodPost, plugins(consumer), map[string]any{
		"name":    termination,
		"enabled": true,
		"tags":    []string{ownTag, order},
		"config":  map[string]any{"status_code": http.StatusForbidden, "message": "This consumer is disabled."},
	}, nil, http.StatusCreated, http.StatusOK, http.StatusConflict)
	if code == http.StatusConflict {
		return "Kong refuses the consumer's requests already", err
	}
	return "Kong refuses all requests of the consumer from now on", err
}

// enable takes our plugin away again, and no other.
func (g *Gateway) enable(ctx context.Context, consumer string) (string, error) {
	var all listed
	if _, err := g.admin.Do(ctx, http.MethodGet, plugins(consumer), nil, &all, http.StatusOK); err != nil {
		return "", err
	}
	taken := 0
	for _, plugin := range all.Data {
		if plugin.Name != termination || !slices.Contains(plugin.Tags, ownTag) {
			continue
		}
		path := plugins(consumer) + "/" + url.PathEscape(plugin.ID)
		if _, err := g.admin.Do(ctx, http.MethodDelete, path, nil, nil, http.StatusNoContent, http.StatusOK, http.StatusNotFound); err != nil {
			return "", err
		}
		taken++
	}
	if taken == 0 {
		return "Kong did not refuse the consumer's requests because of tokenwatch", nil
	}
	return "Kong lets the consumer in again", nil
}

func plugins(consumer string) string { return "/consumers/" + url.PathEscape(consumer) + "/plugins" }

// Check asks Kong for one consumer, which changes nothing.
func (g *Gateway) Check(ctx context.Context) error {
	_, err := g.admin.Do(ctx, http.MethodGet, "/consumers?size=1", nil, nil, http.StatusOK)
	return err
}
