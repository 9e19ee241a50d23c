package geo_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/schema"
)

// kindOf asks for the kind of network of an address.
func kindOf(l *geo.Locator, ip string) string {
	return l.Locate(netip.MustParseAddr(ip)).Network.String()
}

func TestListsOfAddresses(t *testing.T) {
	asn := build(t, filepath.Join(t.TempDir(), "asn.mmdb"), "ASN", networks{
		"81.0.0.0/8": asnRecord(3320, "Deutsche Telekom"), "2a00::/12": asnRecord(16509, "Amazon"),
	})
	locator := open(t, geo.Config{
		ASN:     []string{asn},
		Tor:     []string{write(t, "tor.txt", "# exits\r\n81.1.2.3\r\n\r\n  81.1.2.3  # again\n81.9.0.0\n2a01:4f8::7\n::ffff:81.1.2.9\n")},
		VPN:     []string{write(t, "vpn.txt", "\xef\xbb\xbf81.1.0.0/16 ; ORG1\n81.1.2.77/24,a name\n"), write(t, "more.txt", "2a01:4f8::/32\n81.255.255.255/32\n255.255.255.255\n")},
		Hosting: []string{write(t, "h.txt", "81.1.0.0/16\n81.1.2.128/25\n81.9.0.0/32\n")}, Mobile: []string{write(t, "m.txt", "81.2.0.0/15\n")},
		Business: []string{write(t, "b.txt", "# none yet\n")}, Residential: []string{write(t, "r.txt", "2a01:4f8:1::/48\n")},
	})
	for ip, want := range map[string]string{
		"81.0.0.1": "residential", "81.0.255.255": "residential", "81.1.0.0": "vpn", "81.1.255.255": "vpn", "81.1.2.0": "vpn", "81.1.2.2": "vpn",
		"81.1.2.3": "tor", "81.1.2.4": "vpn", "81.1.2.9": "tor", "81.1.2.127": "vpn", "81.1.2.128": "hosting", "81.1.2.255": "hosting", "81.1.3.0": "vpn",
		"81.2.0.0": "mobile", "81.3.255.255": "mobile", "81.4.0.0": "residential", "81.9.0.0": "tor", "81.9.0.1": "residential", "81.255.255.255": "vpn",
		"82.0.0.0": "unknown", "::ffff:81.1.2.3": "tor", "2a01:4f8::6": "vpn", "2a01:4f8::7": "tor", "2a01:4f8:1::": "residential", "2a01:4f8:1:ffff:ffff:ffff:ffff:ffff": "residential",
		"2a01:4f8:2::": "vpn", "2a01:4f9::": "hosting", "2a01:4f7:ffff:ffff:ffff:ffff:ffff:ffff": "hosting", "10.0.0.1": "unknown",
	} {
		if have := kindOf(locator, ip); have != want {
			t.Errorf("%s is %s, want %s", ip, have, want)
		}
	}
	if place := locator.Locate(netip.MustParseAddr("81.1.2.3")); place.ASN != 3320 {
		t.Errorf("a Tor exit has lost its ASN: %+v", place)
	}
}

// Whatever lies within whatever: the answer is that of asking every network.
func TestListsAgreeWithAskingEveryNetwork(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	kinds := []string{"tor", "vpn", "hosting", "business", "mobile", "residential"}
	for range 30 {
		address := func() netip.Addr { // few enough that networks meet
			if random.IntN(2) == 0 {
				return netip.AddrFrom4([4]byte{81, 0, byte(random.IntN(3)), byte(random.IntN(256))})
			}
			return netip.AddrFrom16([16]byte{0x2a, 0, 0, 0, 0, 0, 0, byte(random.IntN(3)), 14: byte(random.IntN(2)), 15: byte(random.IntN(256))})
		}
		var prefixes []netip.Prefix
		var of []int
		texts := make([]string, len(kinds))
		for range random.IntN(60) {
			ip, kind := address(), random.IntN(len(kinds))
			bits := 16 + random.IntN(ip.BitLen()-15)
			prefix := netip.PrefixFrom(ip, bits).Masked()
			prefixes, of = append(prefixes, prefix), append(of, kind)
			texts[kind] += prefix.String() + "\n"
		}
		var cfg geo.Config
		for i, into := range []*[]string{&cfg.Tor, &cfg.VPN, &cfg.Hosting, &cfg.Business, &cfg.Mobile, &cfg.Residential} {
			if texts[i] != "" {
				*into = []string{write(t, kinds[i], texts[i])}
			}
		}
		locator := open(t, cfg)
		for range 400 {
			ip, bits, want := address(), -1, "unknown"
			for i, prefix := range prefixes {
				if prefix.Contains(ip) && (prefix.Bits() > bits || prefix.Bits() == bits && of[i] < slot(kinds, want)) {
					bits, want = prefix.Bits(), kinds[of[i]]
				}
			}
			if have := locator.Locate(ip).Network.String(); have != want {
				t.Fatalf("%s is %s, want %s; networks %v %v", ip, have, want, prefixes, of)
			}
		}
	}
}

