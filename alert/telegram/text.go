package telegram

import (
	"regexp"
	"strings"
	"unicode/utf16"

	"github.com/go-telegram/bot/models"
)

// maxUnits is the longest text of a message, in UTF-16 code units: what Telegram counts
// in, and what entities are measured in.
const maxUnits = 4096

// content is a text and what is bold, fixed-width or folded in it.
type content struct {
	text     string
	entities []models.MessageEntity
}

// writer puts a text together and notes where its styled parts are.
type writer struct {
	b        strings.Builder
	units    int
	entities []models.MessageEntity
}

// plain writes text that Telegram goes through for mentions and links.
func (w *writer) plain(s string) { w.raw(disarm(s)) }

func (w *writer) raw(s string) {
	w.b.WriteString(s)
	w.units += units(s)
}

func (w *writer) bold(s string)   { w.styled(disarm(s), models.MessageEntityTypeBold) }
func (w *writer) italic(s string) { w.styled(disarm(s), models.MessageEntityTypeItalic) }
func (w *writer) code(s string)   { w.styled(s, models.MessageEntityTypeCode) }
func (w *writer) folded(s string) { w.styled(s, models.MessageEntityTypeExpandableBlockquote) }

// link writes words that lead somewhere.
func (w *writer) link(words, target string) {
	w.styled(words, models.MessageEntityTypeTextLink)
	w.entities[len(w.entities)-1].URL = target
}

// pre writes a fixed-width block.
func (w *writer) pre(s, language string) {
	w.styled(s, models.MessageEntityTypePre)
	if language != "" && len(w.entities) > 0 {
		w.entities[len(w.entities)-1].Language = language
	}
}

func (w *writer) styled(s string, kind models.MessageEntityType) {
	start := w.units
	w.raw(s)
	if w.units > start {
		w.entities = append(w.entities, models.MessageEntity{Type: kind, Offset: start, Length: w.units - start})
	}
}

// live is what Telegram makes a mention or a link of by itself, entities or not.
var live = regexp.MustCompile(`(^|[^\pL\pN_])@|://`)

// disarm puts an invisible character where Telegram would begin to see a mention or a
// link, so that a user agent of "@alice https://…" calls nobody and leads nowhere. Within
// code Telegram does not look.
func disarm(s string) string { return live.ReplaceAllString(s, "${0}\u2060") }

// units is the length of a text in UTF-16 code units.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}

const between = "\n\n"

// length is what join would make of the parts, in units.
func length(parts []part) int {
	n := 0
	for _, p := range parts {
		if p.text != nil {
			n += p.text.units + len(between)
		}
	}
	return n - len(between)
}

// join puts paragraphs one below the other and moves their entities along.
func join(parts []part) content {
	all := &writer{}
	for _, p := range parts {
		if p.text == nil {
			continue
		}
		if all.units > 0 {
			all.raw(between)
		}
		start := all.units
		all.raw(p.text.b.String())
		for _, e := range p.text.entities {
			e.Offset += start
			all.entities = append(all.entities, e)
		}
	}
	return content{text: all.b.String(), entities: all.entities}
}

// trim cuts a text to so many UTF-16 units, never within a character, and its entities
// with it.
func trim(c content, limit int) content {
	if units(c.text) <= limit {
		return c
	}
	const ellipsis = "…"
	kept, count := 0, 0
	for i, r := range c.text {
		if count+utf16.RuneLen(r) > limit-1 {
			kept = i
			break
		}
		count += utf16.RuneLen(r)
	}
	cut := content{text: c.text[:kept] + ellipsis}
	for _, e := range c.entities {
		if e.Length = min(e.Length, count-e.Offset); e.Length > 0 {
			cut.entities = append(cut.entities, e)
		}
	}
	return cut
}
