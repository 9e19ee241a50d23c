package detect

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Campaigns finds what only many tokens together tell: that one address, network or client turns up with the tokens of
// several owners (a campaign), or that an owner's tokens moved together (a fleet event), which explains what each of
// them alone would be suspected of.
//
//	Sighting ─► gatherings by network, address, client, traffic ─► one finding each
//	                among an owner's tokens │ tokens of one origin │ all
//
// A campaign: at least three tokens of at least two owners, against each of which something speaks already, meet
// within a day. That they do by chance has a Poisson probability, given how many came to that value on the days
// before; its improbability adds to the mean of what speaks against each. A conference or a new café brings tokens
// together too, but with their own programs, so little speaks against each and they are no part of it.
//
// It is pure, and deterministic in the order of what it is shown. It is bounded: an outsider chooses clients and, with
// stolen tokens, addresses, so gatherings of a single token leave first, and those unseen for longest.
type Campaigns struct {
	gatherings map[gatheringKey]*gathering
	owners     map[string]*awakeTokens
	all        awakeTokens
	parts      float64 // sightings that could be part of a campaign, fading by half a week
	partsAt    int64
	due        []*gathering   // to be told
	keys       []gatheringKey // of the sighting last seen
	moves      moves          // what other partitions know, see Engine.Know
}

// awakeTokens counts tokens by days.
type awakeTokens struct {
	day              int32
	today, yesterday uint32
}

const (
	maxGatherings = 1024
	maxOwners     = 4096
	leastParts    = 2.0 // a day: what an untaught fleet may have
	campaignBonus = 0.6
	bonusNats     = 15.0
	fleetEvery    = 3600 // seconds between two findings of one fleet event, which has doubled meanwhile
	mostlyOwn     = 0.8  // share of members with programs of their own that makes it none
	fleetScore    = 0.9  // of a fleet event: severity low
)

// NewCampaigns makes one that has seen nothing.
func NewCampaigns() *Campaigns {
	return &Campaigns{gatherings: map[gatheringKey]*gathering{}, owners: map[string]*awakeTokens{}}
}

func ownerOf(s *schema.Sighting) string { return owner(s.Consumer, s.Environment) }

// owner is who answers for a token, empty when the gateway does not say.
func owner(consumer, environment string) string {
	if consumer == "" {
		return ""
	}
	return clip(consumer) + "\x00" + clip(environment)
}

func (a *awakeTokens) woke(day int32) {
	switch {
	case day == a.day+1:
		a.day, a.yesterday, a.today = day, a.today, 0
	case day > a.day:
		a.day, a.yesterday, a.today = day, 0, 0
	case day < a.day:
		return
	}
	a.today++
}

func (a *awakeTokens) count() int { return int(max(a.today, a.yesterday)) }

// woke counts a token on the first event of its day.
func (c *Campaigns) woke(ev *schema.Event, day int32) {
	c.all.woke(day)
	name := owner(ev.Consumer, ev.Environment)
	if name == "" {
		return
	}
	a := c.owners[name]
	if a == nil {
		if len(c.owners) >= maxOwners {
			c.forgetOwners(day)
		}
		if len(c.owners) >= maxOwners {
			return // so many owners in two days: for further ones only the number of tokens counts
		}
		a = &awakeTokens{}
		c.owners[name] = a
	}
	a.woke(day)
}

func (c *Campaigns) forgetOwners(day int32) {
	for name, a := range c.owners {
		if a.day < day-1 {
			delete(c.owners, name)
		}
	}
}

// active is how many tokens of an owner, and of all, were awake of late.
func (c *Campaigns) active(consumer, environment string) (own, all int) {
	if a := c.owners[owner(consumer, environment)]; a != nil {
		own = a.count()
	}
	return own, c.all.count()
}

