package standin

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rivo/uniseg"
)

// style is how a piece of text stands out.
type style uint8

const (
	bold style = 1 << iota
	italic
	fixed // fixed-width, where spaces count
	dim
)

// span is text of one style, and line one line of them before wrapping.
type (
	span struct {
		text  string
		style style
	}
	line struct {
		spans []span
		bar   bool // set off from the rest: a fixed-width block or a quotation
	}
)

// card is a message as it stands in somebody's client.
type card struct {
	from  string    // "Slack · #soc-alerts"
	at    time.Time // when it arrived
	lines []line
	icon  string // the first character, which decides the frame's colour
}

// plain is the text alone, line by line, as a test would search it.
func plain(lines []line) string {
	var b strings.Builder
	for _, l := range lines {
		for _, s := range l.spans {
			b.WriteString(s.text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// changes keeps what is new beside an earlier version, for the card of an edit.
func changes(old, now []line) []line {
	had := map[string]bool{}
	for _, l := range old {
		had[plain([]line{l})] = true
	}
	var fresh []line
	for _, l := range now {
		if text := plain([]line{l}); strings.TrimSpace(text) != "" && !had[text] {
			fresh = append(fresh, l)
		}
	}
	return fresh
}

// shortened keeps the first lines and says how many follow.
func (c card) shortened(most int) []line {
	if more := len(c.lines) - most; most > 0 && more > 1 {
		rest := line{spans: []span{{"… " + strconv.Itoa(more) + " more lines", dim}}}
		return append(slices.Clone(c.lines[:most]), rest)
	}
	return c.lines
}

// draw frames the card at a width in columns.
func (c card) draw(width int, color bool) string {
	for len(c.lines) > 0 && len(c.lines[len(c.lines)-1].spans) == 0 {
		c.lines = c.lines[:len(c.lines)-1]
	}
	p := pen{width: width, color: color, frame: frameColor(c.icon)}
	p.top(c.from, c.at.Format("15:04:05"))
	for _, l := range c.lines {
		for _, wrapped := range wrap(l, width-6) {
			p.row(wrapped)
		}
	}
	p.bottom()
	return p.b.String()
}

// frameColor is the ANSI colour that goes with the emoji a message begins with.
func frameColor(icon string) string {
	switch icon {
	case "🔴":
		return "91"
	case "🟠":
		return "33"
	case "🟡":
		return "93"
	case "🔵":
		return "94"
	case "✅", "✔":
		return "92"
	}
	return "90"
}

// pen draws a card.
type pen struct {
	b     strings.Builder
	width int
	color bool
	frame string
}

func (p *pen) top(from, at string) {
	p.paint("╭─ ", p.frame)
	p.paint(from, "1")
	rule := p.width - 8 - columns(from) - columns(at)
	p.paint(" "+strings.Repeat("─", max(rule, 1))+" ", p.frame)
	p.paint(at, "2")
	p.paint(" ─╮\n", p.frame)
}

func (p *pen) bottom() {
	p.paint("╰"+strings.Repeat("─", p.width-2)+"╯\n", p.frame)
}

func (p *pen) row(l line) {
	p.paint("│ ", p.frame)
	used := 2
	if l.bar {
		p.paint("▏", "90")
	} else {
		p.b.WriteByte(' ')
	}
	used++
	for _, s := range l.spans {
		p.paint(s.text, code(s.style))
		used += columns(s.text)
	}
	p.b.WriteString(strings.Repeat(" ", max(p.width-1-used, 0)))
	p.paint("│\n", p.frame)
}

func code(s style) string {
	var codes []string
	for _, c := range []struct {
		style style
		code  string
	}{{bold, "1"}, {dim, "2"}, {italic, "3"}, {fixed, "36"}} {
		if s&c.style != 0 {
			codes = append(codes, c.code)
		}
	}
	return strings.Join(codes, ";")
}

func (p *pen) paint(text, code string) {
	if !p.color || code == "" {
		p.b.WriteString(text)
		return
	}
	body, end := strings.CutSuffix(text, "\n")
	p.b.WriteString("\x1b[" + code + "m" + body + "\x1b[0m")
	if end {
		p.b.WriteByte('\n')
	}
}

// columns is how wide a terminal shows a text.
func columns(s string) int { return uniseg.StringWidth(s) }
