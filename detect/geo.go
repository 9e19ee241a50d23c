package detect

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// newGeo finds requests from a country, network or kind of network that are new for the
// token.
//
// Model: hierarchical novelty. A country never seen has the probability P0 that a day of
// this token brings a new one, spread as the cohort is spread over countries:
//
//	P(c | owner) = P0 · P_cohort(c)
//
// which is the numerator and denominator of Freeman et al. (NDSS 2016), "Who Are You? A
// Statistical Approach to Measuring User Authenticity". Thieves sit where other users
// sit, or anywhere: P(c | theft) = ½·P_cohort(c) + ½·1/60. In a known country the same
// is asked of the network. A new country brings a new network with certainty, for thief
// and owner alike, so the network then adds nothing (no double counting) but its kind:
// eyeballs (homes, offices, phones) or machines and anonymity (hosting, VPN, Tor), which
// thieves prefer and most people never come from, and the reverse for servers.
type newGeo struct{}

const (
	newGeoName        = "new_geo"
	theftCountries    = 60.0 // how many countries a thief may as well sit in
	theftFromMachines = 0.55 // share of thefts from hosting, VPN and Tor
	kindPrior         = 5.0  // days that the cohort's opinion of kinds weighs
	newGeoCap         = 9.0
	strangeNats       = 3.0  // from here on a place is no café around the corner
	nearKM            = 50   // beside the accuracy of the address
	theftNear         = 0.05 // share of thefts near the owner
	ownerNear         = 0.8  // share of an owner's new networks near the old ones
)

func (newGeo) name() string { return newGeoName }

func (newGeo) phrase() string { return "from a new place" }

func (newGeo) look(l *look) {
	p, ev := l.profile, l.event
	if ev.Country == "" && ev.ASN == 0 {
		return // no database knows the address: nothing to compare
	}
	if l.habits(countries).empty(l.now, l.probation) && l.habits(networks).empty(l.now, l.probation) {
		return // the token has no place of its own yet
	}
	newCountry := ev.Country != "" && l.habits(countries).settled(l.country, l.now, l.probation) == nil
	newNetwork := ev.ASN != 0 && l.habits(networks).settled(l.network(), l.now, l.probation) == nil
	if !newCountry && !newNetwork {
		return
	}
	llr := kindRatio(l)
	if newCountry {
		llr += countryRatio(l)
	} else {
		n := l.cohort.noveltyOf(p)
		llr -= math.Log(l.habits(networks).unseen(p, n.rate(n.networks), noveltyPrior, l.now, l.probation))
		llr += nearRatio(l)
	}
	if llr <= 0 {
		return
	}
	l.group = group{country: ev.Country, asn: ev.ASN}
	if newCountry {
		l.group.asn = 0 // a trip has a hotel and a phone: all networks there are one visit
	}
	l.strange, l.novel = llr >= strangeNats, llr
	l.found(newGeoName, min(newGeoCap, llr), func() words { return geoWords(l, newCountry) })
}

func countryRatio(l *look) float64 {
	cohort := l.cohort.country(l.country)
	theft := cohort/2 + 0.5/theftCountries
	n := l.cohort.noveltyOf(l.profile)
	owner := l.habits(countries).unseen(l.profile, n.rate(n.countries), countryPrior, l.now, l.probation) * max(cohort, l.cohort.journeys.share(l.habits(countries).most(nil), l.country, cohort))
	return math.Log(theft / owner)
}

// kindRatio compares how often thieves and this owner come from the event's kind of
// network. Of a kind that the token never used, the cohort knows how often it appears
// among networks that are new for a token.
func kindRatio(l *look) float64 {
	k := kindOf(l.event.Network)
	theft := theftFromMachines
	if k == eyeballs {
		theft = 1 - theftFromMachines
	}
	here, other := float64(l.profile.kinds[k].days), float64(l.profile.kinds[1-k].days)
	owner := l.cohort.noveltyOf(l.profile).flip()
	if here > 0 {
		owner = (here + owner*kindPrior) / (here + other + kindPrior)
	}
	return math.Log(theft / owner)
}

