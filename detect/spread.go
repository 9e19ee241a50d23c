package detect

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/tokenwatch/tokenwatch/schema"
)

// spread counts the places that an event came from.
func (d *doings) spread(ev *schema.Event, salt uint64) {
	if ev.IP.IsValid() {
		bit := uint64(1) << (addressBits(ev, salt) >> 58)
		d.count(addressesTen, &d.addresses[0], bit, 64)
		d.count(addressesHour, &d.addresses[1], bit, 64)
	}
	if ev.ASN != 0 {
		bit := uint64(1) << (blend(uint64(ev.ASN), salt) >> 60)
		all := uint64(d.networks)
		d.count(networksHour, &all, bit, 16)
		d.networks = uint16(all)
	}
	if len(ev.Country) >= 2 {
		bit := uint64(1) << (blend(uint64(ev.Country[0])<<8|uint64(ev.Country[1]), salt) >> 60)
		all := uint64(d.nations)
		d.count(nationsHour, &all, bit, 16)
		d.nations = uint16(all)
	}
}

// addressBits hashes an address. Of IPv6 it takes the network, since hosts change the rest
// as they please.
func addressBits(ev *schema.Event, salt uint64) uint64 {
	raw := ev.IP.As16()
	high, low := binary.BigEndian.Uint64(raw[:8]), binary.BigEndian.Uint64(raw[8:])
	if high != 0 {
		low = 0
	}
	return blend(blend(high, salt), low)
}

// count sets a bit of a set of so many, of which as many as are set tell how many values
// there were, also of those that share one (linear counting, Whang et al. 1990).
func (d *doings) count(g gauge, set *uint64, bit uint64, of int) {
	if *set&bit == 0 {
		*set |= bit
		d.fill(g, *set, of)
	}
}

func (d *doings) fill(g gauge, set uint64, of int) {
	if n := distinct(bits.OnesCount64(set), of); n > d.today[g] {
		d.rise(g, n)
	}
}

// distinct is how many values have set k bits of so many.
func distinct(k, of int) uint8 {
	switch {
	case k <= 3:
		return uint8(k) // what comes out for these, without the logarithm
	case k == of:
		return math.MaxUint8
	}
	return uint8(min(math.MaxUint8-1, math.Round(float64(of)*math.Log(float64(of)/float64(of-k)))))
}
