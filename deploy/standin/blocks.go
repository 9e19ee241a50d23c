package standin

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits as Slack's Block Kit reference gives them, in characters; maxMessage was measured
// by users of the API, who found msg_blocks_too_long from about there.
const (
	maxBlocks  = 50
	maxHeader  = 150
	maxText    = 3000
	maxField   = 2000
	maxFields  = 10
	maxInLine  = 10 // elements of a context block
	maxPlain   = 40_000
	maxMessage = 13_000
)

// problem is Slack's answer to a message that it does not take.
type problem struct{ code, detail string }

func invalid(format string, args ...any) *problem {
	return &problem{"invalid_blocks", fmt.Sprintf(format, args...)}
}

// The parts of Block Kit that messages here may be made of. Unknown fields are ignored, as
// Slack does; unknown types are refused.
type (
	block struct {
		Type     string            `json:"type"`
		BlockID  string            `json:"block_id"`
		Text     *textObject       `json:"text"`
		Fields   []textObject      `json:"fields"`
		Elements []json.RawMessage `json:"elements"`
	}
	textObject struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	richElement struct {
		Type     string            `json:"type"`
		Style    json.RawMessage   `json:"style"` // a name for a list, an object for text
		Elements []json.RawMessage `json:"elements"`
		Text     string            `json:"text"`
		Range    string            `json:"range"`
		UserID   string            `json:"user_id"`
		URL      string            `json:"url"`
		Name     string            `json:"name"`
	}
)

// layout turns blocks into lines and notes whom they would ping.
type layout struct {
	lines   []line
	pings   []string
	buttons []SlackButton
	count   int // characters
}

func slackMessage(args map[string]string) (*SlackMessage, *problem) {
	m := &SlackMessage{Name: args["channel"], Channel: idOf(args["channel"]), Text: args["text"], At: time.Now()}
	if args["channel"] == "" {
		return nil, &problem{"channel_not_found", "channel is missing"}
	}
	if utf8.RuneCountInString(m.Text) > maxPlain {
		return nil, &problem{"msg_too_long", "text"}
	}
	var l layout
	if raw := args["blocks"]; raw != "" && raw != "[]" {
		if p := l.read(raw); p != nil {
			return nil, p
		}
		m.Blocks = json.RawMessage(raw)
	} else if strings.TrimSpace(m.Text) == "" {
		return nil, &problem{"no_text", "neither text nor blocks"}
	} else {
		l.mrkdwn(m.Text, 0)
	}
	l.ping(m.Text) // mentions in the fallback notify as well
	m.lines, m.Rendered, m.Pings, m.Buttons = l.lines, plain(l.lines), l.pings, l.buttons
	if raw := args["metadata"]; raw != "" {
		if m.Metadata = json.RawMessage(raw); !json.Valid(m.Metadata) {
			return nil, &problem{"invalid_metadata_format", "metadata"}
		}
	}
	return m, nil
}

func (l *layout) read(raw string) *problem {
	var blocks []block
	if err := json.Unmarshal([]byte(raw), &blocks); err != nil {
		return &problem{"invalid_blocks_format", err.Error()}
	}
	if len(blocks) > maxBlocks {
		return invalid("no more than %d items allowed [json-pointer:/blocks]", maxBlocks)
	}
	ids := map[string]bool{}
	for i, b := range blocks {
		if b.BlockID != "" && (ids[b.BlockID] || len(b.BlockID) > 255) {
			return invalid("block_id %q is used twice or too long [json-pointer:/blocks/%d]", b.BlockID, i)
		}
		ids[b.BlockID] = true
		if p := l.block(b); p != nil {
			p.detail += fmt.Sprintf(" [json-pointer:/blocks/%d]", i)
			return p
		}
	}
	if l.count > maxMessage {
		return &problem{"msg_blocks_too_long", fmt.Sprintf("%d characters", l.count)}
	}
	return nil
}

func (l *layout) block(b block) *problem {
	switch b.Type {
	case "header":
		return l.header(b)
	case "section":
		return l.section(b)
	case "context":
		return l.context(b)
	case "actions":
		return l.actions(b)
	case "divider":
		l.add(span{strings.Repeat("─", 24), dim})
		return nil
	case "rich_text":
		return l.rich(b)
	}
	return invalid("unsupported type: %s", b.Type)
}

