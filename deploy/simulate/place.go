package simulate

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"
)

// kind is what a network is used for.
type kind uint8

const (
	residential kind = iota
	mobile
	business
	hosting
	vpn
	kinds
)

func kindOf(name string) (kind, bool) {
	for k, n := range []string{"residential", "mobile", "business", "hosting", "vpn"} {
		if n == name {
			return kind(k), true
		}
	}
	return 0, false
}

// place is a city in which people live, or a site where servers stand (zone is nil then).
type place struct {
	name, country string
	lat, lon      float64
	zone          *time.Location
	networks      [kinds][]*network
}

// network is what one operator announces in one place.
type network struct {
	kind     kind
	asn      uint32
	operator string
	place    *place
	prefixes []netip.Prefix
}

// address is the network's address number h; the same h is the same address.
func (n *network) address(h uint64) netip.Addr {
	prefix := n.prefixes[h%uint64(len(n.prefixes))]
	first := binary.BigEndian.Uint32(prefix.Addr().AsSlice())
	host := uint32(mix(h) % (1 << (32 - prefix.Bits())))
	if last := host & 0xff; last == 0 || last == 255 { // network and broadcast addresses of the usual /24
		host ^= 0x55
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], first+host)
	return netip.AddrFrom4(b)
}

// neighbour is an address of the same prefix as address(h): what a new lease usually gives.
func (n *network) neighbour(h, lease uint64) netip.Addr {
	return (&network{prefixes: n.prefixes[h%uint64(len(n.prefixes)):][:1]}).address(mix(h, lease))
}

// distance in km on the globe.
func distance(a, b *place) float64 {
	const radius, degree = 6371.0, math.Pi / 180
	sinLat := math.Sin((b.lat - a.lat) * degree / 2)
	sinLon := math.Sin((b.lon - a.lon) * degree / 2)
	h := sinLat*sinLat + math.Cos(a.lat*degree)*math.Cos(b.lat*degree)*sinLon*sinLon
	return 2 * radius * math.Asin(math.Sqrt(min(1, h)))
}
