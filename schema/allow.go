package schema

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// AllowKind is what an allowance names.
type AllowKind string

// Kinds of allowance.
const (
	AllowCIDR    AllowKind = "cidr"    // addresses: 203.0.113.0/24, or one of them
	AllowASN     AllowKind = "asn"     // a network: 64500 or AS64500
	AllowCountry AllowKind = "country" // ISO 3166-1 alpha-2: DE
	AllowClient  AllowKind = "client"  // a product, curl, or one of its versions, curl/8
	AllowToken   AllowKind = "token"   // a fingerprint of 32 hexadecimal digits
	AllowLabel   AllowKind = "label"   // consumer=acme-* or environment=dev
)

// AllowKinds lists the kinds.
var AllowKinds = []AllowKind{AllowCIDR, AllowASN, AllowCountry, AllowClient, AllowToken, AllowLabel}

// AllowAction is what a change does to an allowance.
type AllowAction string

// Changes of an allowance.
const (
	AllowAdd    AllowAction = "add"
	AllowRemove AllowAction = "remove"
)

// Allowance is a change of the allow-list: an entry that is made, or taken away. Nothing is ever rewritten, so the
// changes are the list and its history at once. An entry holds for events that are ingested after At, until Until
// or until it is removed.
type Allowance struct {
	ID        string      `json:"id"`
	Action    AllowAction `json:"action"`
	At        time.Time   `json:"at"`
	By        string      `json:"by"` // who made the change
	Kind      AllowKind   `json:"kind"`
	Value     string      `json:"value"`
	Detectors []string    `json:"detectors,omitempty"` // the only ones that are silenced; empty: all that the kind is about
	Owner     string      `json:"owner"`               // who answers for it
	Reason    string      `json:"reason"`
	Until     time.Time   `json:"until,omitzero"` // zero: until it is removed
}

// Check says what is wrong with an allowance that is to be made.
func (a *Allowance) Check() error {
	switch {
	case a.Owner == "":
		return errors.New("owner: missing: somebody has to answer for it")
	case a.Reason == "":
		return errors.New("reason: missing: it is what the next reader of the list has")
	case !a.Until.IsZero() && !a.Until.After(a.At):
		return fmt.Errorf("until: %s is over", a.Until.UTC().Format(time.RFC3339))
	}
	return a.checkValue()
}

func (a *Allowance) checkValue() error {
	switch a.Kind {
	case AllowCIDR:
		if _, err := ParseCIDR(a.Value); err != nil {
			return fmt.Errorf("cidr: %q: want addresses such as 203.0.113.0/24 or 2001:db8::/32", a.Value)
		}
	case AllowASN:
		if _, err := ParseASN(a.Value); err != nil {
			return fmt.Errorf("asn: %q: want a number such as 64500 or AS64500", a.Value)
		}
	case AllowCountry:
		if len(a.Value) != 2 || strings.Trim(strings.ToUpper(a.Value), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return fmt.Errorf("country: %q: want two letters such as DE", a.Value)
		}
	case AllowClient:
		if a.Value == "" || strings.HasPrefix(a.Value, "/") {
			return fmt.Errorf("client: %q: want a product such as curl, or curl/8", a.Value)
		}
	case AllowToken:
		if t, err := ParseTokenID(a.Value); err != nil || t.IsZero() {
			return fmt.Errorf("token: want a fingerprint of 32 hexadecimal digits, as 'tokenwatch fingerprint' prints it")
		}
	case AllowLabel:
		if name, pattern, found := strings.Cut(a.Value, "="); !found || pattern == "" || name != "consumer" && name != "environment" {
			return fmt.Errorf("label: %q: want consumer=NAME or environment=NAME, with * for any text", a.Value)
		}
	default:
		return fmt.Errorf("%q: want one of %q", a.Kind, AllowKinds)
	}
	return nil
}

// ParseASN reads the number of a network, with or without AS before it.
func ParseASN(s string) (uint32, error) {
	if len(s) > 2 && strings.EqualFold(s[:2], "AS") {
		s = s[2:]
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n == 0 {
		err = strconv.ErrRange
	}
	return uint32(n), err
}

// ParseCIDR reads a range of addresses, or a single one.
func ParseCIDR(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		ip, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, err
		}
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}
