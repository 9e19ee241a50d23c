package ingest_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestOwnerBesideAnotherSecret: a consumer that is remembered beside its token is not taken over into a record with a
// second credential that stands in its name, nor what was blanked there into the next one.
func TestOwnerBesideAnotherSecret(t *testing.T) {
	d := newDecoder(t, "nginx")
	record := func(second string) string {
		return `{"msec":"1795295472.5","http_authorization":"Bearer hf_notARealToken0001","http_x_api_key":"` + second + `","consumer":"team-plainword","request_uri":"/plainword"}`
	}
	for range 3 {
		for range 4 {
			if e := decode(d, record("")).Events[0]; e.Consumer != "team-plainword" || e.Path != "/plainword" {
				t.Fatalf("%+v", e)
			}
		}
		for range 2 {
			if e := decode(d, record("plainword")).Events[0]; strings.Contains(fmt.Sprintf("%+v", e), "plainword") {
				t.Fatalf("the second credential stands in %+v", e)
			}
		}
	}
}

// TestOwnersOfOneToken: each record has the consumer that it names, whatever the token's last one named.
func TestOwnersOfOneToken(t *testing.T) {
	d := newDecoder(t, "nginx")
	names := []string{"acme-prod", "acme-dev", "", strings.Repeat("long", 40) + "-test", "acme-prod"}
	for i := range 40 {
		name := names[i*i%len(names)]
		e := decode(d, `{"msec":"1795295472.5","http_authorization":"hf_notARealToken0001","consumer":"`+name+`"}`).Events[0]
		_, environment, _ := strings.Cut(name, "-")
		if e.Consumer != name || e.Environment != environment {
			t.Fatalf("%q: have %q in %q", name, e.Consumer, e.Environment)
		}
	}
}

// TestAddressesSaidInParts: peer, client and chain are told apart where the same text is parted elsewhere.
func TestAddressesSaidInParts(t *testing.T) {
	d := newDecoder(t, "tokenwatch")
	for range 3 {
		for fields, want := range map[string]string{
			`"peer_ip":"10.0.0.9","forwarded_for":"8.8.8.8"`:   "8.8.8.8 forwarded",
			`"peer_ip":"10.0.0.98","forwarded_for":".8.8.8"`:   "10.0.0.98 peer",
			`"peer_ip":"10.0.0.9","client_ip":"8.8.8.8"`:       "8.8.8.8 gateway",
			`"peer_ip":"10.0.0.98","client_ip":".8.8.8"`:       "10.0.0.98 peer",
			`"client_ip":"8.8.8.8"`:                            "8.8.8.8 gateway",
			`"peer_ip":"8.8.8.8"`:                              "8.8.8.8 peer",
			`"peer_ip":"8.8.8.8","client_ip":"10.0.0.9"`:       "8.8.8.8 peer",
			`"forwarded_for":"8.8.8.8"`:                        "8.8.8.8 forwarded",
			`"peer_ip":"10.0.0.9","forwarded":"for=8.8.8.8"`:   "8.8.8.8 forwarded",
			`"peer_ip":"10.0.0.9","forwarded":"for=9.9.9.9"`:   "9.9.9.9 forwarded",
			`"peer_ip":"10.0.0.9","forwarded_for":"hf_notOne"`: "10.0.0.9 peer",
		} {
			e := decode(d, `{"time":"2026-11-21T21:11:12Z","consumer":"x",`+fields+`}`).Events[0]
			if have := e.IP.String() + " " + schema.IPFromNames[e.IPFrom]; have != want {
				t.Fatalf("%s: have %s, want %s", fields, have, want)
			}
		}
	}
}

// swapped is a locator whose files are swapped.
type swapped struct {
	edition uint64
	city    string
	asked   int
}

func (s *swapped) Edition() uint64 { return s.edition }

func (s *swapped) Locate(netip.Addr) schema.Place {
	s.asked++
	return schema.Place{City: s.city}
}

// TestPlaceOfAnotherEdition: a place is asked for once an edition, and each time where there is none.
func TestPlaceOfAnotherEdition(t *testing.T) {
	places := &swapped{}
	cfg := ingest.DefaultDecodeConfig()
	d, err := ingest.NewDecoder(cfg, pepper(t), places)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		edition uint64
		city    string
		asked   int
	}{{1, "Old Town", 1}, {2, "New Town", 1}, {0, "Nowhere", 4}, {2, "New Town", 1}, {3, "Old Town", 1}} {
		places.edition, places.city, places.asked = step.edition, step.city, 0
		for range 4 {
			if e := decode(d, `{"msec":"1795295472.5","remote_addr":"203.0.113.7","consumer":"x","request_uri":"/"}`).Events[0]; e.City != step.city {
				t.Fatalf("edition %d: have %s, want %s", step.edition, e.City, step.city)
			}
		}
		if places.asked != step.asked {
			t.Errorf("edition %d: asked %d times, want %d", step.edition, places.asked, step.asked)
		}
	}
}
