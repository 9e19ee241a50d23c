package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"code.dny.dev/ssrf"

	"github.com/tokenwatch/tokenwatch/alert"
)

// privateNetworks are what allow_private opens. Loopback and link-local are not among
// them: the first is this machine, the second is where clouds keep credentials.
var privateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("fc00::/7"),
}

// dialer refuses addresses that are not public or allowed. It looks at the address that
// is dialled, after DNS, so a name that changes its mind between two look-ups gets
// nowhere.
func dialer(cfg Config) *net.Dialer {
	var v4, v6 []netip.Prefix
	allowed, _ := cfg.prefixes() // Validate has seen to errors
	if cfg.AllowPrivate {
		allowed = append(allowed, privateNetworks...)
	}
	for _, p := range allowed {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	guard := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return &net.Dialer{Timeout: cfg.Timeout, Control: guard.Safe}
}

// transport dials guarded and never through a proxy: behind one, the guard would see the
// proxy's address only.
func transport(cfg Config) *http.Transport {
	return &http.Transport{
		DialContext:         dialer(cfg).DialContext,
		TLSHandshakeTimeout: cfg.Timeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        2,
		IdleConnTimeout:     time.Minute,
	}
}

// dial opens a connection to the endpoint and closes it.
func dial(ctx context.Context, cfg Config) error {
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return errors.New("revoke.url is not a URL")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	conn, err := dialer(cfg).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// explain says which errors are the guard's, and takes the URL out of the others: it may
// hold a secret in its path.
func explain(err error) error {
	var wrapped *url.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return alert.Permanent{
			Err: errors.New("the revoke endpoint is at an address that is not public"),
			Fix: "if it is meant to be there, list its network in revoke.allow, or set revoke.allow_private",
		}
	case errors.As(err, &wrapped):
		return fmt.Errorf("calling the revoke endpoint: %w", wrapped.Err)
	}
	return fmt.Errorf("calling the revoke endpoint: %w", err)
}
