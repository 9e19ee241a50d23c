package geo

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Config names the databases.
type Config struct {
	// City files tell where an address is: .mmdb in MaxMind's or DB-IP's layout. The first that
	// knows an address answers, so IPv4 and IPv6 may be in files of their own.
	City []string `yaml:"city"`
	// ASN files tell whose network an address belongs to.
	ASN []string `yaml:"asn"`
	// Networks is a list of what kind of network each ASN is, in place of the one built in.
	Networks string `yaml:"networks"`
	// Tor, VPN, Hosting, Mobile, Business and Residential are lists of addresses and networks of that kind, one a line,
	// as the Tor project and others publish them. They go before what the ASN says.
	Tor         []string `yaml:"tor"`
	VPN         []string `yaml:"vpn"`
	Hosting     []string `yaml:"hosting"`
	Mobile      []string `yaml:"mobile"`
	Business    []string `yaml:"business"`
	Residential []string `yaml:"residential"`
	// Refresh is how often Run looks for newer files; 0 never.
	Refresh time.Duration `yaml:"refresh"`
}

// DefaultConfig names no files.
func DefaultConfig() Config { return Config{Refresh: 30 * time.Second} }

// list is the files of one key that name networks of one kind.
type list struct {
	key   string
	kind  schema.Network
	files []string
}

func (c Config) lists() []list {
	return []list{
		{"geo.tor", schema.NetworkTor, c.Tor}, {"geo.vpn", schema.NetworkVPN, c.VPN},
		{"geo.hosting", schema.NetworkHosting, c.Hosting}, {"geo.mobile", schema.NetworkMobile, c.Mobile},
		{"geo.business", schema.NetworkBusiness, c.Business}, {"geo.residential", schema.NetworkResidential, c.Residential},
	}
}

// Validate reports the first key that cannot work, by its name in the configuration.
func (c Config) Validate() error {
	for _, file := range append(append([]string{}, c.City...), c.ASN...) {
		if file == "" {
			return errors.New("geo.city, geo.asn: a file's name is empty")
		}
	}
	for _, list := range c.lists() {
		if slices.Contains(list.files, "") {
			return fmt.Errorf("%s: a file's name is empty", list.key)
		}
	}
	if c.Refresh != 0 && (c.Refresh < time.Second || c.Refresh > 24*time.Hour) {
		return fmt.Errorf("geo.refresh: %s is neither 0s nor between 1s and 24h", c.Refresh)
	}
	return nil
}