func slot(list []string, name string) int {
	for i := range list {
		if list[i] == name {
			return i
		}
	}
	return len(list)
}

func TestListsThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "geo.tor: list.txt:1: the file is empty (a comment makes a list that is meant to be)",
		"81.0.0.1\n81.0.0.2":            "geo.tor: list.txt:2: the file ends in the middle of a line: half of it may be missing (end the last line with a newline)",
		"81.0.0.1\n<html>\n":            `geo.tor: list.txt:2: "<html>" is neither an address nor a network such as 192.0.2.0/24`,
		"81.0.0\n":                      `geo.tor: list.txt:1: "81.0.0" is neither an address nor a network such as 192.0.2.0/24`,
		"81.0.0.1/33\n":                 `geo.tor: list.txt:1: "81.0.0.1/33" is neither an address nor a network such as 192.0.2.0/24`,
		"0.0.0.0/0\n":                   "geo.tor: list.txt:1: 0.0.0.0/0 is wider than any one network: want /8 or more for IPv4, /16 for IPv6",
		"::/0\n":                        "geo.tor: list.txt:1: ::/0 is wider than any one network: want /8 or more for IPv4, /16 for IPv6",
		"::ffff:0.0.0.0/96\n":           "geo.tor: list.txt:1: ::ffff:0.0.0.0/96 is wider than any one network: want /8 or more for IPv4, /16 for IPv6",
		"fe80::1%eth0\n":                `geo.tor: list.txt:1: "fe80::1%eth0" is neither an address nor a network such as 192.0.2.0/24`,
		strings.Repeat("x", 500) + "\n": `geo.tor: list.txt:1: "` + strings.Repeat("x", 60) + `" is neither an address nor a network such as 192.0.2.0/24`,
	} {
		file := write(t, "list.txt", text)
		_, err := geo.Open(geo.Config{Tor: []string{file}}, quiet)
		if err == nil || strings.ReplaceAll(err.Error(), file, "list.txt") != want {
			t.Errorf("%.40q: %v\nwant %s", text, err, want)
		}
	}
	if _, err := geo.Open(geo.Config{VPN: []string{""}}, quiet); err == nil || err.Error() != "geo.vpn: a file's name is empty" {
		t.Errorf("a file without a name: %v", err)
	}
	if _, err := geo.Open(geo.Config{VPN: []string{"nowhere.txt"}}, quiet); err == nil || !strings.HasPrefix(err.Error(), "geo.vpn: open nowhere.txt") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// replace puts a file in another's place in one step.
func replace(t testing.TB, file, text string) {
	t.Helper()
	if err := os.Rename(write(t, "next", text), file); err != nil {
		t.Fatal(err)
	}
}

// Lists and databases are replaced under lookups; every answer is of one that was there, and the cache forgets.
func TestListsAreSwappedInUnderLoad(t *testing.T) {
	city, tor := filepath.Join(t.TempDir(), "city.mmdb"), write(t, "tor.txt", "# nobody\n")
	inCity(t, city, "Old Town")
	locator := open(t, geo.Config{City: []string{city}, Tor: []string{tor}, VPN: []string{write(t, "vpn.txt", "81.0.0.0/16\n")}, Refresh: time.Second})
	running(t, locator)
	stop := make(chan struct{})
	var lookups sync.WaitGroup
	defer lookups.Wait()
	defer close(stop)
	for range 4 {
		lookups.Go(func() {
			for i := uint32(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				place := locator.Locate(netip.AddrFrom4([4]byte{81, 0, 0, byte(i)}))
				if place.City != "Old Town" && place.City != "New Town" || place.Network != schema.NetworkVPN && place.Network != schema.NetworkTor {
					t.Errorf("81.0.0.%d is %+v", byte(i), place)
					return
				}
			}
		})
	}
	for round, text := range []string{"81.0.0.1\n", "# nobody\n81.0.0.2\n", "81.0.0.0/24\n"} {
		replace(t, tor, text)
		inCity(t, city, []string{"New Town", "Old Town"}[round%2])
		want := [][2]string{{"tor", "vpn"}, {"vpn", "tor"}, {"tor", "tor"}}[round]
		eventually(t, fmt.Sprint("round ", round), func() bool {
			return kindOf(locator, "81.0.0.1") == want[0] && kindOf(locator, "81.0.0.2") == want[1] &&
				locator.Locate(someone).City == []string{"New Town", "Old Town"}[round%2]
		})
	}
}

