package detect

import (
	"net/netip"

	"github.com/tokenwatch/tokenwatch/schema"
)

// A token that is away is sighted with every request, and the names of what it is gathered by are put together of its
// owner, its network and more each time. Making them takes longer than all that is done with them, so the last of them
// are kept: in tables of a fixed size, in which a newcomer takes the place of whoever was there. Nothing that is found
// depends on them.

const (
	namingTokens = 256
	namingOwners = 256
	namingPlaces = 64
)

// namings are the names made last.
type namings struct {
	tokens []naming
	owners []ownerNaming
	places []placeNaming
}

// naming is what the sightings of a token are gathered by, as long as these stay the same.
type naming struct {
	consumer, environment, client string
	ip                            netip.Addr
	asn, origin                   uint32
	traffic                       bool

	owner, amongOwner, amongCompany, amongOrigin string
	network, address                             string
	keys                                         []gatheringKey
	found                                        []*gathering // of the keys, unless some were forgotten since
	forgotten                                    uint64
}

// ownerNaming is the name of an owner, as owner has it, behind what amongOwner says, and that of the company; and the
// company's tokens, unless owners were forgotten since.
type ownerNaming struct {
	consumer, environment, among, company string

	awake     *awakeTokens
	forgotten uint64
}

// placeNaming is a network as a person reads it.
type placeNaming struct {
	asn     uint32
	org     string
	network schema.Network
	name    string
}

// of returns the names of what a sighting is gathered by.
func (n *namings) of(s *schema.Sighting) *naming {
	if n.tokens == nil {
		n.tokens = make([]naming, namingTokens)
	}
	t := &n.tokens[tokenHash(&s.Token)%namingTokens]
	if t.origin == s.Origin && t.asn == s.ASN && t.ip == s.IP && t.traffic == s.Traffic && t.client == s.Client &&
		t.consumer == s.Consumer && t.environment == s.Environment && t.amongOrigin != "" {
		return t
	}
	*t = naming{
		consumer: s.Consumer, environment: s.Environment, client: s.Client, ip: s.IP, asn: s.ASN, origin: s.Origin, traffic: s.Traffic,
		amongOrigin: amongOrigin(s.Origin), keys: t.keys[:0], found: t.found[:0],
	}
	t.amongOwner, t.amongCompany = n.among(s.Consumer, s.Environment)
	t.owner = t.amongOwner[len(amongOwner):]
	if s.ASN != 0 {
		t.network = networkValue(s.ASN)
	}
	if s.IP.IsValid() {
		t.address = s.IP.String()
	}
	t.gatherBy(s)
	return t
}

// gatherBy lists the gatherings that a sighting is of, what says most first.
func (t *naming) gatherBy(s *schema.Sighting) {
	all := [2]string{amongAll, t.amongOwner}
	among := all[:]
	if t.owner == "" {
		among = all[:1]
	}
	if s.ASN != 0 && s.IP.IsValid() {
		t.keys = append(t.keys, gatheringKey{sameAddress, t.address, amongAll})
	}
	for _, who := range among {
		if s.Client != "" {
			t.keys = append(t.keys, gatheringKey{sameClient, clip(s.Client), who})
		}
		if s.ASN != 0 {
			t.keys = append(t.keys, gatheringKey{sameNetwork, t.network, who})
		}
		if s.Traffic {
			t.keys = append(t.keys, gatheringKey{sameTraffic, "", who})
		}
	}
	if s.ASN != 0 && s.Environment != "" && t.owner != "" {
		t.keys = append(t.keys, gatheringKey{sameNetwork, t.network, t.amongCompany})
	}
	if s.ASN != 0 && s.Origin != 0 {
		t.keys = append(t.keys, gatheringKey{sameNetwork, t.network, t.amongOrigin})
		if s.IP.IsValid() {
			t.keys = append(t.keys, gatheringKey{sameAddress, t.address, t.amongOrigin})
		}
	}
}

// among are the gatherings' names of an owner and of the company.
func (n *namings) among(consumer, environment string) (owners, company string) {
	if consumer == "" {
		return amongOwner, amongCompany
	}
	o := n.ofOwner(consumer, environment)
	return o.among, o.company
}

// ofOwner are the names of an owner that has one.
func (n *namings) ofOwner(consumer, environment string) *ownerNaming {
	if n.owners == nil {
		n.owners = make([]ownerNaming, namingOwners)
	}
	o := &n.owners[nameHash(consumer, environment)%namingOwners]
	if o.consumer != consumer || o.environment != environment {
		name := owner(consumer, environment)
		*o = ownerNaming{consumer: consumer, environment: environment, among: amongOwner + name, company: amongCompany + companyOf(name)}
	}
	return o
}

// companyAwake are the tokens of a company, nil if none is known.
func (c *Campaigns) companyAwake(consumer, environment string) *awakeTokens {
	if consumer == "" {
		return c.owners[amongCompany]
	}
	o := c.namings.ofOwner(consumer, environment)
	if o.awake == nil || o.forgotten != c.ownersForgotten {
		o.awake, o.forgotten = c.owners[o.company], c.ownersForgotten
	}
	return o.awake
}

// owner is who answers for a token, as owner has it.
func (n *namings) owner(consumer, environment string) string {
	owners, _ := n.among(consumer, environment)
	return owners[len(amongOwner):]
}

// company is who the owner is part of, behind amongCompany.
func (n *namings) company(consumer, environment string) string {
	_, company := n.among(consumer, environment)
	return company
}

// nameHash tells a few hundred owners apart.
func nameHash(consumer, environment string) uint32 {
	h, n := uint64(len(consumer)), len(consumer)
	if n >= 8 {
		h = blend(word(consumer)^h, word(consumer[n-8:]))
	} else {
		h = uint64(textHash(consumer))
	}
	if environment != "" {
		h += uint64(environment[0]) * 31
	}
	return uint32(h ^ h>>11)
}

// place is a network's name, clipped.
func (n *namings) place(p *schema.Place) string {
	if n.places == nil {
		n.places = make([]placeNaming, namingPlaces)
	}
	x := &n.places[p.ASN%namingPlaces]
	if x.asn != p.ASN || x.org != p.ASOrg || x.network != p.Network || x.name == "" {
		*x = placeNaming{p.ASN, p.ASOrg, p.Network, clip(networkName(*p))}
	}
	return x.name
}

// found is a gathering of a sighting by the number of its key; nil when there is none.
func (c *Campaigns) found(t *naming, i int) *gathering {
	if t.known(c.forgotten) {
		return t.found[i]
	}
	return c.gatherings[t.keys[i]]
}

// known reports whether all of the gatherings were found, and none was forgotten since.
func (t *naming) known(forgotten uint64) bool {
	return t.forgotten == forgotten && len(t.found) == len(t.keys)
}
