package geo

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sort"

	"github.com/tokenwatch/tokenwatch/schema"
)

// listed tells the kind of network of single addresses and networks, whatever their ASN says: a Tor exit or a VPN's
// egress stands in somebody's ordinary network. It is a line cut into stretches: the kind from
// one start to the next. The most specific network that holds an address decides, and of
// equal ones the kind that says more (tor before vpn, hosting, business, mobile, residential).
type listed struct {
	starts []number
	kinds  []schema.Network // of the stretch that begins there; unknown between networks
}

// number is an address as a number, IPv4 mapped into IPv6.
type number struct{ high, low uint64 }

func numberOf(ip netip.Addr) number {
	b := ip.As16()
	return number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (n number) compare(m number) int {
	return cmp.Or(cmp.Compare(n.high, m.high), cmp.Compare(n.low, m.low))
}

// after is the next number, and whether there is one.
func (n number) after() (number, bool) {
	n.low++
	if n.low == 0 {
		n.high++
	}
	return n, n != number{}
}

// of is the kind of network that an address is listed as, unknown if it is not.
func (l *listed) of(ip netip.Addr) schema.Network {
	if len(l.starts) == 0 {
		return schema.NetworkUnknown
	}
	n := numberOf(ip)
	i := sort.Search(len(l.starts), func(i int) bool { return l.starts[i].compare(n) > 0 })
	if i == 0 {
		return schema.NetworkUnknown
	}
	return l.kinds[i-1]
}

// entry is one line of a list.
type entry struct {
	first, last number
	kind        schema.Network
}

// flatten cuts networks that may lie within each other into stretches.
func flatten(entries []entry) listed {
	slices.SortFunc(entries, func(a, b entry) int { // outer ones first
		return cmp.Or(a.first.compare(b.first), b.last.compare(a.last), cmp.Compare(a.kind, b.kind))
	})
	var l listed
	var open []entry // the networks around the place at hand, innermost last
	closeUntil := func(before number, all bool) {
		for len(open) > 0 && (all || open[len(open)-1].last.compare(before) < 0) {
			next, more := open[len(open)-1].last.after()
			open = open[:len(open)-1]
			if more {
				l.begin(next, kindAround(open))
			}
		}
	}
	for _, e := range entries {
		closeUntil(e.first, false)
		l.begin(e.first, e.kind)
		open = append(open, e)
	}
	closeUntil(number{}, true)
	return l
}

func kindAround(open []entry) schema.Network {
	if len(open) == 0 {
		return schema.NetworkUnknown
	}
	return open[len(open)-1].kind
}

// begin starts a stretch, in place of one that would be empty.
func (l *listed) begin(at number, kind schema.Network) {
	if n := len(l.starts); n > 0 && l.starts[n-1] == at {
		l.kinds[n-1] = kind
		return
	}
	l.starts, l.kinds = append(l.starts, at), append(l.kinds, kind)
}

// maxListed bounds all lists together: the world's hosting networks are some 100,000.
const maxListed = 2_000_000

// loadLists reads the files of all kinds.
func loadLists(cfg Config) (listed, error) {
	var all []entry
	for _, list := range cfg.lists() {
		for _, file := range list.files {
			text, err := os.ReadFile(file)
			if err != nil {
				return listed{}, fmt.Errorf("%s: %w", list.key, err)
			}
			if all, err = appendList(all, text, list.kind); err != nil {
				return listed{}, fmt.Errorf("%s: %s:%w", list.key, file, err)
			}
		}
	}
	return flatten(all), nil
}

var errCutOff = errors.New("the file ends in the middle of a line: half of it may be missing (end the last line with a newline)")

// appendList reads an address or a network a line; comments begin with # or ; and what follows on the line
// is ignored, so that block lists can be read as they are published. Its errors begin with the
// line's number. A file that is empty or ends within a line is refused: it is being written.
func appendList(all []entry, text []byte, kind schema.Network) ([]entry, error) {
	if len(text) == 0 {
		return nil, errors.New("1: the file is empty (a comment makes a list that is meant to be)")
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	for n := 1; len(text) > 0; n++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return nil, fmt.Errorf("%d: %w", n, errCutOff)
		}
		text = rest
		word := firstWord(line)
		if len(word) == 0 {
			continue
		}
		e, err := parseEntry(string(word), kind)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", n, err)
		}
		if len(all) == maxListed {
			return nil, fmt.Errorf("%d: more than %d networks", n, maxListed)
		}
		all = append(all, e)
	}
	return all, nil
}

func firstWord(line []byte) []byte {
	line = bytes.TrimSpace(line)
	if end := bytes.IndexAny(line, "#;, \t\r"); end >= 0 {
		line = line[:end]
	}
	return line
}

// widest networks that a list may name: a line such as 0.0.0.0/0 is a mistake with consequences.
const (
	widest4 = 8
	widest6 = 16
)

func parseEntry(word string, kind schema.Network) (entry, error) {
	prefix, err := netip.ParsePrefix(word)
	if ip, failed := netip.ParseAddr(word); err != nil && failed == nil && ip.Zone() == "" {
		prefix, err = ip.Prefix(ip.BitLen())
	}
	if err != nil {
		return entry{}, fmt.Errorf("%.60q is neither an address nor a network such as 192.0.2.0/24", word)
	}
	bits, ip := prefix.Bits(), prefix.Addr()
	if ip.Is4In6() {
		ip, bits = ip.Unmap(), max(0, bits-96)
	}
	if ip.Is4() && bits < widest4 || ip.Is6() && bits < widest6 {
		return entry{}, fmt.Errorf("%s is wider than any one network: want /%d or more for IPv4, /%d for IPv6", word, widest4, widest6)
	}
	if ip.Is4() {
		bits += 96
	}
	return span(numberOf(ip), bits, kind), nil
}

// span is the network around an address of which the first bits are fixed.
func span(n number, bits int, kind schema.Network) entry {
	var free number // 64 and more are shifted out, as Go defines it
	free.high = ^uint64(0) >> min(bits, 64)
	free.low = ^uint64(0) >> max(bits-64, 0)
	return entry{
		first: number{n.high &^ free.high, n.low &^ free.low},
		last:  number{n.high | free.high, n.low | free.low},
		kind:  kind,
	}
}