// nearRatio compares how often a new network of people in a known country is near one
// of the token's places: owners mostly meet new networks where they live, thieves have no
// reason to. Machines stand in the same few towns for everybody, so theirs says nothing.
func nearRatio(l *look) float64 {
	if kindOf(l.event.Network) == machinery || !l.event.Located() {
		return 0
	}
	list := l.habits(cities)
	for i := range list {
		city := &list[i]
		there := schema.Place{Lat: city.lat, Lon: city.lon, AccuracyKM: nearKM}
		if l.now-int64(city.first) >= l.probation && there.Located() && distance(there, l.event.Place) == 0 {
			return math.Log(theftNear / ownerNear)
		}
	}
	return math.Log((1 - theftNear) / (1 - ownerNear))
}

// Kinds of network, as far as they matter here.
const (
	eyeballs = iota
	machinery
)

// kindDays counts the days with a kind of network.
type kindDays struct {
	days uint16
	day  uint16 // the last of them, in days since 1970
}

func (k *kindDays) see(day uint16) {
	if k.day < day {
		k.day, k.days = day, min(k.days, 1<<16-2)+1
	}
}

// flipped reports whether the open day brought the token's first network of the other
// kind than all before.
func (p *profile) flipped() bool {
	for k := range p.kinds {
		if p.kinds[k].days == 1 && int32(p.kinds[k].day) == p.day && p.kinds[1-k].days > 1 {
			return true
		}
	}
	return false
}

func kindOf(n schema.Network) int {
	if machines(n) {
		return machinery
	}
	return eyeballs
}

// machines tells hosting and anonymity from the networks that people sit in.
func machines(n schema.Network) bool {
	return n == schema.NetworkHosting || n == schema.NetworkVPN || n == schema.NetworkTor
}

func geoWords(l *look, newCountry bool) words {
	ev := l.event
	w := words{seen: placeName(ev.Place) + " · " + networkName(ev.Place)}
	days := int(l.profile.days) - 1
	if newCountry {
		w.key = "country:" + ev.Country
		w.normal = sharesInWords(l.shares(countries)) + overDays(days)
	} else {
		w.key = fmt.Sprintf("asn:%d", ev.ASN)
		w.normal = sharesInWords(l.shares(networks)) + overDays(days)
	}
	return w
}

func overDays(days int) string { return fmt.Sprintf(" over %d days", max(days, 1)) }

// placeName is a place as people write it: "São Paulo, BR".
func placeName(p schema.Place) string {
	switch {
	case p.City != "" && p.Country != "":
		return p.City + ", " + p.Country
	case p.Country != "":
		return p.Country
	}
	return "place unknown"
}

// appendPlace appends the placeName of a place that has a city.
func appendPlace(name []byte, city, country string) []byte {
	if country == "" {
		return append(name, "place unknown"...)
	}
	return append(append(append(name, city...), ", "...), country...)
}

// networkName is a network as people write it: "AS14061 DigitalOcean (hosting)".
func networkName(p schema.Place) string { return string(appendNetwork(nil, &p)) }

// appendNetwork appends a network's name.
func appendNetwork(name []byte, p *schema.Place) []byte {
	if p.ASN == 0 {
		return append(name, "network unknown"...)
	}
	name = strconv.AppendUint(append(name, "AS"...), uint64(p.ASN), 10)
	if p.ASOrg != "" {
		name = append(append(name, ' '), p.ASOrg...)
	}
	return append(append(append(name, " ("...), p.Network.String()...), ')')
}

// shares turns habits into shares of their days, largest first.
func (l *look) shares(k kind) []schema.Share {
	total := 0.0
	for _, h := range l.habits(k) {
		total += float64(h.days)
	}
	list := make([]schema.Share, 0, len(l.habits(k)))
	for _, h := range l.habits(k) {
		list = append(list, schema.Share{Name: l.memory.nameOf(k, &h), Share: float64(h.days) / total})
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Share > list[j].Share })
	return list
}

// nameOf is a habit as a person reads it.
func (m *memory) nameOf(k kind, h *habit) string {
	switch {
	case h.name != 0:
		return m.texts.of(h.name)
	case k.spelt():
		return m.texts.of(text(h.key))
	}
	return fmt.Sprint(h.key)
}

func sharesInWords(list []schema.Share) string {
	if len(list) == 0 {
		return "nothing known yet"
	}
	parts := []string{}
	for _, s := range list[:min(3, len(list))] {
		parts = append(parts, fmt.Sprintf("%s %.0f %%", s.Name, 100*s.Share))
	}
	return strings.Join(parts, ", ")
}
