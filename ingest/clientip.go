package ingest

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// maxHops bounds how many entries of a forwarding chain are looked at, from the right.
// Nobody has that many proxies, and the left end is the client's to choose.
const maxHops = 32

// DefaultTrustedProxies are the networks that a request from outside cannot come from:
// loopback, link-local, private and shared address space.
func DefaultTrustedProxies() []string {
	return []string{
		"127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10",
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "100.64.0.0/10",
	}
}

// trust is the set of networks whose hops are believed.
type trust struct {
	networks []netip.Prefix
	// first are the first bytes, a bit each, of IPv4 addresses that can be in one of them.
	first [4]uint64
}

func parseTrust(networks []string) (trust, error) {
	var t trust
	for _, network := range networks {
		prefix, err := parseNetwork(network)
		if err != nil {
			return trust{}, fmt.Errorf("trusted_proxies: %q: want an address or a network such as 10.0.0.0/8", network)
		}
		t.networks = append(t.networks, prefix)
		t.note(prefix)
	}
	return t, nil
}

// note marks the first bytes that addresses of a network have.
func (t *trust) note(network netip.Prefix) {
	if !network.Addr().Is4() {
		return
	}
	for i := range 256 {
		alike := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i)}), min(8, network.Bits()))
		if alike.Contains(network.Addr()) {
			t.first[i/64] |= 1 << (i % 64)
		}
	}
}

func parseNetwork(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		prefix, err := netip.ParsePrefix(s)
		if ip := prefix.Addr(); err == nil && ip.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(ip.Unmap(), prefix.Bits()-96) // as addresses are compared
		}
		return prefix.Masked(), err
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return ip.Unmap().WithZone("").Prefix(ip.Unmap().BitLen())
}

func (t *trust) has(ip netip.Addr) bool {
	if ip.Is4() {
		if first := ip.As4()[0]; t.first[first/64]>>(first%64)&1 == 0 {
			return false
		}
	}
	for _, prefix := range t.networks {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// origin is where a request came from.
type origin struct {
	ip      netip.Addr
	from    schema.IPFrom
	spoofed bool
}

// origin finds the client: the rightmost address that is not a trusted hop.
//
//	X-Forwarded-For: 8.8.8.8, 203.0.113.7, 10.0.0.5      peer 10.0.0.9
//	                 (claimed) ──client──  (trusted)          (trusted)
//
// Each trusted hop has written down who called it; what stands left of the client is the
// client's own claim and is ignored. If all hops are trusted, the gateway's own reckoning
// is taken if it names somebody else, and else the peer.
//
// The chain is spoofed when what it says contradicts what trusted hops vouch for:
//   - the peer is no trusted hop, and the chain names a client other than the peer;
//   - a trusted hop seems to have written what is no address (RFC 7239's "unknown" and
//     obfuscated names are in order), or one that nobody can call from;
//   - X-Forwarded-For and Forwarded name different clients;
//   - the chain is longer than maxHops, with nothing but trusted hops in those.
func (t *trust) origin(r *format.Record) origin {
	peer, from := t.nearest(r)
	named := t.claimed(r)
	switch {
	case peer.IsValid() && !t.has(peer):
		return origin{peer, from, named.spoofed || named.ip.IsValid() && named.ip != peer}
	case named.ip.IsValid():
		return origin{named.ip, schema.IPFromForwarded, named.spoofed}
	}
	if ip := parseHop(r.Client); ip.IsValid() && !t.has(ip) {
		return origin{ip, schema.IPFromGateway, named.spoofed}
	}
	return origin{peer, from, named.spoofed}
}

// nearest is the hop that called the gateway, as far as the gateway says.
func (t *trust) nearest(r *format.Record) (netip.Addr, schema.IPFrom) {
	if ip := parseHop(r.Peer); ip.IsValid() {
		return ip, schema.IPFromPeer
	}
	if ip := parseHop(r.Client); ip.IsValid() {
		return ip, schema.IPFromGateway
	}
	return netip.Addr{}, schema.IPFromNone
}

// claimed is the client that the forwarding headers name.
func (t *trust) claimed(r *format.Record) origin {
	listed := t.rightmost(r.ForwardedFor, cutLast, parseHop)
	if len(r.Forwarded) == 0 {
		return listed
	}
	standard := t.rightmost(r.Forwarded, cutLastElement, parseForwarded)
	if len(r.ForwardedFor) == 0 || !listed.ip.IsValid() {
		standard.spoofed = standard.spoofed || listed.spoofed
		return standard
	}
	listed.spoofed = listed.spoofed || standard.spoofed || standard.ip.IsValid() && standard.ip != listed.ip
	return listed
}

// rightmost walks a chain from the right to the first address that is not trusted.
func (t *trust) rightmost(chain []byte, cut func([]byte) (rest, last []byte), parse func([]byte) netip.Addr) origin {
	for hops := 0; len(chain) > 0; hops++ {
		if hops == maxHops {
			return origin{spoofed: true}
		}
		var hop []byte
		chain, hop = cut(chain)
		ip := parse(hop)
		switch {
		case !ip.IsValid():
			return origin{spoofed: !hidden(hop)}
		case ip.IsUnspecified() || ip.IsMulticast():
			return origin{spoofed: true}
		case !t.has(ip):
			return origin{ip: ip}
		}
	}
	return origin{}
}

func cutLast(chain []byte) (rest, last []byte) {
	i := bytes.LastIndexByte(chain, ',')
	return chain[:max(i, 0)], bytes.TrimSpace(chain[i+1:])
}

// hidden reports whether a hop says that it does not say: RFC 7239, section 6.
func hidden(hop []byte) bool {
	hop = nodeOf(hop)
	return len(hop) == 0 || is(hop, "unknown") || hop[0] == '_'
}
