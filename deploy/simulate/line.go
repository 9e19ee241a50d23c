package simulate

import (
	"net/netip"
	"time"
)

// line is somebody's way into a network: a home's cable, an office's uplink, a phone, a server's egress.
type line struct {
	network *network
	seed    uint64
	lease   time.Duration // how long an address is kept; zero: for good
	roams   bool          // a new lease may come from any of the network's prefixes (carrier NAT, cloud pools)
}

// fixed is a line whose address never changes.
func fixed(d dice, n *network) line { return line{network: n, seed: d.Uint64()} }

// leased is a home's or a small office's line: the address changes every few days to months, mostly within a prefix.
func leased(d dice, n *network) line {
	lease := max(20*time.Hour, time.Duration(d.logNormal(float64(16*day), 1.1)))
	if n.place.country == "DE" && d.chance(0.5) { // many German lines are cut and renumbered every night
		lease = day
	}
	return line{network: n, seed: d.Uint64(), lease: lease}
}

// carried is a phone: carrier NAT hands it another address every few hours.
func carried(d dice, n *network) line {
	return line{network: n, seed: d.Uint64(), lease: time.Duration(d.between(1.5, 9) * float64(time.Hour)), roams: true}
}

func (l line) address(at time.Time) netip.Addr {
	if l.lease == 0 {
		return l.network.address(l.seed)
	}
	phase := time.Duration(l.seed % uint64(l.lease))
	lease := uint64((at.Sub(epoch()) + phase) / l.lease)
	if l.roams {
		return l.network.address(mix(l.seed, lease))
	}
	return l.network.neighbour(l.seed, lease)
}

// home draws the line of somebody who lives here.
func (p *place) home(d dice) line { return leased(d, pick(d, p.networks[residential])) }

// phone draws a carrier's line here; where the table has no carrier, a second fixed network serves as one.
func (p *place) phone(d dice) line {
	if carriers := p.networks[mobile]; len(carriers) > 0 {
		return carried(d, pick(d, carriers))
	}
	return carried(d, pick(d, p.networks[residential]))
}

// uplink draws an office's line: a business network's fixed address, or, for the small ones, what homes have.
func (p *place) uplink(d dice) line {
	if firms := p.networks[business]; len(firms) > 0 && d.chance(0.85) {
		return fixed(d, pick(d, firms))
	}
	return leased(d, pick(d, p.networks[residential]))
}