// A list that is half written, broken, empty or gone leaves the last good one in use, says so once, and holds up neither
// another file's news nor its own, once it is whole.
func TestBrokenListLeavesTheLastGoodOneInUse(t *testing.T) {
	city, tor := filepath.Join(t.TempDir(), "city.mmdb"), write(t, "tor.txt", "81.0.0.1\n81.0.0.2\n")
	inCity(t, city, "Town 0")
	var log lockedBuffer
	locator, err := geo.Open(geo.Config{City: []string{city}, Tor: []string{tor}, Refresh: time.Second}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	running(t, locator)
	for n, text := range []string{"81.0.0.3\n81.0.0.", "81.0.0.3\n81.0.0.4", "<!DOCTYPE html>\n", "", "\x00\x00\x00\x00\n"} {
		if err := os.WriteFile(tor, []byte(text), 0o644); err != nil { // over the old one, as an impatient updater does
			t.Fatal(err)
		}
		town := fmt.Sprint("Town ", n+1)
		inCity(t, city, town)
		eventually(t, "the database is news although the list is broken", func() bool { return locator.Locate(someone).City == town })
		for ip, want := range map[string]string{"81.0.0.1": "tor", "81.0.0.2": "tor", "81.0.0.3": "unknown", "81.0.0.4": "unknown"} {
			if have := kindOf(locator, ip); have != want {
				t.Errorf("%q: %s is %s, want %s", text, ip, have, want)
			}
		}
	}
	if n := strings.Count(log.String(), "geo.tor: "+tor+":"); n != 5 {
		t.Errorf("the log tells of %d broken lists, want 5:\n%s", n, log.String())
	}
	replace(t, tor, "81.0.0.4\n")
	eventually(t, "a whole list is taken", func() bool { return kindOf(locator, "81.0.0.4") == "tor" && kindOf(locator, "81.0.0.1") == "unknown" })
}

// FuzzList: no list makes Open panic, and what is accepted answers.
func FuzzList(f *testing.F) {
	for _, text := range []string{"81.0.0.1\n", "81.0.0.0/8 x\n#\n", "::/16\nffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n", "\xef\xbb\xbf1.2.3.4/31;\r\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		locator, err := geo.Open(geo.Config{Tor: []string{write(t, "l", text)}}, quiet)
		if err != nil {
			return
		}
		for _, ip := range []string{"81.0.0.1", "0.0.0.0", "255.255.255.254", "::", "2a00::1", "ffff::ffff"} {
			locator.Locate(netip.MustParseAddr(ip))
		}
	})
}

// BenchmarkList looks up addresses that are not remembered in lists of 100,000 networks: what a miss costs more than without.
func BenchmarkList(b *testing.B) {
	var text strings.Builder
	random := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		fmt.Fprintf(&text, "%d.%d.%d.%d/%d\n", 1+random.IntN(222), random.IntN(256), random.IntN(256), random.IntN(256), 16+random.IntN(17))
	}
	for name, cfg := range map[string]geo.Config{"none": {}, "100000": {VPN: []string{write(b, "vpn.txt", text.String())}}} {
		b.Run(name, func(b *testing.B) {
			locator := open(b, cfg)
			ips := make([]netip.Addr, 1<<20)
			for i := range ips {
				ips[i] = netip.AddrFrom4([4]byte{byte(1 + random.IntN(222)), byte(random.IntN(256)), byte(random.IntN(256)), byte(random.IntN(256))})
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
