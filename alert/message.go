package alert

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Message is what a person is told about an incident, in words and without any vendor's
// markup. Every text in it is one clean line (SQL apart) of bounded length; a notifier
// only has to escape it its own way.
type Message struct {
	Kind  Kind   // one incident, a reply below its message, or a digest
	Ref   string // names the message to edit, or to reply to; empty to post a new one
	Trial bool   // sent to see whether the channel works: nothing happened, do nothing

	// Key names this message at this destination, whatever becomes of the attempts: it stays the same over
	// retries and restarts, so a vendor that is given it can tell repetitions. Letters, digits, '-', '/' and '.'.
	Key string
	// Link leads to the incident in the console; empty where there is none.
	Link string
	// Escalated says that the incident is more severe than when this destination was last notified.
	Escalated bool
	// Entries are the incidents of a digest, the severe ones first.
	Entries []Entry
	// Picture draws the incident as a PNG when it is called; nil where there is nothing to draw.
	Picture func(context.Context) ([]byte, error)

	Incident schema.Incident // for notifiers that speak to machines; read only

	Icon     string   // one emoji: how bad it is, or that it is over
	Title    string   // severity, token and owner; at most 140 characters
	Sentence string   // what happened; at most 400 characters
	Facts    []string // environment, since when, how much; short
	Rows     []Row    // seen against normal, the odd ones first
	Basis    string   // what "normal" was learnt from
	Hours    *Hours   // nil when nothing is known about hours
	Reasons  []Reason // strongest first
	Weaker   int      // reasons left out
	Actions  []string // what was done about it, at least one line
	Queries  []Query  // to look further
	Footer   []string // identifiers
}

// Row sets what was seen beside what is normal for this token.
type Row struct {
	Label  string
	Seen   string
	Normal string // empty when nothing is known
	Odd    bool   // there is evidence against it
}

// Reason is one piece of evidence.
type Reason struct {
	Weight int    // 1 (a hint) to 5 (hardly the owner)
	Times  string // how much likelier from a thief than from the owner, e.g. "×400"
	Label  string // "New place"
	Seen   string
	Normal string // empty where a row says it already
}

// Compose renders an incident. Describe puts a delivery into words where its destination
// acted on the token, and is nil-safe: deliveries it answers with "" are left out.
func Compose(inc schema.Incident, describe func(schema.Delivery) string) Message {
	reasons, weaker := reasonsOf(inc.Evidence)
	return Message{
		Incident: inc,
		Icon:     icon(&inc),
		Title:    title(&inc),
		Sentence: sentence(&inc),
		Facts:    facts(&inc),
		Rows:     rowsOf(&inc),
		Basis:    basis(&inc),
		Hours:    hoursOf(&inc),
		Reasons:  reasons,
		Weaker:   weaker,
		Actions:  actions(&inc, describe),
		Queries:  queries(&inc),
		Footer:   footer(&inc),
	}
}

// icons of the severities, from info to critical.
var icons = []string{"⚪", "🔵", "🟡", "🟠", "🔴"}

func icon(inc *schema.Incident) string {
	if inc.State == schema.IncidentResolved {
		return "✅"
	}
	return icons[min(int(inc.Severity), len(icons)-1)]
}

func title(inc *schema.Incident) string {
	word := strings.ToUpper(inc.Severity.String())
	if inc.State != schema.IncidentOpen {
		word = strings.ToUpper(string(inc.State)) + " (" + inc.Severity.String() + ")"
	}
	if grouped(inc) {
		return clean(word+" · "+groupTitle(inc), 140)
	}
	text := word + " · token " + hint(inc)
	if inc.Consumer != "" {
		text += " of " + clean(inc.Consumer, 80)
	}
	return clean(text, 140)
}

func hint(inc *schema.Incident) string {
	if inc.TokenHint != "" {
		return clean(inc.TokenHint, 30)
	}
	return inc.Token.String()[:8] + "…"
}

// sentence is detect's summary, or the strongest evidence where there is none.
func sentence(inc *schema.Incident) string {
	if inc.Summary != "" {
		return clean(inc.Summary, 400)
	}
	if len(inc.Evidence) == 0 {
		return "Used in a way that its owner does not use it."
	}
	e := inc.Evidence[0]
	return clean(fmt.Sprintf("%s: %s (normally %s)", label(e), e.Seen, e.Normal), 400)
}

func facts(inc *schema.Incident) []string {
	var list []string
	if inc.Environment != "" {
		list = append(list, clean(inc.Environment, 40))
	}
	since := began(inc)
	list = append(list, "since "+moment(since)+" ("+span(inc.Updated.Sub(since))+")")
	if grouped(inc) {
		list = append(list, plural(uint64(max(inc.TokenCount, 0)), "token"))
	}
	if n := inc.Seen.Addresses; n > 0 {
		list = append(list, plural(uint64(n), "address"))
	}
	return append(list, fmt.Sprintf("score %.1f (alert at 1)", inc.Score))
}

// began is when the first of the evidence was seen.
func began(inc *schema.Incident) time.Time {
	if inc.Seen.Since.IsZero() {
		return inc.Opened
	}
	return inc.Seen.Since
}

// moment writes a time so that nobody has to guess its day or zone.
func moment(t time.Time) string { return t.UTC().Format("Mon 2 Jan 15:04 UTC") }

func basis(inc *schema.Incident) string {
	n := &inc.Normal
	if grouped(inc) {
		return "each token's own history, where this is new"
	}
	if n.Events == 0 {
		return "no history yet"
	}
	text := "learnt from " + plural(n.Events, "request") + " on " + plural(uint64(max(n.Days, 1)), "day")
	switch n.State {
	case schema.ProfileLearning:
		text += ", still learning"
	case schema.ProfileStale:
		text += ", last used " + moment(n.LastSeen)
	}
	return text
}

func hoursOf(inc *schema.Incident) *Hours {
	if inc.Normal.Events == 0 {
		return nil
	}
	h := drawHours(inc.Normal.Hours, began(inc), inc.Updated, against(inc, "odd_hours"))
	return &h
}

func footer(inc *schema.Incident) []string {
	list := []string{inc.ID}
	if !grouped(inc) {
		list = append(list, "fingerprint "+inc.Token.String())
	}
	if attack := attacks(inc.Evidence); attack != "" {
		list = append(list, "ATT&CK "+attack)
	}
	return list
}

func attacks(list []schema.Evidence) string {
	var ids []string
	for _, e := range list {
		if id := clean(e.Attack, 20); id != "" && !contains(ids, id) && len(ids) < 4 {
			ids = append(ids, id)
		}
	}
	return strings.Join(ids, ", ")
}
