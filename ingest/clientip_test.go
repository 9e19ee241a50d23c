package ingest_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

func TestClientAddress(t *testing.T) {
	cases := map[string]struct {
		peer, client, xff, forwarded string
		ip                           string
		from                         schema.IPFrom
		spoofed                      bool
	}{
		"nothing said":     {ip: "", from: schema.IPFromNone},
		"peer alone":       {peer: "203.0.113.7", ip: "203.0.113.7", from: schema.IPFromPeer},
		"peer and port":    {peer: "203.0.113.7:4711", ip: "203.0.113.7", from: schema.IPFromPeer},
		"peer, IPv6":       {peer: "2001:db8::1", ip: "2001:db8::1", from: schema.IPFromPeer},
		"peer, bracketed":  {peer: "[2001:db8::1]:443", ip: "2001:db8::1", from: schema.IPFromPeer},
		"peer, IPv4 in v6": {peer: "::ffff:203.0.113.7", ip: "203.0.113.7", from: schema.IPFromPeer},
		"peer, zone":       {peer: "fe80::1%eth0", ip: "fe80::1", from: schema.IPFromPeer},
		"gateway alone":    {client: "203.0.113.7", ip: "203.0.113.7", from: schema.IPFromGateway},

		"one hop":                         {peer: "10.0.0.5", xff: "203.0.113.7", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"two hops":                        {peer: "10.0.0.5", xff: "203.0.113.7, 192.168.1.1", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"claim on the left is ignored":    {peer: "10.0.0.5", xff: "8.8.8.8, 203.0.113.7, 10.0.0.9", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"ports and no blanks":             {peer: "10.0.0.5", xff: "8.8.8.8:1,203.0.113.7:2,[fc00::1]:3", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"chain without peer":              {xff: "8.8.8.8, 203.0.113.7", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"all trusted":                     {peer: "10.0.0.5", xff: "10.1.1.1, 10.0.0.9", ip: "10.0.0.5", from: schema.IPFromPeer},
		"all trusted, gateway knows":      {peer: "10.0.0.5", client: "203.0.113.7", xff: "10.0.0.9", ip: "203.0.113.7", from: schema.IPFromGateway},
		"chain before gateway":            {client: "10.0.0.5", xff: "203.0.113.7", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"chain after real_ip":             {peer: "203.0.113.7", xff: "8.8.8.8, 203.0.113.7, 10.0.0.9", ip: "203.0.113.7", from: schema.IPFromPeer},
		"private hops behind the peer":    {peer: "203.0.113.7", xff: "192.168.1.20", ip: "203.0.113.7", from: schema.IPFromPeer},
		"unknown, as RFC 7239 has it":     {peer: "10.0.0.5", xff: "203.0.113.7, unknown", ip: "10.0.0.5", from: schema.IPFromPeer},
		"obfuscated, as RFC 7239 has it":  {peer: "10.0.0.5", forwarded: "for=203.0.113.7, for=_hidden", ip: "10.0.0.5", from: schema.IPFromPeer},
		"empty entries":                   {peer: "10.0.0.5", xff: "203.0.113.7, ", ip: "10.0.0.5", from: schema.IPFromPeer},
		"Forwarded":                       {peer: "10.0.0.5", forwarded: `for=8.8.8.8;proto=http, For="203.0.113.7:47011";by=10.0.0.9;host=x`, ip: "203.0.113.7", from: schema.IPFromForwarded},
		"Forwarded, IPv6":                 {peer: "10.0.0.5", forwarded: `proto=https; for="[2001:db8:cafe::17]:4711"`, ip: "2001:db8:cafe::17", from: schema.IPFromForwarded},
		"Forwarded, port obfuscated":      {peer: "10.0.0.5", forwarded: `for="203.0.113.7:_p"`, ip: "203.0.113.7", from: schema.IPFromForwarded},
		"Forwarded without for":           {peer: "10.0.0.5", forwarded: `by=10.0.0.9`, ip: "10.0.0.5", from: schema.IPFromPeer},
		"both headers, one client":        {peer: "10.0.0.5", xff: "203.0.113.7", forwarded: "for=203.0.113.7", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"Forwarded where the other is no": {peer: "10.0.0.5", xff: "10.0.0.9", forwarded: "for=203.0.113.7", ip: "203.0.113.7", from: schema.IPFromForwarded},

		"Forwarded, a host with a comma":       {peer: "10.0.0.5", forwarded: `for=203.0.113.7;host="x, for=8.8.8.8"`, ip: "203.0.113.7", from: schema.IPFromForwarded},
		"Forwarded, a host with a semicolon":   {peer: "10.0.0.5", forwarded: `host="x;for=8.8.8.8";for=203.0.113.7`, ip: "203.0.113.7", from: schema.IPFromForwarded},
		"Forwarded, a host with quotes":        {peer: "10.0.0.5", forwarded: `for=203.0.113.7;host="x\", for=8.8.8.8"`, ip: "203.0.113.7", from: schema.IPFromForwarded},
		"Forwarded, a quote left open":         {peer: "10.0.0.5", forwarded: `for="8.8.8.8, for=203.0.113.7;proto=https`, ip: "203.0.113.7", from: schema.IPFromForwarded},
		"Forwarded, blanks around everything":  {peer: "10.0.0.5", forwarded: `proto=http ; For = "[2001:db8::7]" , for=10.0.0.9 `, ip: "2001:db8::7", from: schema.IPFromForwarded},
		"Forwarded, IPv6 and obfuscated port":  {peer: "10.0.0.5", forwarded: `for="[2001:db8::7]:_x1"`, ip: "2001:db8::7", from: schema.IPFromForwarded},
		"Forwarded, two lines joined":          {peer: "10.0.0.5", forwarded: `for=8.8.8.8, for="203.0.113.7";by=_a, for=10.0.0.9;by=_b`, ip: "203.0.113.7", from: schema.IPFromForwarded},
		"spoofed: an element with two clients": {peer: "10.0.0.5", forwarded: `host=x;for=8.8.8.8;for=203.0.113.7`, ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},
		"spoofed: IPv6 without its bracket":    {peer: "10.0.0.5", forwarded: `for="[2001:db8::7"`, ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},
		"spoofed: a port that is none":         {peer: "10.0.0.5", xff: "203.0.113.7:x", ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},
		"spoofed: octal":                       {peer: "10.0.0.5", xff: "0203.0.113.7", ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},

		"spoofed: header straight from a client": {peer: "203.0.113.7", xff: "8.8.8.8", ip: "203.0.113.7", from: schema.IPFromPeer, spoofed: true},
		"spoofed: garbage behind trusted hops":   {peer: "10.0.0.5", xff: "203.0.113.7, <script>, 10.0.0.9", ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},
		"spoofed: unspecified":                   {peer: "10.0.0.5", xff: "203.0.113.7, 0.0.0.0", ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},
		"spoofed: multicast":                     {peer: "10.0.0.5", xff: "203.0.113.7, 224.0.0.1", ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},
		"spoofed: headers disagree":              {peer: "10.0.0.5", xff: "203.0.113.7", forwarded: "for=8.8.8.8", ip: "203.0.113.7", from: schema.IPFromForwarded, spoofed: true},
		"spoofed: too long":                      {peer: "10.0.0.5", xff: "203.0.113.7" + strings.Repeat(", 10.0.0.9", 32), ip: "10.0.0.5", from: schema.IPFromPeer, spoofed: true},
		"long, but the client is near":           {peer: "10.0.0.5", xff: strings.Repeat("8.8.8.8, ", 500) + "203.0.113.7", ip: "203.0.113.7", from: schema.IPFromForwarded},
		"garbage that the client sent":           {peer: "10.0.0.5", xff: "<script>, 203.0.113.7", ip: "203.0.113.7", from: schema.IPFromForwarded},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var fields []string
			for field, v := range map[string]string{"peer_ip": c.peer, "client_ip": c.client, "forwarded_for": c.xff, "forwarded": c.forwarded, "method": "GET"} {
				quoted, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				fields = append(fields, `"`+field+`":`+string(quoted))
			}
			e := event(t, strings.Join(fields, ","))
			if want, _ := netip.ParseAddr(c.ip); e.IP != want || e.IPFrom != c.from || e.IPSpoofed != c.spoofed {
				t.Errorf("have %s from %s, spoofed %v; want %s from %s, spoofed %v", e.IP, e.IPFrom, e.IPSpoofed, c.ip, c.from, c.spoofed)
			}
		})
	}
}

func TestTrustedProxiesAreConfigured(t *testing.T) {
	record := `{"time":1795295472,"consumer":"a","peer_ip":"10.0.0.5","forwarded_for":"203.0.113.7, 198.51.100.1"}`
	cases := map[string]struct {
		trusted []string
		ip      string
	}{
		"default":        {ingest.DefaultTrustedProxies(), "198.51.100.1"},
		"a CDN's":        {[]string{"10.0.0.0/8", "198.51.100.0/24"}, "203.0.113.7"},
		"an address":     {[]string{"10.0.0.5", "198.51.100.1"}, "203.0.113.7"},
		"in IPv6's form": {[]string{"::ffff:10.0.0.5"}, "198.51.100.1"},
		"and a network":  {[]string{"10.0.0.5", "::ffff:198.51.100.0/120"}, "203.0.113.7"},
		"nobody":         {nil, "10.0.0.5"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDecoder(t, "tokenwatch", func(cfg *ingest.DecodeConfig) { cfg.TrustedProxies = c.trusted })
			if got := decode(d, record).Events[0].IP; got.String() != c.ip {
				t.Errorf("have %s, want %s", got, c.ip)
			}
		})
	}
}

// FuzzForwarded: whatever a chain says, an address left of the client never becomes the client.
func FuzzForwarded(f *testing.F) {
	for _, chain := range []string{"", "8.8.8.8", "for=8.8.8.8", `for="[2001:db8::1]:1"`, "unknown", "_x", "1.2.3.4:5, [::1]", "\x00,\xff", "%", "=;,"} {
		f.Add(chain)
	}
	d := newDecoder(f, "tokenwatch")
	f.Fuzz(func(t *testing.T, claim string) {
		quoted, err := json.Marshal(claim + ", 203.0.113.7, 10.0.0.9")
		if err != nil {
			t.Fatal(err)
		}
		record := `{"time":1795295472,"consumer":"a","peer_ip":"10.0.0.5","forwarded_for":` + string(quoted) + `}`
		if e := decode(d, record).Events[0]; e.IP.String() != "203.0.113.7" || e.IPFrom != schema.IPFromForwarded {
			t.Errorf("%q: have %s from %s", claim, e.IP, e.IPFrom)
		}
		quoted, _ = json.Marshal(claim + `, for="203.0.113.7:80";host="a, b;for=8.8.4.4";by=_x, for="[fc00::1]"`)
		record = `{"time":1795295472,"consumer":"a","peer_ip":"10.0.0.5","forwarded":` + string(quoted) + `}`
		if e := decode(d, record).Events[0]; e.IP.String() != "203.0.113.7" || e.IPFrom != schema.IPFromForwarded {
			t.Errorf("Forwarded %q: have %s from %s", claim, e.IP, e.IPFrom)
		}
		quoted, _ = json.Marshal(claim)
		record = `{"time":1795295472,"consumer":"a","peer_ip":"10.0.0.5","forwarded":` + string(quoted) + `}`
		if e := decode(d, record).Events[0]; e.IP.Zone() != "" || e.IP.Is4In6() || !e.IP.IsValid() {
			t.Errorf("%q: have %s", claim, e.IP)
		}
	})
}
