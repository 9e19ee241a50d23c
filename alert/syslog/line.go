package syslog

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// levels are syslog's severities, for ours from info to critical.
var levels = []int{6, 5, 4, 3, 2}

// origin is what all lines of a process have in common.
type origin struct {
	facility int
	host     string
	process  int
}

// bom says that what follows is UTF-8 (RFC 5424, 6.4).
const bom = "\uFEFF"

// line writes a message after RFC 5424, in at most so many bytes. What has to be left out goes
// from the end: the sentence, before what a SIEM sorts by.
func (o origin) line(m alert.Message, limit int, now time.Time) []byte {
	inc := &m.Incident
	head := fmt.Sprintf("<%d>1 %s %s tokenwatch %d %s ", o.facility*8+levels[min(int(inc.Severity), len(levels)-1)],
		now.UTC().Format("2006-01-02T15:04:05.000Z"), header(o.host, 255), o.process, header(event(m), 32))
	text := head + data(m, limit-len(head)-len(bom)-1) + " " + bom + m.Title + ": " + m.Sentence
	return []byte(clip(text, limit))
}

func event(m alert.Message) string {
	if m.Trial {
		return "test"
	}
	if m.Incident.State == schema.IncidentOpen && m.Ref != "" {
		return "escalated"
	}
	return string(m.Incident.State)
}

// data writes the structured data, as many of its parameters as there is room for.
func data(m alert.Message, room int) string {
	inc := &m.Incident
	var detectors []string
	for _, e := range inc.Evidence {
		detectors = append(detectors, e.Detector)
	}
	text := "[tokenwatch@32473" // the number that is reserved for those who have none
	for _, p := range [][2]string{
		{"incident", inc.ID}, {"revision", strconv.FormatUint(inc.Revision, 10)}, {"state", string(inc.State)}, {"severity", inc.Severity.String()},
		{"score", strconv.FormatFloat(inc.Score, 'f', 2, 64)}, {"token", inc.Token.String()}, {"hint", inc.TokenHint},
		{"owner", inc.Consumer}, {"environment", inc.Environment}, {"since", inc.Seen.Since.UTC().Format(time.RFC3339)},
		{"requests", strconv.FormatUint(inc.Seen.Requests, 10)}, {"bytesOut", strconv.FormatUint(inc.Seen.BytesOut, 10)},
		{"costUSD", strconv.FormatFloat(inc.Seen.CostUSD, 'f', 2, 64)}, {"addresses", strconv.Itoa(inc.Seen.Addresses)}, {"link", m.Link},
		{"places", strings.Join(inc.Seen.Places, ", ")}, {"networks", strings.Join(inc.Seen.Networks, ", ")},
		{"clients", strings.Join(inc.Seen.Clients, ", ")}, {"detectors", strings.Join(detectors, ", ")}, {"done", strings.Join(m.Actions, " ")},
	} {
		if p[1] == "" {
			continue
		}
		param := fmt.Sprintf(` %s="%s"`, p[0], escape(clip(p[1], 400)))
		if len(text)+len(param)+1 > room {
			continue
		}
		text += param
	}
	return text + "]"
}

// escape keeps a value from ending early (RFC 5424, 6.3.3).
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `]`, `\]`, "\n", " ", "\r", " ", "\x00", "").Replace(strings.ToValidUTF8(s, "?"))
}

// header makes a field of the header: printable ASCII without spaces, or a dash.
func header(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

// clip cuts a text to so many bytes, never within a character.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
