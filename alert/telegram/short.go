package telegram

import "github.com/tokenwatch/tokenwatch/alert"

// Bounds of what is short: 10 entries of up to 345 characters and their ids fit a message,
// and a reply shows what it takes to decide to look up.
const (
	maxEntries   = 10
	replyReasons = 3
)

// renderReply says in a few lines what changed.
func renderReply(m alert.Message) content {
	w := &writer{}
	w.bold(m.Icon + " " + m.Title)
	w.plain("\n\n" + m.Sentence)
	for _, r := range m.Reasons[:min(len(m.Reasons), replyReasons)] {
		w.plain("\n• ")
		w.code(r.Times)
		w.plain(" ")
		w.bold(r.Label)
		w.plain(": " + r.Seen)
	}
	return trim(join([]part{{text: w}, {text: console(m)}}), maxUnits)
}

// renderDigest lists incidents, the severe ones first. Every one of them has to be there, so
// what happened is left out where there is no room for it.
func renderDigest(m alert.Message) content {
	whole := digest(m, true)
	if length(whole) > maxUnits {
		whole = digest(m, false)
	}
	return trim(join(whole), maxUnits)
}

func digest(m alert.Message, sentences bool) []part {
	head := &writer{}
	head.bold(m.Icon + " " + m.Title)
	if m.Sentence != "" {
		head.plain("\n" + m.Sentence)
	}
	parts := []part{{text: head}}
	for _, e := range m.Entries[:min(len(m.Entries), maxEntries)] {
		if !sentences {
			e.Sentence = ""
		}
		parts = append(parts, part{text: entry(e)})
	}
	return append(parts, part{text: console(m)})
}

func entry(e alert.Entry) *writer {
	w := &writer{}
	w.bold(e.Icon + " " + e.Title)
	w.plain("\n")
	if e.Sentence != "" {
		w.plain(e.Sentence + " ")
	}
	if e.Link != "" {
		w.link(e.Incident, e.Link)
	} else {
		w.code(e.Incident)
	}
	return w
}
