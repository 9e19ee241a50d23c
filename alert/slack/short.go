package slack

import (
	"strconv"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Bounds of what is short: with 20 entries of some 400 characters a digest stays below the
// undocumented limit of a message, and a reply shows what it takes to decide to look up.
const (
	maxEntries   = 20
	replyReasons = 3
)

// renderReply says in a few lines what changed.
func renderReply(m alert.Message) []slack.Block {
	blocks := []slack.Block{rich("sentence", section(bold(m.Icon+" "+m.Title), text("\n"+m.Sentence)))}
	var items []slack.RichTextElement
	for _, r := range m.Reasons[:min(len(m.Reasons), replyReasons)] {
		items = append(items, reason(r))
	}
	if len(items) > 0 {
		blocks = append(blocks, rich("reasons", slack.NewRichTextList(slack.RTEListBullet, 0, items...)))
	}
	return appendLink(blocks, m.Link)
}

// renderDigest lists incidents, the severe ones first.
func renderDigest(m alert.Message) []slack.Block {
	blocks := []slack.Block{slack.NewHeaderBlock(plain(m.Icon+" "+m.Title, maxHeader))}
	if m.Sentence != "" {
		blocks = append(blocks, rich("sentence", section(text(m.Sentence))))
	}
	for i, e := range m.Entries[:min(len(m.Entries), maxEntries)] {
		blocks = append(blocks, rich("entry"+strconv.Itoa(i), entry(e)))
	}
	blocks = appendActions(blocks, m.Actions)
	return appendContext(appendLink(blocks, m.Link), "footer", m.Footer)
}

func entry(e alert.Entry) *slack.RichTextSection {
	line := section(bold(e.Icon+" "+e.Title), text("\n"+e.Sentence+"  "))
	if e.Link != "" {
		line.Elements = append(line.Elements, slack.NewRichTextSectionLinkElement(e.Link, e.Incident, nil))
	} else {
		line.Elements = append(line.Elements, code(e.Incident))
	}
	return line
}
