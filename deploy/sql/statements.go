package sql

import (
	"regexp"
	"strings"
)

// Statement is one statement out of a text.
type Statement struct {
	SQL      string // without what ended it
	Vertical bool   // it ended with \G: a line a column
}

// Split cuts a text into the statements that are complete, each ended by ; or \G, and what is left over: the beginning
// of another. What stands in quotes, comments and heredocs ends nothing.
func Split(text string) (complete []Statement, rest string) {
	begin := 0
	for i := 0; i < len(text); {
		if n := skip(text[i:]); n > 0 {
			i += n
			continue
		}
		ended, vertical := 0, false
		switch {
		case text[i] == ';':
			ended = 1
		case strings.HasPrefix(text[i:], `\G`):
			ended, vertical = 2, true
		}
		if ended > 0 {
			if sql := strings.TrimSpace(text[begin:i]); !Blank(sql) {
				complete = append(complete, Statement{sql, vertical})
			}
			begin = i + ended
		}
		i += max(1, ended)
	}
	return complete, strings.TrimLeft(text[begin:], " \t\r\n")
}

// Blank reports whether a text is nothing but space and comments.
func Blank(text string) bool {
	for i := 0; i < len(text); {
		if n := comment(text[i:]); n > 0 {
			i += n
			continue
		}
		if !strings.ContainsRune(" \t\r\n", rune(text[i])) {
			return false
		}
		i++
	}
	return true
}

// skip is the length of the quoted text, comment or heredoc that text begins with, as far as it goes; 0 for anything else.
func skip(text string) int {
	switch text[0] {
	case '\'', '"', '`':
		return quotedLength(text)
	case '$':
		return heredoc(text)
	}
	return comment(text)
}

func quotedLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1 // a doubled quote begins another text right here, which comes to the same
		}
	}
	return len(text)
}

var tag = regexp.MustCompile(`^\$\w*\$`)

func heredoc(text string) int {
	mark := tag.FindString(text)
	if mark == "" {
		return 0
	}
	if end := strings.Index(text[len(mark):], mark); end >= 0 {
		return end + 2*len(mark)
	}
	return len(text)
}

func comment(text string) int {
	end := ""
	switch {
	case strings.HasPrefix(text, "--"), strings.HasPrefix(text, "#!"), strings.HasPrefix(text, "# "):
		end = "\n"
	case strings.HasPrefix(text, "/*"):
		end = "*/"
	default:
		return 0
	}
	if at := strings.Index(text[min(2, len(text)):], end); at >= 0 {
		return 2 + at + len(end)
	}
	return len(text)
}
