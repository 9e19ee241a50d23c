package detect

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const fleetScore = 0.9 // of a fleet event: severity low

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

// what names what a gathering has in common.
func (g *gathering) what() string {
	switch g.key.kind {
	case sameNetwork:
		return "network:" + g.key.value
	case sameAddress:
		return "address:" + g.key.value
	case sameClient:
		return "client:" + g.key.value
	}
	return "traffic"
}

// summary is the finding's sentence.
func (g *gathering) summary(f *schema.Finding, owners int) string {
	tokens := fmt.Sprintf("%d tokens", f.TokenCount)
	if f.TokenCount >= maxMembers {
		tokens = fmt.Sprintf("%d tokens or more", maxMembers)
	}
	within := lapse(max(1, g.last-g.began))
	if f.Kind == schema.FindingCampaign {
		return fmt.Sprintf("%s of %d owners were used %s within %s, which is new to each of them", tokens, owners, g.where(), within)
	}
	whose := "of several owners"
	if g.key.company() {
		whose = "of " + strings.TrimPrefix(g.key.among, amongCompany)
	}
	if f.Consumer != "" {
		whose = "of " + f.Consumer
		if f.Environment != "" {
			whose += " (" + f.Environment + ")"
		}
	}
	return fmt.Sprintf("%s %s %s within %s, and none goes on as before: probably a change of the owner's, not a theft", tokens, whose, g.did(), within)
}

func (g *gathering) where() string {
	switch g.key.kind {
	case sameAddress:
		return "from " + g.key.value + ", " + g.network
	case sameClient:
		return "with " + g.key.value
	}
	return "from " + g.network
}

func (g *gathering) did() string {
	switch g.key.kind {
	case sameNetwork:
		return "moved to " + g.network
	case sameAddress:
		return "moved to " + g.key.value + ", " + g.network
	case sameClient:
		return "changed to " + g.key.value
	}
	return "make more requests than ever"
}

// gatheringID names a finding by its gathering and by how often that was told, so that a replay gives the same name.
func gatheringID(g *gathering) (id schema.FindingID) {
	h := sha256.Sum256(fmt.Appendf(nil, "gathering\x00%s\x00%d\x00%t", g.id, g.times, g.benign))
	copy(id[:], h[:])
	return id
}
