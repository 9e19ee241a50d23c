package alert

import "strings"

// Table sets the rows of the message in columns for a fixed-width font: what was seen,
// and below it what is normal, so that it fits a telephone as well as a screen. A dot
// marks what is odd for this token.
//
//	● Place    São Paulo, BR
//	  normal   Berlin, DE 97 % · Paris, FR 3 %
func (m Message) Table() string {
	width := len("normal")
	for _, r := range m.Rows {
		width = max(width, len(r.Label))
	}
	var b strings.Builder
	for _, r := range m.Rows {
		writeRow(&b, mark(r.Odd), r.Label, width, r.Seen)
		if r.Normal != "" {
			writeRow(&b, "  ", "normal", width, r.Normal)
		}
		if r.Label == hoursLabel && m.Hours != nil {
			for _, line := range []string{m.Hours.Normal, m.Hours.Now, m.Hours.Scale} {
				writeRow(&b, "  ", "", width, line)
			}
		}
	}
	return strings.TrimRight(b.String(), "\n ")
}

func mark(odd bool) string {
	if odd {
		return "● "
	}
	return "  "
}

func writeRow(b *strings.Builder, mark, label string, width int, text string) {
	line := mark + label + strings.Repeat(" ", width-len(label)+2) + text
	b.WriteString(strings.TrimRight(line, " "))
	b.WriteByte('\n')
}
