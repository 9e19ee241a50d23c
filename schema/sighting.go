package schema

import (
	"net/netip"
	"time"
)

// Sighting says that a token was seen with something that is new to it. One alone is evidence like any other; many
// together may be a thief with many tokens, or an owner who moved. A zero field is nothing new.
type Sighting struct {
	Time        time.Time `json:"time"`
	Ingested    time.Time `json:"ingested"`
	Token       TokenID   `json:"token"`
	KeyID       uint16    `json:"key_id"`
	TokenHint   string    `json:"token_hint"`
	Consumer    string    `json:"consumer"`
	Environment string    `json:"environment"`
	Topic       string    `json:"topic"`
	Partition   int32     `json:"partition"`
	Offset      int64     `json:"offset"`

	ASN     uint32     `json:"asn,omitempty"` // of a new place
	Network string     `json:"network,omitempty"`
	Country string     `json:"country,omitempty"`
	IP      netip.Addr `json:"ip,omitzero"`
	Client  string     `json:"client,omitempty"` // a new product
	Common  float64    `json:"common,omitempty"` // share of the partition's tokens that use it
	Traffic bool       `json:"traffic,omitempty"`

	Home      bool    `json:"home,omitempty"`       // in one of the token's own places
	OwnClient bool    `json:"own_client,omitempty"` // with the token's own program
	OwnAgent  bool    `json:"own_agent,omitempty"`  // and to the last digit of its version
	Returned  bool    `json:"returned,omitempty"`   // back in an own place, ASN, after one that was new: nothing else is said
	Origin    uint32  `json:"origin,omitempty"`     // ASN of the network that the token is mostly used from
	Score     float64 `json:"score,omitempty"`      // what speaks for theft of this one; 1.0 would be an alert
	Active    int     `json:"active,omitempty"`     // tokens of this owner that were active of late, in this partition
	Tokens    int     `json:"tokens,omitempty"`     // tokens of anybody's that were
}
