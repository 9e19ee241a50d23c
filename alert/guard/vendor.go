package guard

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Vendor is the route to a vendor's API. As long as the URL leads to the vendor (home is its
// domain), only public addresses are dialled. Where somebody wrote another place into the
// configuration (a server of their own, a test), that is where it is meant to go: private
// networks and this machine are open, the link-local addresses where clouds keep
// credentials still are not. A proxy that the environment names is used.
func Vendor(target, home string, timeout time.Duration) Route {
	r := Route{Timeout: timeout, Proxied: target}
	if !Within(target, home) {
		r.Opened = slices.Concat(private, loopback)
	}
	return r
}

// Within reports whether a URL leads into a domain.
func Within(target, domain string) bool {
	u, err := url.Parse(target)
	if err != nil {
		return false
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	return host == domain || strings.HasSuffix(host, "."+domain)
}

// Written opens the address that stands in a URL itself: whoever wrote it did not leave it to
// a name's owner where requests go.
func Written(target string) []netip.Prefix {
	u, err := url.Parse(target)
	if err != nil {
		return nil
	}
	if strings.EqualFold(u.Hostname(), "localhost") {
		return loopback
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil
	}
	return []netip.Prefix{netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen())}
}

// proxyFor is the proxy that the environment wants a URL to be reached through, if any.
func proxyFor(target string) *url.URL {
	u, err := url.Parse(target)
	if target == "" || err != nil {
		return nil
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		return nil
	}
	return proxy
}

type dial func(ctx context.Context, network, address string) (net.Conn, error)

// besides lets the proxy be dialled wherever it is, and everything else as before.
func besides(proxy *url.URL, guarded dial) dial {
	known, open := hostPort(proxy), &net.Dialer{}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == known {
			return open.DialContext(ctx, network, address)
		}
		return guarded(ctx, network, address)
	}
}
