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
	var node []byte
	for named := false; len(element) > 0; {
		var pair []byte
		pair, element = cutPair(element)
		name, v, _ := bytes.Cut(bytes.TrimSpace(pair), []byte("="))
		if !is(bytes.TrimSpace(name), "for") {
			continue
		}
		if named {
			return []byte("=") // two of them: no hop writes that, so somebody else has
		}
		node, named = bytes.Trim(v, "\" \t"), true
	}
	return node
}

// cutPair takes the first pair of an element. A semicolon within quotes is part of a value: hops quote
// the Host header that the client chose.
func cutPair(element []byte) (pair, rest []byte) {
	quoted := false
	for i, c := range element {
		switch {
		case c == '"' && (i == 0 || element[i-1] != '\\'):
			quoted = !quoted
		case c == ';' && !quoted:
			return element[:i], element[i+1:]
		}
	}
	return element, nil
}

// cutLastElement takes the last element of Forwarded. A comma within quotes is part of a value. Quotes are matched
// from the right, where the trusted hops have written: what a client leaves open on the left
// swallows nothing of it.
func cutLastElement(chain []byte) (rest, last []byte) {
	quoted := false
	for i := len(chain) - 1; i >= 0; i-- {
		switch {
		case chain[i] == '"' && (i == 0 || chain[i-1] != '\\'):
			quoted = !quoted
		case chain[i] == ',' && !quoted:
			return chain[:i], bytes.TrimSpace(chain[i+1:])
		}
	}
	return nil, bytes.TrimSpace(chain)
}

// parseHop reads an address as hops write it: with or without a port, IPv6 in brackets or
// not, quoted or not. What is none gives the zero address. The zone of a link-local
// address means something only on the hop's own machine and is dropped.
func parseHop(b []byte) netip.Addr {
	if ip := parse4(b); ip.IsValid() {
		return ip // nearly always
	}
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
	var ip, part, digits uint32
	dots := 0
	if len(b) > len("255.255.255.255") {
		return netip.Addr{}
	}
	for _, c := range b {
		switch {
		case c-'0' <= 9 && (digits == 0 || part > 0): // no leading zeros
			part = part*10 + uint32(c-'0')
			digits++
		case c == '.' && digits > 0 && part < 256:
			ip, part, digits = ip<<8|part, 0, 0
			dots++
		default:
			return netip.Addr{}
		}
	}
	if dots != 3 || digits == 0 || part > 255 {
		return netip.Addr{}
	}
	ip = ip<<8 | part
	return netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)})
}
