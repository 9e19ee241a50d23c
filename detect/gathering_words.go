package detect

import (
	"crypto/sha256"
	"fmt"

	"github.com/tokenwatch/tokenwatch/schema"
)

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
