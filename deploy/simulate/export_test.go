package simulate

import (
	"iter"
	"net/netip"
)

// TableCountry says in which country the built-in table puts an address.
func TableCountry() func(netip.Addr) string {
	world, err := loadAtlas(nil)
	if err != nil {
		panic(err)
	}
	return world.countries().of
}

// Past is the history of one token alone.
func (f *Fleet) Past(index int) iter.Seq[Record] {
	return f.play(f.begin(), f.config.End, f.tokens[index])
}