// See takes in a sighting, and reports whether it was news to any gathering. The sightings of a token come in the order
// of time, those of different tokens roughly.
func (c *Campaigns) See(s *schema.Sighting) (news bool) {
	now := int64(secondsOf(s.Time))
	if s.Returned {
		return c.returned(s, now)
	}
	c.fade(now)
	var joined []*gathering
	c.keys = keysOf(c.keys[:0], s)
	for _, key := range c.keys {
		g := c.gathering(key, now)
		g.leave(now)
		if s.ASN != 0 && key.kind != sameClient {
			g.network, g.asn = s.Network, s.ASN
		}
		if key.kind == sameClient {
			g.common = max(g.common, s.Common)
		}
		fresh := g.join(s, now)
		news = news || fresh
		if fresh {
			g.judge(s.Active, s.Tokens, now, c.rate())
		}
		g.held = g.held || g.benign && s.Score >= 1
		if fresh || g.benign {
			joined = append(joined, g)
		}
	}
	for _, g := range joined { // an owner's are judged by now: they explain what would be a campaign's
		c.judge(g, now)
	}
	if news && s.Score >= leastPart {
		c.parts++
	}
	return news
}

// keysOf appends the gatherings that a sighting is of, what says most first.
func keysOf(keys []gatheringKey, s *schema.Sighting) []gatheringKey {
	among, network := append(make([]string, 0, 2), amongAll), ""
	if name := ownerOf(s); name != "" {
		among = append(among, amongOwner+name)
	}
	if s.ASN != 0 {
		network = networkValue(s.ASN)
	}
	if s.ASN != 0 && s.IP.IsValid() {
		keys = append(keys, gatheringKey{sameAddress, s.IP.String(), amongAll})
	}
	for _, who := range among {
		if s.Client != "" {
			keys = append(keys, gatheringKey{sameClient, clip(s.Client), who})
		}
		if s.ASN != 0 {
			keys = append(keys, gatheringKey{sameNetwork, network, who})
		}
		if s.Traffic {
			keys = append(keys, gatheringKey{sameTraffic, "", who})
		}
	}
	if s.ASN != 0 && s.Origin != 0 {
		origin := amongOrigin(s.Origin)
		keys = append(keys, gatheringKey{sameNetwork, network, origin})
		if s.IP.IsValid() {
			keys = append(keys, gatheringKey{sameAddress, s.IP.String(), origin})
		}
	}
	return keys
}

// networkValue and amongOrigin are parts of keys, made for every event that is news: without fmt.
func networkValue(asn uint32) string { return "AS" + strconv.FormatUint(uint64(asn), 10) }

func amongOrigin(asn uint32) string { return amongOrigins + strconv.FormatUint(uint64(asn), 10) }

// fade lets the count of sightings that could be part of a campaign follow its time.
func (c *Campaigns) fade(now int64) {
	if days := float64(now-c.partsAt) / daySeconds; c.partsAt != 0 && days > 0 {
		c.parts *= 1 / (1 + days/3.5)
	}
	c.partsAt = max(c.partsAt, now)
}

// rate is how many of them there are a day.
func (c *Campaigns) rate() float64 { return max(leastParts, c.parts/3.5) }

func (c *Campaigns) gathering(key gatheringKey, now int64) *gathering {
	g := c.gatherings[key]
	if g == nil {
		if len(c.gatherings) >= maxGatherings {
			c.forget(now)
		}
		g = &gathering{key: key}
		c.gatherings[key] = g
	}
	return g
}

// forget makes room for an eighth more, so that a flood has little to do: gatherings that are over leave, then those of
// one token, and those that were unseen for longest.
func (c *Campaigns) forget(now int64) {
	for key, g := range c.gatherings {
		if g.leave(now); len(g.members) == 0 && g.past < 1 {
			delete(c.gatherings, key)
		}
	}
	list := c.sorted()
	slices.SortStableFunc(list, func(a, b *gathering) int {
		if lesser(a, b) {
			return -1
		}
		return 1
	})
	for _, g := range list[:max(0, len(list)-maxGatherings*7/8)] {
		delete(c.gatherings, g.key)
		c.due = slices.DeleteFunc(c.due, func(due *gathering) bool { return due == g })
	}
}

func lesser(a, b *gathering) bool {
	single := func(g *gathering) bool { return len(g.members) < 2 }
	switch {
	case single(a) != single(b):
		return single(a)
	case a.last != b.last:
		return a.last < b.last
	}
	return a.key.compare(b.key) < 0
}

// rename gives a member its token's new name.
func (c *Campaigns) rename(from, to schema.TokenID) {
	for _, g := range c.gatherings {
		old := g.member(from)
		if old == nil || g.member(to) != nil {
			continue
		}
		old.token = to
		slices.SortFunc(g.members, func(a, b member) int { return bytes.Compare(a.token[:], b.token[:]) })
		if g.lead == from {
			g.lead = to
		}
	}
}

