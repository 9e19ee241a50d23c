package standin

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// Entity is a styled part of a text, measured in UTF-16 code units.
type Entity struct {
	Type     string `json:"type"`
	Offset   int    `json:"offset"`
	Length   int    `json:"length"`
	Language string `json:"language,omitempty"`
	URL      string `json:"url,omitempty"`
}

// maxUnits is the longest text of a Telegram message, in UTF-16 code units.
const maxUnits = 4096

// entityStyles are the types that messages here may use, and how they show.
var entityStyles = map[string]style{
	"bold": bold, "italic": italic, "underline": italic, "strikethrough": dim, "spoiler": dim,
	"code": fixed, "pre": fixed, "text_link": italic, "blockquote": 0, "expandable_blockquote": dim,
}

// show checks the entities and lays the text out.
func show(text string, entities []Entity) ([]line, error) {
	units := utf16.Encode([]rune(text))
	if len(units) > maxUnits {
		return nil, fmt.Errorf("message is too long")
	}
	styles, bars := make([]style, len(units)), make([]bool, len(units))
	folded := make([]bool, len(units))
	for i, e := range entities {
		if err := checkEntity(units, e, entities[:i]); err != nil {
			return nil, err
		}
		for at := e.Offset; at < e.Offset+e.Length; at++ {
			styles[at] |= entityStyles[e.Type]
			bars[at] = bars[at] || e.Type == "pre" || strings.HasSuffix(e.Type, "blockquote")
			folded[at] = folded[at] || e.Type == "expandable_blockquote"
		}
	}
	return fold(layOut(units, styles, bars), foldedLines(units, folded)), nil
}

// checkEntity refuses what Telegram's documentation rules out: parts outside of the text
// or of half a character, parts that overlap without one holding the other, and anything
// within code.
func checkEntity(units []uint16, e Entity, earlier []Entity) error {
	if _, known := entityStyles[e.Type]; !known {
		return fmt.Errorf("can't parse entities: unsupported type %q", e.Type)
	}
	end := e.Offset + e.Length
	if e.Offset < 0 || e.Length <= 0 || e.Offset > len(units) || e.Length > len(units)-e.Offset {
		return fmt.Errorf("can't parse entities: %s at %d+%d is outside of the text of %d", e.Type, e.Offset, e.Length, len(units))
	}
	if inPair(units, e.Offset) || inPair(units, end) {
		return fmt.Errorf("can't parse entities: %s at %d+%d splits a surrogate pair", e.Type, e.Offset, e.Length)
	}
	for _, o := range earlier {
		apart := end <= o.Offset || o.Offset+o.Length <= e.Offset
		within := e.Offset >= o.Offset && end <= o.Offset+o.Length
		around := o.Offset >= e.Offset && o.Offset+o.Length <= end
		if !apart && ((!within && !around) || isCode(e) || isCode(o)) {
			return fmt.Errorf("can't parse entities: %s and %s must not overlap", o.Type, e.Type)
		}
	}
	return nil
}

func isCode(e Entity) bool { return e.Type == "code" || e.Type == "pre" }

// inPair reports whether the position is between the halves of a surrogate pair.
func inPair(units []uint16, at int) bool {
	return at > 0 && at < len(units) && units[at-1] >= 0xD800 && units[at-1] < 0xDC00
}

// layOut cuts the text into lines of spans.
func layOut(units []uint16, styles []style, bars []bool) []line {
	var lines []line
	now, from := line{}, 0
	flush := func(to int) {
		if to > from {
			now.spans = append(now.spans, span{string(utf16.Decode(units[from:to])), styles[from]})
			now.bar = now.bar || bars[from]
		}
		from = to
	}
	for i, u := range units {
		switch {
		case u == '\n':
			flush(i)
			now.bar = now.bar || bars[i]
			lines, now, from = append(lines, now), line{}, i+1
		case i > from && styles[i] != styles[i-1]:
			flush(i)
		}
	}
	flush(len(units))
	lines = append(lines, now)
	return slices.Clip(lines)
}

// foldedLines says of each line whether it is within a folded quotation.
func foldedLines(units []uint16, folded []bool) []bool {
	lines := []bool{false}
	for i, u := range units {
		if u == '\n' {
			lines = append(lines, false)
		} else if folded[i] {
			lines[len(lines)-1] = true
		}
		if u == '\n' && i+1 < len(units) && folded[i] && folded[i+1] {
			lines[len(lines)-1] = true // an empty line within
		}
	}
	return lines
}

// unfolded is how many lines of a folded quotation a client shows.
const unfolded = 3

// fold hides what a client shows only on a tap.
func fold(lines []line, folded []bool) []line {
	var shown []line
	run := 0
	for i, l := range lines {
		if !folded[i] {
			shown, run = append(shown, l), 0
			continue
		}
		if run++; run <= unfolded {
			shown = append(shown, l)
		}
		if last := i+1 == len(lines) || !folded[i+1]; last && run > unfolded {
			shown = append(shown, line{bar: true, spans: []span{{fmt.Sprintf("⌄ %d more lines, on a tap", run-unfolded), italic}}})
		}
	}
	return shown
}
