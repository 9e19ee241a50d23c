package standin

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// rich lays a rich_text block out. Its text elements are literal: nothing in them is a
// mention or a link, which is what distinguishes them from mrkdwn.
func (l *layout) rich(b block) *problem {
	if len(b.Elements) == 0 {
		return invalid("a rich_text needs elements")
	}
	for _, raw := range b.Elements {
		if p := l.richPart(raw); p != nil {
			return p
		}
	}
	l.gap()
	return nil
}

func (l *layout) richPart(raw json.RawMessage) *problem {
	var e richElement
	if err := json.Unmarshal(raw, &e); err != nil {
		return invalid("rich_text: %v", err)
	}
	switch e.Type {
	case "rich_text_section":
		return l.inline(e.Elements, "", false, 0)
	case "rich_text_quote":
		return l.inline(e.Elements, "", true, 0)
	case "rich_text_preformatted":
		return l.inline(e.Elements, "", true, fixed)
	case "rich_text_list":
		return l.list(e)
	}
	return invalid("unsupported rich_text element: %s", e.Type)
}

func (l *layout) list(e richElement) *problem {
	var kind string
	if err := json.Unmarshal(e.Style, &kind); err != nil || (kind != "bullet" && kind != "ordered") {
		return invalid("a rich_text_list needs the style bullet or ordered")
	}
	for _, raw := range e.Elements {
		var item richElement
		if err := json.Unmarshal(raw, &item); err != nil || item.Type != "rich_text_section" {
			return invalid("a rich_text_list holds rich_text_section elements")
		}
		if p := l.inline(item.Elements, "• ", false, 0); p != nil {
			return p
		}
	}
	return nil
}

// inline puts elements into lines, the first of which begins with a bullet or nothing.
func (l *layout) inline(elements []json.RawMessage, bullet string, bar bool, st style) *problem {
	if len(elements) == 0 {
		return invalid("a rich_text section needs elements")
	}
	now := line{bar: bar}
	if bullet != "" {
		now.spans = append(now.spans, span{bullet, 0})
	}
	for _, raw := range elements {
		text, s, p := l.richText(raw)
		if p != nil {
			return p
		}
		for i, part := range strings.Split(text, "\n") {
			if i > 0 {
				l.lines = append(l.lines, now)
				now = line{bar: bar}
			}
			now.spans = append(now.spans, span{part, s | st})
		}
	}
	l.lines = append(l.lines, now)
	return nil
}

// richText reads one element of a line.
func (l *layout) richText(raw json.RawMessage) (string, style, *problem) {
	var e richElement
	if err := json.Unmarshal(raw, &e); err != nil {
		return "", 0, invalid("rich_text: %v", err)
	}
	text := e.Text
	switch e.Type {
	case "text":
		if text == "" {
			return "", 0, invalid("text must not be empty")
		}
	case "broadcast":
		l.pinged(e.Range)
		text = "@" + e.Range
	case "user":
		l.pinged(e.UserID)
		text = "@" + e.UserID
	case "link":
		if text == "" {
			text = e.URL
		}
	case "emoji":
		text = ":" + e.Name + ":"
	default:
		return "", 0, invalid("unsupported rich_text element: %s", e.Type)
	}
	l.count += utf8.RuneCountInString(text)
	s, p := richStyle(e.Style)
	return text, s, p
}

func richStyle(raw json.RawMessage) (style, *problem) {
	var named struct{ Bold, Italic, Code bool }
	if len(raw) == 0 {
		return 0, nil
	}
	if err := json.Unmarshal(raw, &named); err != nil {
		return 0, invalid("style: %v", err)
	}
	var s style
	if named.Bold {
		s |= bold
	}
	if named.Italic {
		s |= italic
	}
	if named.Code {
		s |= fixed
	}
	return s, nil
}
