package telegram

import (
	"fmt"
	"strings"

	"github.com/tokenwatch/tokenwatch/alert"
)

// render lays the message out for a telephone: what it is, what happened and what was done
// about it, then seen against normal, why, and SQL. Where it does not fit, the parts that
// can be had elsewhere are left out, SQL first.
func render(m alert.Message) content {
	parts := []part{
		{text: heading(m)},
		{text: done(m)},
		{text: console(m)},
		{text: table(m)},
		{text: why(m), rank: 2},
		{text: firstQuery(m), rank: 3},
		{text: otherQueries(m), rank: 4},
		{text: footer(m), rank: 1},
	}
	for drop := 4; drop > 0 && length(parts) > maxUnits; drop-- {
		for i := range parts {
			if parts[i].rank == drop {
				parts[i].text = nil
			}
		}
	}
	return trim(join(parts), maxUnits)
}

// part is a paragraph and how early it is left out; rank 0 stays.
type part struct {
	text *writer
	rank int
}

func heading(m alert.Message) *writer {
	w := &writer{}
	w.bold(m.Icon + " " + m.Title)
	w.plain("\n\n" + m.Sentence)
	if len(m.Facts) > 0 {
		w.plain("\n")
		w.italic(strings.Join(m.Facts, " · "))
	}
	return w
}

func table(m alert.Message) *writer {
	rows := m.Table()
	if rows == "" {
		return nil
	}
	w := &writer{}
	w.pre(rows, "")
	w.plain("\n")
	w.italic("● odd for this token · normal: " + m.Basis)
	return w
}

func why(m alert.Message) *writer {
	if len(m.Reasons) == 0 {
		return nil
	}
	w := &writer{}
	w.bold("Why")
	w.italic(" (× how much likelier a thief does this than the owner)")
	for _, r := range m.Reasons {
		w.plain("\n• ")
		w.code(r.Times)
		w.plain(" ")
		w.bold(r.Label)
		w.plain(": " + r.Seen)
		if r.Normal != "" {
			w.italic(" (normal: " + r.Normal + ")")
		}
	}
	if m.Weaker > 0 {
		w.italic(fmt.Sprintf("\n• and %d weaker", m.Weaker))
	}
	return w
}

func done(m alert.Message) *writer {
	if len(m.Actions) == 0 {
		return nil
	}
	w := &writer{}
	w.bold("Done")
	w.plain(" " + strings.Join(m.Actions, "\n"))
	return w
}

func console(m alert.Message) *writer {
	if m.Link == "" {
		return nil
	}
	w := &writer{}
	w.link("Open in the console", m.Link)
	return w
}

// firstQuery stands in a block that one tap copies.
func firstQuery(m alert.Message) *writer {
	if len(m.Queries) == 0 {
		return nil
	}
	w := &writer{}
	w.plain(m.Queries[0].Title + "\n")
	w.pre(m.Queries[0].SQL, "sql")
	return w
}

// otherQueries stand in a quotation that is folded away until somebody opens it.
func otherQueries(m alert.Message) *writer {
	if len(m.Queries) < 2 {
		return nil
	}
	w := &writer{}
	var blocks []string
	for _, q := range m.Queries[1:] {
		blocks = append(blocks, q.Title+"\n"+q.SQL)
	}
	w.folded(strings.Join(blocks, "\n\n"))
	return w
}

func footer(m alert.Message) *writer {
	if len(m.Footer) == 0 {
		return nil
	}
	w := &writer{}
	w.italic(strings.Join(m.Footer, " · "))
	return w
}
