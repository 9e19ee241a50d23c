package email

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/tokenwatch/tokenwatch/alert"
)

const (
	pictureID    = "picture"
	replyReasons = 3
)

//go:embed mail.html
var layout string

// page escapes whatever it is given, wherever it stands: that is what html/template is for.
var page = template.Must(template.New("mail").Parse(layout))

func inHTML(m alert.Message, picture bool) string {
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{
		"M": m, "Picture": picture, "Reply": m.Kind == alert.KindReply, "Digest": m.Kind == alert.KindDigest,
		"Reasons": reasonsOf(m), "Colour": colours[min(int(m.Incident.Severity), len(colours)-1)],
		"Facts": strings.Join(m.Facts, " · "), "Footer": strings.Join(m.Footer, " · "),
	})
	if err != nil {
		return "" // the text says it all
	}
	return b.String()
}

// colours of the severities, from info to critical.
var colours = []string{"#8c959f", "#1f6fc5", "#b58407", "#d8621b", "#d1242f"}

func reasonsOf(m alert.Message) []alert.Reason {
	if m.Kind == alert.KindReply {
		return m.Reasons[:min(len(m.Reasons), replyReasons)]
	}
	return m.Reasons
}

// inText says the same for those who read text.
func inText(m alert.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", m.Title, m.Sentence)
	if m.Kind == alert.KindIncident {
		paragraph(&b, strings.Join(m.Facts, " · "))
		paragraph(&b, strings.Join(m.Actions, "\n"))
		paragraph(&b, m.Table())
		if m.Basis != "" && len(m.Rows) > 0 {
			fmt.Fprintf(&b, "● odd for this token · normal: %s\n", m.Basis)
		}
	}
	for _, e := range m.Entries {
		fmt.Fprintf(&b, "\n%s %s\n%s\n%s %s\n", e.Icon, e.Title, e.Sentence, e.Incident, e.Link)
	}
	if reasons := reasonsOf(m); len(reasons) > 0 {
		b.WriteString("\nWhy (× how much likelier a thief does this than the owner)\n")
		for _, r := range reasons {
			fmt.Fprintf(&b, "- %s %s: %s", r.Times, r.Label, r.Seen)
			if r.Normal != "" {
				fmt.Fprintf(&b, " (normal: %s)", r.Normal)
			}
			b.WriteByte('\n')
		}
	}
	paragraph(&b, m.Link)
	if m.Kind == alert.KindIncident {
		for _, q := range m.Queries {
			paragraph(&b, q.Title+"\n"+q.SQL)
		}
		paragraph(&b, strings.Join(m.Footer, " · "))
	}
	return b.String()
}

func paragraph(b *strings.Builder, text string) {
	if text != "" {
		b.WriteString("\n" + text + "\n")
	}
}
