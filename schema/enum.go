package schema

import "fmt"

// Network is the kind of network an address belongs to.
type Network uint8

// The kinds of network, numbered as in the events table's Enum8.
const (
	NetworkUnknown Network = iota
	NetworkResidential
	NetworkMobile
	NetworkBusiness
	NetworkHosting
	NetworkVPN
	NetworkTor
)

// NetworkNames lists the kinds in the order of their numbers.
var NetworkNames = []string{"unknown", "residential", "mobile", "business", "hosting", "vpn", "tor"}

func (n Network) String() string { return nameOf(NetworkNames, uint8(n)) }

// MarshalText writes the kind's name.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads a kind's name.
func (n *Network) UnmarshalText(text []byte) error {
	return numberOf((*uint8)(n), NetworkNames, "network kind", text)
}

// IPFrom says where in the record the client's address was read.
type IPFrom uint8

// The places an address can be read from, numbered as in the events table's Enum8.
const (
	IPFromNone      IPFrom = iota // the record names no address
	IPFromPeer                    // the TCP peer
	IPFromForwarded               // X-Forwarded-For or Forwarded, right of the trusted hops
	IPFromGateway                 // the gateway worked it out itself
)

// IPFromNames lists the places in the order of their numbers.
var IPFromNames = []string{"none", "peer", "forwarded", "gateway"}

func (f IPFrom) String() string { return nameOf(IPFromNames, uint8(f)) }

// Severity ranks findings and incidents. The zero value is info.
type Severity uint8

// Severities, from what a report mentions to what wakes somebody.
const (
	SeverityInfo Severity = iota
	SeverityLow
	SeverityMedium
	SeverityHigh
	SeverityCritical
)

// SeverityNames lists the severities in rising order.
var SeverityNames = []string{"info", "low", "medium", "high", "critical"}

func (s Severity) String() string { return nameOf(SeverityNames, uint8(s)) }

// MarshalText writes the severity's name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a severity's name.
func (s *Severity) UnmarshalText(text []byte) error {
	return numberOf((*uint8)(s), SeverityNames, "severity", text)
}

// ParseSeverity reads a severity's name.
func ParseSeverity(name string) (Severity, error) {
	var s Severity
	return s, s.UnmarshalText([]byte(name))
}

func nameOf(names []string, n uint8) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%s(%d)", names[0], n)
}

func numberOf(into *uint8, names []string, what string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*into = uint8(i)
			return nil
		}
	}
	return fmt.Errorf("%s %q: want one of %q", what, text, names)
}
