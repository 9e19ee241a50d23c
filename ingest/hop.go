package ingest

import (
	"bytes"
	"net/netip"
)

// parseForwarded reads the address of one element of Forwarded (RFC 7239):
//
//	for="[2001:db8::1]:4711";by=203.0.113.43;proto=https
func parseForwarded(element []byte) netip.Addr { return parseHop(nodeOf(element)) }

// nodeOf is what for= says in an element of Forwarded, or the element itself if it has no
// such thing and so is one of X-Forwarded-For.
func nodeOf(element []byte) []byte {
	if bytes.IndexByte(element, '=') < 0 {
		return element
	}
	for len(element) > 0 {
		var pair []byte
		pair, element, _ = bytes.Cut(element, []byte(";"))
		name, v, _ := bytes.Cut(bytes.TrimSpace(pair), []byte("="))
		if is(name, "for") {
			return bytes.Trim(v, `"`)
		}
	}
	return nil
}

// parseHop reads an address as hops write it: with or without a port, IPv6 in brackets or
// not, quoted or not. What is none gives the zero address. The zone of a link-local
// address means something only on the hop's own machine and is dropped.
func parseHop(b []byte) netip.Addr {
	b = bytes.Trim(b, "\" \t")
	if len(b) == 0 || len(b) > 64 {
		return netip.Addr{}
	}
	if b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || !port(b[end+1:]) {
			return netip.Addr{}
		}
		return parse6(b[1:end])
	}
	colon := bytes.IndexByte(b, ':')
	if colon < 0 {
		return parse4(b)
	}
	if bytes.IndexByte(b[colon+1:], ':') >= 0 {
		return parse6(b)
	}
	if !port(b[colon:]) {
		return netip.Addr{}
	}
	return parse4(b[:colon])
}

// port reports whether b is empty or a colon and a port, which may be obfuscated.
func port(b []byte) bool {
	return len(b) == 0 || len(b) > 1 && b[0] == ':' && (b[1] == '_' || b[1]-'0' <= 9)
}

func parse6(b []byte) netip.Addr {
	ip, err := netip.ParseAddr(string(b))
	if err != nil || !ip.Is6() {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// parse4 reads an IPv4 address. It spares the text that netip.ParseAddr would need.
func parse4(b []byte) netip.Addr {
	var ip [4]byte
	for i := range ip {
		part := b
		if i < 3 {
			dot := bytes.IndexByte(b, '.')
			if dot < 0 {
				return netip.Addr{}
			}
			part, b = b[:dot], b[dot+1:]
		}
		n, ok := octet(part)
		if !ok {
			return netip.Addr{}
		}
		ip[i] = n
	}
	return netip.AddrFrom4(ip)
}

func octet(b []byte) (byte, bool) {
	n := 0
	for _, c := range b {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return byte(n), 0 < len(b) && len(b) <= 3 && n < 256 && (len(b) == 1 || b[0] != '0')
}