// returned notes that a token is back where it came from, soon after it was where it is said to have moved.
func (c *Campaigns) returned(s *schema.Sighting, now int64) (news bool) {
	here := networkValue(s.ASN)
	for key, g := range c.gatherings {
		if key.kind != sameNetwork || key.value == here || now-g.last > returnsWithin {
			continue
		}
		if m := g.member(s.Token); m != nil && now-m.last <= returnsWithin {
			news = news || !m.returned
			m.returned = true
			g.judge(s.Active, s.Tokens, now, c.rate())
		}
	}
	return news
}

// returnsWithin is how soon a return tells two users from one who moves about.
const returnsWithin = 1800

// judge decides whether a gathering is to be told.
func (c *Campaigns) judge(g *gathering, now int64) {
	if g.benign {
		if g.key.kind == sameAddress && now-g.began < fleetEvery {
			return // it may become clear that more has moved than what is behind one address
		}
		if n := len(g.members); g.held && n >= 2*g.told && now-g.toldAt >= fleetEvery && !c.covered(g) {
			c.tell(g, n, now)
		}
		return
	}
	if g.key.among != amongAll || g.key.kind == sameTraffic {
		return
	}
	if n, score := c.campaign(g, now); score >= 1 && !c.muted(g, n) && n > g.told && (n <= 8 || 2*n >= 3*g.told) {
		c.tell(g, n, now)
	}
}

func (c *Campaigns) tell(g *gathering, n int, now int64) {
	g.told, g.toldAt = n, now
	g.times++
	g.name()
	if !slices.Contains(c.due, g) {
		c.due = append(c.due, g)
	}
}

// campaign tells how many tokens are part of a campaign, and its score.
func (c *Campaigns) campaign(g *gathering, now int64) (n int, score float64) {
	if g.share(func(m *member) bool { return m.ownAgent }) >= mostlyOwn {
		return 0, 0 // a thief of many tokens has tools of his own
	}
	sum, first := 0.0, now
	owners := map[string]bool{}
	nameless := 0
	for i := range g.members {
		m := &g.members[i]
		if !c.part(g, m, now) {
			continue
		}
		n++
		sum += min(m.score, 2)
		first = min(first, m.first)
		if m.owner == "" {
			nameless++
		} else {
			owners[m.owner] = true
		}
	}
	if n < leastCampaign || len(owners)+nameless < 2 || 2*n < len(g.members) {
		return n, 0
	}
	surplus := g.surplus(n, first, now, c.rate())
	if surplus < leastSurplus {
		return n, 0
	}
	return n, sum/float64(n) + min(campaignBonus, surplus/bonusNats)
}

// part tells whether a member is part of a campaign: something speaks against it that no fleet event explains.
func (c *Campaigns) part(g *gathering, m *member, now int64) bool {
	kind, value := g.key.kind, g.key.value
	if kind == sameAddress {
		kind, value = sameNetwork, networkValue(g.asn)
	}
	if g.key.kind == sameAddress && c.explaining(sameAddress, g.key.value, m.owner, m.origin, now, time.Time{}) != nil {
		return false
	}
	if m.home { // a thief is not at home, whatever program the owner tries there
		return false
	}
	return m.score >= leastPart && c.explaining(kind, value, m.owner, m.origin, now, time.Time{}) == nil
}

// of names the campaign that the sighting last seen belongs to, if it was told.
func (c *Campaigns) of() string {
	for _, key := range c.keys {
		if g := c.gatherings[key]; g != nil && g.told > 0 && !g.benign && !g.muted && key.among == amongAll {
			return g.id
		}
	}
	return ""
}

// muted tells whether another gathering tells of these tokens already. The larger one takes over, under the same id.
func (c *Campaigns) muted(g *gathering, n int) bool {
	if g.told > 0 && !g.muted {
		return false
	}
	var other *gathering
	for _, o := range c.gatherings {
		if o == g || o.told == 0 || o.benign || o.muted || o.key.among != amongAll || !overlap(g, o) {
			continue
		}
		if other == nil || lesser(other, o) {
			other = o
		}
	}
	switch {
	case other == nil:
		g.muted = false
	case n > other.told:
		g.id, g.lead, g.muted, g.told, other.muted = other.id, other.lead, false, other.told, true
	default:
		g.muted = true
	}
	return g.muted
}

