package slack

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Slack's limits, from its Block Kit reference, in characters. The whole of a message has
// another one that is not documented (some 13,000 characters); what alert.Compose bounds
// stays below it.
const (
	maxHeader  = 150
	maxContext = 2000
	maxSummary = 3000
)

// render lays the message out: what it is, what happened, what was done about it, seen
// against normal, why, and at the end what an analyst pastes next.
func render(m alert.Message) []slack.Block {
	blocks := []slack.Block{
		slack.NewHeaderBlock(plain(m.Icon+" "+m.Title, maxHeader)),
		rich("sentence", section(bold(m.Sentence))),
	}
	blocks = appendContext(blocks, "facts", m.Facts)
	blocks = appendActions(blocks, m.Actions)
	blocks = appendLink(blocks, m.Link)
	if table := m.Table(); table != "" {
		blocks = append(blocks, rich("table", preformatted(table)))
	}
	blocks = appendContext(blocks, "basis", nonEmpty(basisLine(m)))
	blocks = appendReasons(blocks, m)
	if len(m.Queries) > 0 {
		blocks = append(blocks, slack.NewDividerBlock(), rich("queries", queries(m.Queries)...))
	}
	return appendContext(blocks, "footer", m.Footer)
}

func basisLine(m alert.Message) string {
	if m.Basis == "" || len(m.Rows) == 0 {
		return ""
	}
	return "● odd for this token · normal: " + m.Basis
}

// appendContext adds a line of small print, its parts separated by dots.
func appendContext(blocks []slack.Block, id string, parts []string) []slack.Block {
	if len(parts) == 0 {
		return blocks
	}
	return append(blocks, slack.NewContextBlock(id, plain(strings.Join(parts, "  ·  "), maxContext)))
}

func appendReasons(blocks []slack.Block, m alert.Message) []slack.Block {
	if len(m.Reasons) == 0 {
		return blocks
	}
	var items []slack.RichTextElement
	for _, r := range m.Reasons {
		items = append(items, reason(r))
	}
	if m.Weaker > 0 {
		items = append(items, section(italic(fmt.Sprintf("and %d weaker", m.Weaker))))
	}
	return append(blocks, rich("reasons",
		section(bold("Why"), italic("  (× how much likelier a thief does this than the owner)")),
		slack.NewRichTextList(slack.RTEListBullet, 0, items...),
	))
}

func reason(r alert.Reason) *slack.RichTextSection {
	line := section(code(r.Times), text(" "), bold(r.Label), text(": "+r.Seen))
	if r.Normal != "" {
		line.Elements = append(line.Elements, italic(" (normal: "+r.Normal+")"))
	}
	return line
}

func appendActions(blocks []slack.Block, actions []string) []slack.Block {
	if len(actions) == 0 {
		return blocks
	}
	return append(blocks, rich("actions", section(bold("Done  "), text(strings.Join(actions, "\n")))))
}

func appendLink(blocks []slack.Block, link string) []slack.Block {
	if link == "" {
		return blocks
	}
	return append(blocks, rich("console", section(slack.NewRichTextSectionLinkElement(link, "Open in the console", nil))))
}

func queries(list []alert.Query) []slack.RichTextElement {
	var elements []slack.RichTextElement
	for _, q := range list {
		elements = append(elements, section(text(q.Title)), preformatted(q.SQL))
	}
	return elements
}

func rich(id string, elements ...slack.RichTextElement) *slack.RichTextBlock {
	return slack.NewRichTextBlock(id, elements...)
}

func section(elements ...slack.RichTextSectionElement) *slack.RichTextSection {
	return slack.NewRichTextSection(elements...)
}

func preformatted(s string) *slack.RichTextPreformatted {
	return &slack.RichTextPreformatted{Type: slack.RTEPreformatted, Elements: []slack.RichTextSectionElement{text(s)}}
}

func text(s string) slack.RichTextSectionElement { return styled(s, nil) }

func bold(s string) slack.RichTextSectionElement {
	return styled(s, &slack.RichTextSectionTextStyle{Bold: true})
}

func italic(s string) slack.RichTextSectionElement {
	return styled(s, &slack.RichTextSectionTextStyle{Italic: true})
}

func code(s string) slack.RichTextSectionElement {
	return styled(s, &slack.RichTextSectionTextStyle{Code: true})
}

// styled refuses the empty string, as Slack does.
func styled(s string, style *slack.RichTextSectionTextStyle) slack.RichTextSectionElement {
	if s == "" {
		s = " "
	}
	return slack.NewRichTextSectionTextElement(s, style)
}

func plain(s string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, escape(s, limit), true, false)
}

// inWords is the message without blocks, for when they are not accepted.
func inWords(m alert.Message) string {
	table := strings.ReplaceAll(m.Table(), "`", "'")
	return summary(m) + "\n```\n" + escape(table, maxSummary) + "\n```"
}

// summary is what a notification on a telephone shows.
func summary(m alert.Message) string {
	return escape(m.Icon+" "+m.Title+": "+m.Sentence, maxSummary)
}

// escape makes a text safe where Slack looks for mentions and links, and cuts it to so
// many characters as Slack counts them, never within an escape.
func escape(s string, limit int) string {
	var b strings.Builder
	count, fits := 0, 0 // fits is how much of b leaves room for an ellipsis
	for _, r := range s {
		piece := escapeRune(r)
		count += utf8.RuneCountInString(piece)
		if count > limit {
			return b.String()[:fits] + "…"
		}
		b.WriteString(piece)
		if count < limit {
			fits = b.Len()
		}
	}
	return b.String()
}

func escapeRune(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	}
	return string(r)
}

func nonEmpty(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
