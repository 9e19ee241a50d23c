package geo

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync/atomic"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Locator answers lookups. It is safe for concurrent use, also while files are swapped.
type Locator struct {
	cfg     Config
	log     *slog.Logger
	current atomic.Pointer[generation]
	// damaged is set when a file was changed under a lookup; Run then opens it again.
	damaged atomic.Bool
}

// generation is a set of open files, and what was read from them. It is replaced as a whole. The
// files of an old one are unmapped by the garbage collector once no lookup uses them, so
// lookups need no lock.
type generation struct {
	cities []*database
	asns   []*database
	kinds  kinds
	listed listed
	stamps stamps
	places *cache[netip.Addr]
	number uint64 // from 1, one more for each that takes another one's place
}

// cachedAddresses bounds how many addresses' places are remembered, at about 200 bytes each. Callers of an API
// come from few addresses; an outsider who uses many only makes lookups as slow as without it.
const cachedAddresses = 1 << 16

// Open reads the configured files. Its errors begin with the key that is to blame.
func Open(cfg Config, log *slog.Logger) (*Locator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	first, err := load(cfg, nil)
	if err != nil {
		return nil, err
	}
	l := &Locator{cfg: cfg, log: log}
	l.current.Store(first)
	return l, nil
}

// load opens all files. Where those of one key cannot be used, what is in use goes on if there
// is such a thing: a list that is being written is no reason to wait for a new database.
func load(cfg Config, used *generation) (*generation, error) {
	g := &generation{stamps: stampsOf(cfg), places: newCache[netip.Addr](cachedAddresses)}
	var cities, asns, numbers, lists error
	g.cities, cities = openAll(cfg.City, "geo.city", cityLayouts)
	g.asns, asns = openAll(cfg.ASN, "geo.asn", asnLayouts)
	g.kinds, numbers = loadKinds(cfg.Networks)
	g.listed, lists = loadLists(cfg)
	err := errors.Join(cities, asns, numbers, lists)
	if g.number = 1; used == nil {
		return g, err
	}
	g.number = used.number + 1
	if cities != nil {
		g.cities = used.cities
	}
	if asns != nil {
		g.asns = used.asns
	}
	if numbers != nil {
		g.kinds = used.kinds
	}
	if lists != nil {
		g.listed = used.listed
	}
	return g, err
}

// Close makes every further lookup answer with a zero Place. It always succeeds, and is for after Run.
func (l *Locator) Close() error {
	l.current.Store(&generation{places: newCache[netip.Addr](1), number: l.current.Load().number + 1})
	return nil
}

// Edition numbers the files that lookups are answered from: as long as it stays, so do the answers. It is 0 while
// a file is damaged.
func (l *Locator) Edition() uint64 {
	if l.damaged.Load() {
		return 0
	}
	return l.current.Load().number
}

// Locate tells what is known about an address, nothing being a zero Place.
func (l *Locator) Locate(ip netip.Addr) schema.Place {
	ip = ip.Unmap().WithZone("")
	if !public(ip) {
		return schema.Place{}
	}
	g := l.current.Load()
	slot := hashAddr(ip)
	if place := g.places.get(slot, ip); place != nil {
		return *place
	}
	place, err := g.locate(ip)
	if errors.Is(err, errDamaged) {
		l.damaged.Store(true)
		return place
	}
	g.places.put(slot, ip, place)
	return place
}

func (g *generation) locate(ip netip.Addr) (place schema.Place, err error) {
	city, cityErr := lookup(g.cities, ip)
	asn, asnErr := lookup(g.asns, ip)
	place = city
	place.ASN, place.ASOrg = asn.ASN, asn.ASOrg
	if place.Network = g.listed.of(ip); place.Network == schema.NetworkUnknown {
		place.Network = g.kinds.of(asn.ASN, asn.ASOrg)
	}
	if place.Network == schema.NetworkMobile && place.Located() {
		place.AccuracyKM = max(place.AccuracyKM, mobileRadius)
	}
	return place, errors.Join(cityErr, asnErr)
}

// mobileRadius is the least radius of an address of a mobile network. Carriers hand such addresses out at a few
// gateways a country, and hand the same one to phones in different cities.
const mobileRadius = 200

// public tells addresses that databases can know from those that mean something else in each network.
func public(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !sharedSpace.Contains(ip)
}

// sharedSpace is what carriers use between themselves and their customers (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")
