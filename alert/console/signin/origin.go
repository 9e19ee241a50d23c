package signin

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// origin knows where requests come from, behind proxies as well.
type origin struct {
	public  string // the console's URL; may be empty
	base    string
	proxies []netip.Prefix
}

func newOrigin(cfg Config) (origin, error) {
	o := origin{public: cfg.PublicURL, base: cfg.BasePath}
	for _, p := range cfg.TrustedProxies {
		prefix, err := parseProxy(p)
		if err != nil {
			return o, err
		}
		o.proxies = append(o.proxies, prefix)
	}
	return o, nil
}

func (o origin) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(o.proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// peer is the other end of the connection.
func peer(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, _ := netip.ParseAddr(host)
	return ip.Unmap().WithZone("")
}

// address is the rightmost address of X-Forwarded-For that is not a trusted proxy: what stands further left may have
// been written by anybody.
func (o origin) address(r *http.Request) netip.Addr {
	ip := peer(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && o.trusts(ip); i-- {
		hop, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop.Unmap().WithZone("")
	}
	return ip
}

// parseHop reads an address, behind which some proxies write the port.
func parseHop(text string) (netip.Addr, error) {
	if at, err := netip.ParseAddrPort(text); err == nil {
		return at.Addr(), nil
	}
	return netip.ParseAddr(text)
}

// secure tells whether the browser's connection is encrypted, as far as a trusted one says.
func (o origin) secure(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(o.public, "https://") || o.trusts(peer(r)) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// here is the console's URL as the browser has it.
func (o origin) here(r *http.Request) string {
	if o.public != "" {
		return o.public
	}
	scheme := "http"
	if o.secure(r) {
		scheme = "https"
	}
	return scheme + "://" + r.Host + o.base
}

// cookie makes one that scripts cannot read. Behind TLS its name has it refused from anywhere else than this host
// (__Host-), or, below a base path, at least from where there is no TLS (__Secure-).
func (o origin) cookie(r *http.Request, name, value string) *http.Cookie {
	return &http.Cookie{
		Name: o.cookieName(r, name), Value: value, Path: o.base + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: o.secure(r),
	}
}

func (o origin) cookieName(r *http.Request, name string) string {
	switch {
	case !o.secure(r):
		return name
	case o.base == "":
		return "__Host-" + name
	}
	return "__Secure-" + name
}
