package detect_test

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/tokenwatch/tokenwatch/schema"
)

// doing is the part of a pattern that tells what the requests do, and how they vary.
type doing struct {
	Method    string  `json:"method"`
	Route     string  `json:"route"`
	Status    uint16  `json:"status"` // 200 when absent
	BytesOut  float64 `json:"bytes_out"`
	Units     uint32  `json:"units"`
	Cost      float64 `json:"cost"`
	Growth    float64 `json:"growth"`    // factor a day of what is taken
	Addresses int     `json:"addresses"` // in turn, the first being ip
	Hosts     int     `json:"hosts"`     // as addresses, but within one IPv6 network
	ASNs      int     `json:"asns"`      // in turn, the first being asn
	Routes    int     `json:"routes"`    // in turn, numbered
	Paths     int     `json:"paths"`     // in turn, of one route
	Copies    int     `json:"copies"`    // further tokens that do the same, numbered
	day       int
}

// vary makes of the n-th event of a pattern what the pattern says that it does.
func (d *doing) vary(ev schema.Event, n int) []schema.Event {
	n /= d.Copies + 1
	growth := math.Pow(max(d.Growth, 1), float64(d.day))
	ev.Method, ev.Route, ev.Path = d.Method, d.Route, d.Route
	ev.BytesOut, ev.UnitsOut, ev.CostUSD = uint64(growth*d.BytesOut), uint32(growth*float64(d.Units)), growth*d.Cost
	if d.Status != 0 {
		ev.Status = d.Status
	}
	if d.Routes > 0 {
		ev.Route = fmt.Sprint(d.Route, n%d.Routes)
		ev.Path = ev.Route
	}
	if d.Paths > 0 {
		ev.Path = fmt.Sprint(d.Route, n%d.Paths)
	}
	if raw := ev.IP.As16(); d.Addresses > 0 {
		raw[14], raw[15] = byte(n%d.Addresses/250), byte(n%d.Addresses%250)
		ev.IP = netip.AddrFrom16(raw).Unmap()
	} else if d.Hosts > 0 {
		raw[15] = byte(n % d.Hosts)
		ev.IP = netip.AddrFrom16(raw)
	}
	if d.ASNs > 0 {
		ev.ASN += uint32(n % d.ASNs)
	}
	all := []schema.Event{ev}
	for i := range d.Copies {
		ev.TokenHint = fmt.Sprint(ev.TokenHint, i)
		ev.Token = tokenOf(ev.TokenHint)
		all = append(all, ev)
		ev.TokenHint = all[0].TokenHint
	}
	return all
}
