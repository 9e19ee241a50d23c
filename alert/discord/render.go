package discord

import (
	"fmt"
	"strings"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Discord's limits, in characters. All that an embed says together must not exceed maxAll.
const (
	maxTitle       = 256
	maxDescription = 4096
	maxFooter      = 2048
	maxAll         = 6000
	maxContent     = 2000

	maxEntries   = 10
	replyReasons = 3
)

// The parts of a message that are used here.
type (
	payload struct {
		Content     string       `json:"content,omitempty"`
		Embeds      []embed      `json:"embeds,omitempty"`
		Attachments []attachment `json:"attachments,omitempty"`
		Mentions    mentions     `json:"allowed_mentions"`
	}
	embed struct {
		Title       string  `json:"title"`
		URL         string  `json:"url,omitempty"`
		Description string  `json:"description"`
		Color       int     `json:"color"`
		Footer      *footer `json:"footer,omitempty"`
	}
	footer struct {
		Text string `json:"text"`
	}
	mentions struct {
		Parse []string `json:"parse"`
	}
	attachment struct {
		ID          int    `json:"id"`
		Filename    string `json:"filename"`
		Description string `json:"description"`
	}
)

func noMentions() mentions { return mentions{Parse: []string{}} }

// colours of the severities, from info to critical, and of what is over.
var colours = []int{0x8c959f, 0x1f6fc5, 0xd4a72c, 0xe16f24, 0xd1242f}

const colourOver = 0x2da44e

func colour(inc *schema.Incident) int {
	if inc.State == schema.IncidentResolved {
		return colourOver
	}
	return colours[min(int(inc.Severity), len(colours)-1)]
}

func payloadOf(m alert.Message) payload {
	description := full(m)
	switch m.Kind {
	case alert.KindReply:
		description = reply(m)
	case alert.KindDigest:
		description = digest(m)
	}
	e := embed{Title: escape(m.Icon+" "+m.Title, maxTitle), URL: m.Link, Description: description, Color: colour(&m.Incident)}
	if len(m.Footer) > 0 && m.Kind == alert.KindIncident {
		room := min(maxFooter, maxAll-units(e.Title)-units(e.Description))
		e.Footer = &footer{Text: clip(strings.Join(m.Footer, " · "), room)}
	}
	return payload{Embeds: []embed{e}, Mentions: noMentions()}
}

// inWords is the message without a layout.
func inWords(m alert.Message) payload {
	return payload{Content: escape(m.Icon+" "+m.Title+": "+m.Sentence, maxContent), Mentions: noMentions()}
}

// full says everything, what can be had elsewhere only while there is room.
func full(m alert.Message) string {
	sections := []string{escape(m.Sentence, maxDescription) + facts(m)}
	if len(m.Actions) > 0 {
		sections = append(sections, "**Done** "+escape(strings.Join(m.Actions, "\n"), maxDescription))
	}
	if table := m.Table(); table != "" {
		sections = append(sections, fenced(table)+"\n-# ● odd for this token · normal: "+escape(m.Basis, maxDescription))
	}
	if why := reasons(m, len(m.Reasons)); why != "" {
		sections = append(sections, "**Why** (× how much likelier a thief does this than the owner)\n"+why)
	}
	for _, q := range m.Queries {
		sections = append(sections, escape(q.Title, maxTitle)+"\n```sql\n"+fence(q.SQL)+"\n```")
	}
	text := ""
	for _, s := range sections {
		if units(text)+units(s)+1 > maxDescription {
			continue
		}
		if text != "" {
			text += "\n"
		}
		text += s
	}
	return text
}

func facts(m alert.Message) string {
	if len(m.Facts) == 0 {
		return ""
	}
	return "\n-# " + escape(strings.Join(m.Facts, " · "), maxDescription)
}

func reasons(m alert.Message, most int) string {
	var lines []string
	for _, r := range m.Reasons[:min(len(m.Reasons), most)] {
		line := fmt.Sprintf("- `%s` **%s**: %s", fence(r.Times), escape(r.Label, maxTitle), escape(r.Seen, maxDescription))
		if r.Normal != "" {
			line += " (normal: " + escape(r.Normal, maxDescription) + ")"
		}
		lines = append(lines, line)
	}
	if m.Weaker > 0 && most == len(m.Reasons) {
		lines = append(lines, fmt.Sprintf("- and %d weaker", m.Weaker))
	}
	return strings.Join(lines, "\n")
}

// reply says in a few lines what changed.
func reply(m alert.Message) string {
	return clip(escape(m.Sentence, maxTitle*4)+"\n"+reasons(m, replyReasons), maxDescription)
}

// digest lists incidents, the severe ones first. Every one of them has to be there, so what
// happened is left out where there is no room for it.
func digest(m alert.Message) string {
	text := entries(m, true)
	if units(text) > maxDescription {
		text = entries(m, false)
	}
	return clip(text, maxDescription)
}

func entries(m alert.Message, sentences bool) string {
	lines := []string{escape(m.Sentence, maxTitle)}
	for _, e := range m.Entries[:min(len(m.Entries), maxEntries)] {
		name := "`" + fence(e.Incident) + "`"
		if e.Link != "" {
			name = "[" + escape(e.Incident, maxTitle) + "](<" + e.Link + ">)"
		}
		line := "**" + escape(e.Icon+" "+e.Title, maxTitle) + "** " + name
		if sentences {
			line += "\n" + escape(e.Sentence, maxTitle*2)
		}
		lines = append(lines, line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func pictureOf(alert.Message) []attachment {
	return []attachment{{ID: 0, Filename: pictureName, Description: "Requests an hour against what is expected, hours of the week, places"}}
}