func overlap(a, b *gathering) bool {
	return slices.ContainsFunc(a.members, func(m member) bool { return m.score >= leastPart && b.member(m.token) != nil })
}

// covered tells whether a fleet event is told as its owner's already.
func (c *Campaigns) covered(g *gathering) bool {
	if g.key.owners() {
		return false
	}
	kind, value := g.key.kind, g.key.value
	if kind == sameAddress {
		kind, value = sameNetwork, networkValue(g.asn)
		if wider := c.gatherings[gatheringKey{kind, value, g.key.among}]; wider != nil && wider.benign {
			return true
		}
	}
	for _, m := range g.members {
		if m.owner == "" {
			return false
		}
		own := c.gatherings[gatheringKey{kind, value, amongOwner + m.owner}]
		if own == nil || !own.benign {
			return false
		}
	}
	return true
}

// explaining is the fleet event, or what may become one, that explains what a token of an owner and an origin was seen
// with; or nil.
func (c *Campaigns) explaining(kind gatheringKind, value, owner string, origin uint32, now int64, ingested time.Time) *gathering {
	both := [2]string{amongOwner + owner, amongAll}
	among := both[:]
	switch kind {
	case sameNetwork:
		among[1] = amongOrigin(origin)
	case sameAddress:
		among[0], among = amongOrigin(origin), among[:1]
	}
	for _, who := range among {
		if who == amongOwner {
			continue
		}
		if g := c.gatherings[gatheringKey{kind, value, who}]; g != nil && (g.benign || g.beginning(now)) {
			return g
		}
		if g := c.moves.explaining(gatheringKey{kind, value, who}, ingested); g != nil {
			return g
		}
	}
	return nil
}

// Due is a finding that is to be told, or nil. The event is what it is told at: its time and its place in the log.
func (c *Campaigns) Due(ev *schema.Event) *schema.Finding {
	for len(c.due) > 0 {
		g := c.due[0]
		c.due = c.due[1:]
		if f := c.finding(g, ev); f.TokenCount >= 2 && (g.benign || f.Score >= 1) {
			return f
		}
		g.told, g.toldAt = 0, 0 // it has become something else meanwhile
	}
	return nil
}

func (c *Campaigns) finding(g *gathering, ev *schema.Event) *schema.Finding {
	f := &schema.Finding{
		ID: gatheringID(g), Token: g.lead, Kind: schema.FindingFleet, Group: g.id, Score: fleetScore, Severity: schema.SeverityLow,
		Time: time.Unix(g.last, 0).UTC(), Ingested: ev.Ingested, Topic: ev.Topic, Partition: ev.Partition, Offset: ev.Offset,
	}
	in := func(*member) bool { return true }
	if !g.benign {
		_, f.Score = c.campaign(g, g.last)
		f.Kind, f.Severity = schema.FindingCampaign, max(severity(f.Score), schema.SeverityHigh)
		in = func(m *member) bool { return c.part(g, m, g.last) }
	}
	f.Tokens, f.TokenCount = g.named(in)
	if g.key.owners() {
		f.Consumer, f.Environment, _ = strings.Cut(strings.TrimPrefix(g.key.among, amongOwner), "\x00")
	}
	f.Seen = schema.Seen{Since: time.Unix(g.began, 0).UTC(), Requests: uint64(f.TokenCount)}
	if g.network != "" {
		f.Seen.Networks = []string{g.network}
	}
	if client := g.newClient(); client != "" {
		f.Seen.Clients = []string{client}
	}
	f.Summary = g.summary(f, c.ownersOf(g, in))
	detector := string(f.Kind)
	f.Evidence = []schema.Evidence{{
		Detector: detector, Key: detector + ":" + g.what(), Time: f.Time, LLR: g.surplus(f.TokenCount, g.began, g.last, c.rate()),
		Seen: f.Summary, Normal: "new to each of them", Attack: attackID,
	}}
	return f
}

func (c *Campaigns) ownersOf(g *gathering, in func(*member) bool) int {
	owners, nameless := map[string]bool{}, 0
	for i := range g.members {
		switch m := &g.members[i]; {
		case !in(m):
		case m.owner == "":
			nameless++
		default:
			owners[m.owner] = true
		}
	}
	return len(owners) + nameless
}
