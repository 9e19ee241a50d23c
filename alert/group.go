package alert

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// A campaign and a fleet event are about many tokens at once. Each is one incident, whatever token its findings are
// told under, beside the incidents that single tokens may have.

// maxTokens is how many tokens of a group an incident names, the first.
const maxTokens = 64

// subject names what a finding or an incident is about, and so which of them belong together: a token by itself, or a
// group. A group's name is made into one of the same form, which no token has but by chance of 2^-128.
func subject(kind schema.FindingKind, group string, token schema.TokenID) schema.TokenID {
	if kind == schema.FindingToken || group == "" {
		return token
	}
	sum := sha256.Sum256([]byte("group\x00" + group))
	return schema.TokenID(sum[:len(token)])
}

func subjectOf(inc *schema.Incident) schema.TokenID { return subject(inc.Kind, inc.Group, inc.Token) }

func subjectFound(f *schema.Finding) schema.TokenID { return subject(f.Kind, f.Group, f.Token) }

// grouped reports whether the incident is about several tokens.
func grouped(inc *schema.Incident) bool { return inc.Kind != schema.FindingToken }

// gather takes a finding's tokens into the incident of its group. What was once called a campaign stays one: that it
// may be benign after all stands among the reasons, and people decide.
func gather(inc *schema.Incident, f *schema.Finding) {
	if f.Kind == schema.FindingToken {
		return
	}
	inc.Group = cmp.Or(clean(f.Group, maxText), inc.Group)
	if inc.Kind != schema.FindingCampaign {
		inc.Kind = f.Kind
	}
	tokens := slices.Clone(inc.Tokens)
	for _, t := range f.Tokens {
		if len(tokens) < maxTokens && !slices.Contains(tokens, t) {
			tokens = append(tokens, t)
		}
	}
	inc.Tokens = tokens
	inc.TokenCount = max(inc.TokenCount, f.TokenCount, len(tokens))
}

// groupWords names the kinds of group, for titles.
var groupWords = map[schema.FindingKind]string{schema.FindingCampaign: "campaign", schema.FindingFleet: "fleet event"}

// groupTitle is what a title says of a group in place of a token.
func groupTitle(inc *schema.Incident) string {
	text := groupWords[inc.Kind] + ": " + plural(uint64(max(inc.TokenCount, 0)), "token")
	if inc.Consumer != "" {
		text += " of " + clean(inc.Consumer, 80)
	}
	return text
}

// tokensShown is how many tokens of a group a message names.
const tokensShown = 4

// groupRow names the tokens of a group.
func groupRow(inc *schema.Incident) Row {
	names := make([]string, 0, tokensShown)
	for _, t := range inc.Tokens[:min(tokensShown, len(inc.Tokens))] {
		names = append(names, t.String()[:8]+"…")
	}
	text := plural(uint64(max(inc.TokenCount, 0)), "token")
	if len(names) > 0 {
		text += ": " + strings.Join(names, ", ")
	}
	if more := inc.TokenCount - len(names); more > 0 && len(names) > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return row("Tokens", text, "", true)
}

// tokenLinks lead to the first tokens of a group in the console.
func (d *Dispatcher) tokenLinks(inc *schema.Incident) (list []string) {
	if d.cfg.ConsoleURL == "" || !grouped(inc) {
		return nil
	}
	for _, t := range inc.Tokens[:min(tokensShown, len(inc.Tokens))] {
		list = append(list, strings.TrimSuffix(d.cfg.ConsoleURL, "/")+"/tokens/"+t.String())
	}
	return list
}
