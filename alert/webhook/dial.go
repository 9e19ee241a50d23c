package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// route is how the endpoint is reached: what is not public has to be opened by name.
func route(cfg Config) guard.Route {
	access := guard.Access{AllowPrivate: cfg.AllowPrivate, Allow: cfg.Allow}
	return guard.Route{Timeout: cfg.Timeout, Opened: access.Opened()}
}

func transport(cfg Config) *http.Transport { return guard.Transport(route(cfg)) }

// dial opens a connection to the endpoint and closes it.
func dial(ctx context.Context, cfg Config) error { return guard.Reach(ctx, route(cfg), cfg.URL) }

// explain says which errors are the guard's, and takes the URL out of the others: it may
// hold a secret in its path.
func explain(err error) error {
	var wrapped *url.Error
	switch {
	case err == nil:
		return nil
	case guard.Prohibited(err):
		return alert.Permanent{
			Err: errors.New("the revoke endpoint is at an address that is not public"),
			Fix: "if it is meant to be there, list its network in revoke.allow, or set revoke.allow_private",
		}
	case errors.As(err, &wrapped):
		return fmt.Errorf("calling the revoke endpoint: %w", wrapped.Err)
	}
	return fmt.Errorf("calling the revoke endpoint: %w", err)
}
