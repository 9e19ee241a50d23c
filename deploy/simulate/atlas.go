package simulate

import (
	_ "embed" // the table of networks
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // people's hours must not depend on the machine's zone files
)

//go:embed addresses.txt
var addresses string

// atlas is the world: cities with people, and the networks that servers and thieves rent.
type atlas struct {
	places  []*place
	cities  []*place
	hosting []*network
	vpn     []*network
}

// loadAtlas reads the table, leaving out what locate (if any) now places in another country.
func loadAtlas(locate Locate) (*atlas, error) {
	a, here := &atlas{}, (*place)(nil)
	for number, line := range strings.Split(addresses, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		field := strings.Split(line, "|")
		if field[0] == "city" || field[0] == "site" {
			var err error
			if here, err = parsePlace(field); err != nil {
				return nil, fmt.Errorf("address table, line %d: %w", number+1, err)
			}
			a.places = append(a.places, here)
			continue
		}
		if err := here.add(field, locate); err != nil {
			return nil, fmt.Errorf("address table, line %d: %w", number+1, err)
		}
	}
	for _, p := range a.places {
		if p.zone != nil && len(p.networks[residential]) > 0 {
			a.cities = append(a.cities, p)
		}
		a.hosting = append(a.hosting, p.networks[hosting]...)
		a.vpn = append(a.vpn, p.networks[vpn]...)
	}
	if len(a.cities) < 20 || len(a.hosting) < 40 || len(a.vpn) == 0 {
		return nil, fmt.Errorf("address table: only %d cities and %d hosting networks are where the location database puts them", len(a.cities), len(a.hosting))
	}
	return a, nil
}

func parsePlace(field []string) (*place, error) {
	if len(field) != 6 {
		return nil, fmt.Errorf("%d fields, not 6", len(field))
	}
	p := &place{name: field[1], country: field[2]}
	var err error
	if p.lat, err = strconv.ParseFloat(field[3], 64); err != nil {
		return nil, fmt.Errorf("latitude: %w", err)
	}
	if p.lon, err = strconv.ParseFloat(field[4], 64); err != nil {
		return nil, fmt.Errorf("longitude: %w", err)
	}
	if field[5] != "" {
		p.zone, err = time.LoadLocation(field[5])
	}
	return p, err
}

func (p *place) add(field []string, locate Locate) error {
	if len(field) != 4 || p == nil {
		return fmt.Errorf("a network is kind|AS|name|prefixes, below its place")
	}
	k, ok := kindOf(field[0])
	if !ok {
		return fmt.Errorf("unknown kind %q", field[0])
	}
	asn, err := strconv.ParseUint(field[1], 10, 32)
	if err != nil {
		return fmt.Errorf("AS number: %w", err)
	}
	n := &network{kind: k, asn: uint32(asn), operator: field[2], place: p}
	for _, text := range strings.Fields(field[3]) {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("prefix: %w", err)
		}
		if locate.agrees(prefix, p.country) {
			n.prefixes = append(n.prefixes, prefix)
		}
	}
	if len(n.prefixes) > 0 {
		p.networks[k] = append(p.networks[k], n)
	}
	return nil
}

// Locate says where a location database puts an address; the country as two letters, empty when it does not know.
type Locate func(netip.Addr) (country, city string, asn uint32)

// agrees asks for the country of a prefix's ends and middle: databases change by the month, mostly prefix by prefix.
func (l Locate) agrees(prefix netip.Prefix, country string) bool {
	if l == nil {
		return true
	}
	first := binary.BigEndian.Uint32(prefix.Addr().AsSlice())
	size := uint32(1) << (32 - prefix.Bits())
	for _, offset := range []uint32{1, size / 4, size / 2, 3 * (size / 4), size - 2} {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], first+offset)
		if where, _, _ := l(netip.AddrFrom4(b)); !strings.EqualFold(where, country) {
			return false
		}
	}
	return true
}

// countries tells the country of the table's addresses.
type countries map[netip.Prefix]string

func (a *atlas) countries() countries {
	all := countries{}
	for _, p := range a.places {
		for _, networks := range p.networks {
			for _, n := range networks {
				for _, prefix := range n.prefixes {
					all[prefix] = p.country
				}
			}
		}
	}
	return all
}

func (c countries) of(a netip.Addr) string {
	for bits := 16; bits <= 30; bits++ {
		if prefix, err := a.Prefix(bits); err == nil && c[prefix] != "" {
			return c[prefix]
		}
	}
	return ""
}