func (l *layout) header(b block) *problem {
	if b.Text == nil || b.Text.Type != "plain_text" {
		return invalid("a header needs a plain_text")
	}
	if p := l.measure(b.Text.Text, maxHeader); p != nil {
		return p
	}
	l.add(span{unescape(b.Text.Text), bold})
	l.gap()
	return nil
}

func (l *layout) section(b block) *problem {
	if b.Text == nil && len(b.Fields) == 0 {
		return invalid("a section needs text or fields")
	}
	if len(b.Fields) > maxFields {
		return invalid("no more than %d fields allowed", maxFields)
	}
	if b.Text != nil {
		if p := l.object(*b.Text, maxText); p != nil {
			return p
		}
	}
	for _, f := range b.Fields {
		if p := l.object(f, maxField); p != nil {
			return p
		}
	}
	l.gap()
	return nil
}

func (l *layout) object(t textObject, limit int) *problem {
	if p := l.measure(t.Text, limit); p != nil {
		return p
	}
	switch t.Type {
	case "plain_text":
		l.text(unescape(t.Text), 0)
	case "mrkdwn":
		l.ping(t.Text)
		l.mrkdwn(t.Text, 0)
	default:
		return invalid("unsupported text type: %s", t.Type)
	}
	return nil
}

func (l *layout) context(b block) *problem {
	if len(b.Elements) == 0 || len(b.Elements) > maxInLine {
		return invalid("a context needs 1 to %d elements", maxInLine)
	}
	var parts []string
	for _, raw := range b.Elements {
		var t textObject
		if err := json.Unmarshal(raw, &t); err != nil || (t.Type != "plain_text" && t.Type != "mrkdwn") {
			return invalid("unsupported element of a context")
		}
		if p := l.measure(t.Text, maxField); p != nil {
			return p
		}
		if t.Type == "mrkdwn" {
			l.ping(t.Text)
		}
		parts = append(parts, unescape(t.Text))
	}
	l.add(span{strings.Join(parts, "  "), dim})
	l.gap()
	return nil
}

// measure counts a text and refuses an empty or too long one.
func (l *layout) measure(s string, limit int) *problem {
	n := utf8.RuneCountInString(s)
	l.count += n
	switch {
	case n == 0:
		return invalid("text must not be empty")
	case n > limit:
		return invalid("must be less than %d characters", limit+1)
	}
	return nil
}

func (l *layout) add(spans ...span) { l.lines = append(l.lines, line{spans: spans}) }

// gap leaves one empty line, never two.
func (l *layout) gap() {
	if n := len(l.lines); n > 0 && len(l.lines[n-1].spans) > 0 {
		l.lines = append(l.lines, line{})
	}
}

func (l *layout) text(s string, st style) {
	for _, part := range strings.Split(s, "\n") {
		l.add(span{part, st})
	}
}

// mentions are what Slack turns into notifications in text that it parses.
var mentions = regexp.MustCompile(`<!(channel|here|everyone)(\|[^>]*)?>|<@([UW][A-Z0-9]+)(\|[^>]*)?>|<!subteam\^([A-Z0-9]+)(\|[^>]*)?>`)

func (l *layout) ping(s string) {
	for _, m := range mentions.FindAllStringSubmatch(s, -1) {
		l.pinged(m[1] + m[3] + m[5])
	}
}

func (l *layout) pinged(name string) {
	if ping := "@" + name; !slices.Contains(l.pings, ping) {
		l.pings = append(l.pings, ping)
	}
}

// mrkdwn shows bold and links as a client would, roughly.
func (l *layout) mrkdwn(s string, st style) {
	s = mentions.ReplaceAllString(s, "@$1$3$5")
	for _, part := range strings.Split(s, "\n") {
		var spans []span
		for i, piece := range strings.Split(part, "*") {
			if piece != "" {
				spans = append(spans, span{unescape(piece), st | style(i%2)*bold})
			}
		}
		l.add(spans...)
	}
}

func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}
