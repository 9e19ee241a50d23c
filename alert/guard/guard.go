// Package guard is the way out for every notifier that speaks HTTP. It owns which addresses
// may be dialled, and is the only importer of code.dny.dev/ssrf.
//
//	notifier ─http.Client─► no redirects ─► Retry-After ─► address allowed? ─► destination
//	                                                            │ after DNS, as it is dialled
//	                                                            ▼
//	                                                       Prohibited
//
// It refuses to go where the configuration does not lead: a name that answers with an
// address of this machine, of the network around it or of a cloud's metadata service is
// not followed, whatever it answered a moment ago, and no redirect is.
package guard

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

// Access is the part of a channel's configuration that opens addresses which are not
// public.
type Access struct {
	// AllowPrivate lets the destination be at a private address (10/8, 172.16/12,
	// 192.168/16, 100.64/10, fc00::/7). Addresses are checked after DNS, as they are
	// dialled.
	AllowPrivate bool `yaml:"allow_private"`

	// Allow lists further networks (CIDR) that may be dialled although they are not
	// public, e.g. 127.0.0.0/8 for a receiver on this machine.
	Allow []string `yaml:"allow"`
}

// Validate reports a network that is none. Section is what the keys stand below.
func (a Access) Validate(section string) error {
	if _, err := Prefixes(a.Allow); err != nil {
		return fmt.Errorf("%s.allow: %w", section, err)
	}
	return nil
}

// Opened lists what the configuration opens. Validate has seen to errors.
func (a Access) Opened() []netip.Prefix {
	opened, _ := Prefixes(a.Allow)
	if a.AllowPrivate {
		opened = append(opened, private...)
	}
	return opened
}

// Any reports whether anything but public addresses may be dialled.
func (a Access) Any() bool { return a.AllowPrivate || len(a.Allow) > 0 }

// Prefixes reads networks as a configuration writes them.
func Prefixes(list []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network such as 127.0.0.0/8", s)
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, nil
}

// private are the networks that allow_private opens. Loopback and link-local are not
// among them: the first is this machine, the second is where clouds keep credentials.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("fc00::/7"),
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// Route is how one destination is reached.
type Route struct {
	Timeout time.Duration
	Opened  []netip.Prefix // may be dialled although they are not public
	Proxied string         // URL that may be reached through the environment's proxy; empty for none
	Alone   bool           // every request has a connection of its own, so that no answer can be to another one
}

// Client calls destinations over a route: bounded answers, no redirects, and an answer of
// 429 or 503 that says when to come back is an alert.RetryAfter.
func Client(r Route) *http.Client {
	return alert.HTTPClient(r.Timeout, patient{Transport(r)})
}

// Transport dials guarded. Through a proxy the guard would see the proxy's address only,
// so there is none unless the route asks for it.
func Transport(r Route) *http.Transport {
	t := &http.Transport{
		DialContext:         Dialer(r).DialContext,
		TLSHandshakeTimeout: r.Timeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        4,
		IdleConnTimeout:     time.Minute,
		DisableKeepAlives:   r.Alone,
	}
	if proxy := proxyFor(r.Proxied); proxy != nil {
		t.Proxy = http.ProxyFromEnvironment
		t.DialContext = besides(proxy, Dialer(r).DialContext)
	}
	return t
}

// Dialer refuses addresses that are neither public nor opened. It looks at the address
// that is dialled, after DNS, so a name that changes its mind between two look-ups gets
// nowhere.
func Dialer(r Route) *net.Dialer {
	var v4, v6 []netip.Prefix
	for _, p := range r.Opened {
		if p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	rules := ssrf.New(ssrf.WithAnyPort(), ssrf.WithAllowedV4Prefixes(v4...), ssrf.WithAllowedV6Prefixes(v6...))
	return &net.Dialer{Timeout: r.Timeout, Control: rules.Safe}
}

// Reach opens a connection to where a URL leads, and closes it.
func Reach(ctx context.Context, r Route, target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" {
		return errors.New("not a URL")
	}
	conn, err := Dialer(r).DialContext(ctx, "tcp", hostPort(u))
	if err != nil {
		return err
	}
	return conn.Close()
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// Prohibited reports whether it was the guard that refused.
func Prohibited(err error) bool {
	return errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedNetwork)
}
