package geo_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/geo"
)

// BenchmarkLocate looks addresses up in the databases of make setup: as many as the callers of an API
// have, and ever new ones, the worst that an outsider can do.
func BenchmarkLocate(b *testing.B) {
	for name, addresses := range map[string]int{"known": 2000, "new": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			locator := open(b, fetched(b))
			random := rand.New(rand.NewPCG(1, 2))
			ips := make([]netip.Addr, addresses)
			for i := range ips {
				ips[i] = netip.AddrFrom4([4]byte{byte(1 + random.IntN(222)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))})
			}
			if addresses < 1<<15 {
				for _, ip := range ips {
					locator.Locate(ip)
				}
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				locator.Locate(ips[i%len(ips)])
				i++
			}
		})
	}
}

// FuzzOpen opens damaged databases: they are refused or answer, and never end the process.
func FuzzOpen(f *testing.F) {
	f.Add(100, byte(7))
	f.Add(0, byte(255))
	f.Fuzz(func(t *testing.T, at int, value byte) {
		whole := cityBytes(t)
		if at < 0 || at >= len(whole) {
			return
		}
		whole[at] ^= value
		locator, err := geo.Open(geo.Config{City: []string{write(t, "c.mmdb", string(whole))}}, quiet)
		if err != nil {
			return
		}
		for i := range 8 {
			locator.Locate(netip.AddrFrom4([4]byte{byte(81 + i), 0, 0, 1}))
		}
	})
}
