package geo_test

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/geo"
)

// What an organisation's name says about its network. Half of these are names that only look as if.
func TestKindByName(t *testing.T) {
	names := map[string]string{
		"Deutsche Telekom AG":               "residential",
		"Gtelecom Pty Ltd":                  "residential",
		"Comcast Cable Communications, LLC": "residential",
		"Kabel Deutschland":                 "residential",
		"Google Fiber Inc.":                 "residential",
		"TELEFÔNICA BRASIL S.A":             "residential",
		"Cable & Wireless Panama":           "residential",
		"Cloudberry Telecom":                "residential",
		"T-Mobile USA, Inc.":                "mobile",
		"Verizon Wireless":                  "mobile",
		"Colombia Móvil":                    "mobile",
		"Mobile TeleSystems PJSC":           "mobile",
		"Example Cellular":                  "mobile",
		"Hostinger International Limited":   "hosting",
		"Some Data Center Ltd":              "hosting",
		"Datacenter Luxembourg":             "hosting",
		"Alibaba Cloud (Singapore)":         "hosting",
		"InMotion Hosting, Inc.":            "hosting",
		"BlueVPS OU":                        "hosting",
		"UAB Cherry Servers":                "hosting",
		"NordVPN S.A.":                      "vpn",
		"Castle VPN":                        "vpn",
		"Massachusetts General Hospital":    "business",
		"Universität Stuttgart":             "business",
		"Bank of America":                   "business",
		"PSA AUTOMOBILES SA":                "business",
		"Automobile Club of Somewhere":      "business",
		"University Wireless Project":       "business",
		"Exxon Mobil Corporation":           "unknown",
		"Purcell Brothers":                  "unknown",
		"Snowmobile Rentals":                "unknown",
		"Cloudy Bay Wines":                  "unknown",
		"Ghost Kitchen LLC":                 "unknown",
		"Hostel Zagreb":                     "unknown",
		"Observers Association":             "unknown",
		"Cloudflare Lookalike":              "unknown",
		"Example GmbH":                      "unknown",
		"":                                  "unknown",
		"-":                                 "unknown",
	}
	records, order := networks{}, []string{}
	for name := range names {
		prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{81, byte(len(order)), 0, 0}), 16)
		records[prefix.String()] = asnRecord(4_200_000_000, name)
		order = append(order, name)
	}
	locator := open(t, geo.Config{ASN: []string{build(t, filepath.Join(t.TempDir(), "asn.mmdb"), "ASN", records)}})
	for i, name := range order {
		place := locator.Locate(netip.AddrFrom4([4]byte{81, byte(i), 1, 1}))
		if place.ASOrg != name || place.Network.String() != names[name] {
			t.Errorf("%q is %s, want %s", name, place.Network, names[name])
		}
	}
}

// The built-in list says more than names do.
func TestKindByNumber(t *testing.T) {
	for number, want := range map[uint32]string{
		16509: "hosting", 14618: "hosting", 396982: "hosting", 8075: "hosting", 14061: "hosting", 16276: "hosting", 24940: "hosting",
		63949: "hosting", 20473: "hosting", 45102: "hosting", 132203: "hosting", 31898: "hosting", 51167: "hosting", 12876: "hosting", 8560: "hosting",
		13335: "vpn", 9009: "vpn", 39351: "vpn", 212238: "vpn", 21928: "mobile", 6167: "mobile", 55836: "mobile", 9605: "mobile",
		7922: "residential", 3320: "residential", 3209: "residential", 7018: "residential", 4134: "residential", 680: "business", 64500: "unknown",
	} {
		asn := build(t, filepath.Join(t.TempDir(), "asn.mmdb"), "ASN", networks{"81.0.0.0/16": asnRecord(number, "Nondescript")})
		if got := open(t, geo.Config{ASN: []string{asn}}).Locate(someone).Network.String(); got != want {
			t.Errorf("AS%d is %s, want %s", number, got, want)
		}
	}
}
