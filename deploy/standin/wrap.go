package standin

import (
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// wrap breaks a line into lines of at most so many columns, at spaces where it can. In
// fixed-width text, what goes on below starts under the column it belongs to.
func wrap(l line, width int) []line {
	var (
		lines  []line
		now    = line{bar: l.bar}
		used   int
		indent = hang(l)
	)
	feed := func() {
		lines = append(lines, now)
		now, used = line{bar: l.bar}, 0
		if indent > 0 {
			now.spans, used = []span{{text: strings.Repeat(" ", indent)}}, indent
		}
	}
	for _, s := range l.spans {
		for _, word := range words(tame(s.text)) {
			for columns(strings.TrimRight(word, " "))+used > width {
				if used > indent {
					feed()
					continue
				}
				head, tail := split(word, width-used)
				now.add(span{head, s.style})
				word = tail
				feed()
			}
			if word = fit(word, width-used); word != "" {
				now.add(span{word, s.style})
				used += columns(word)
			}
		}
	}
	return append(lines, now)
}

// add puts a span at the end, as part of the last one if it looks the same.
func (l *line) add(s span) {
	if n := len(l.spans); n > 0 && l.spans[n-1].style == s.style {
		l.spans[n-1].text += s.text
		return
	}
	l.spans = append(l.spans, s)
}

// hang is the column under which a fixed-width line goes on: that of the last text after
// two or more spaces, if it is in the left third.
func hang(l line) int {
	if len(l.spans) == 0 || l.spans[0].style&fixed == 0 {
		return 0
	}
	text := l.spans[0].text
	at := strings.LastIndex(text[:min(len(text), 24)], "  ")
	if at < 0 {
		return 0
	}
	return columns(text[:at+2])
}

// tame shows a terminal's control characters instead of obeying them.
func tame(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return '?'
		}
		return r
	}, s)
}

// words cuts a text after its spaces, keeping all of it. A number and its % stay together.
func words(s string) []string {
	cut := strings.SplitAfter(s, " ")
	for i := len(cut) - 1; i > 0; i-- {
		if strings.HasPrefix(cut[i], "%") {
			cut[i-1] += cut[i]
			cut = slices.Delete(cut, i, i+1)
		}
	}
	return cut
}

// split takes as many columns off a word as fit, at least one character.
func split(word string, width int) (head, tail string) {
	at, used := 0, 0
	graphemes := uniseg.NewGraphemes(word)
	for graphemes.Next() {
		w := graphemes.Width()
		if at > 0 && used+w > width {
			break
		}
		used += w
		_, at = graphemes.Positions()
	}
	return word[:at], word[at:]
}

// fit drops the spaces at the end of a word that would stand beyond the edge.
func fit(word string, width int) string {
	for columns(word) > width && strings.HasSuffix(word, " ") {
		word = word[:len(word)-1]
	}
	return word
}
