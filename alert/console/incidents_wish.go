package console

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// wish is what somebody wants to see of the incidents, as it stands in the URL: whoever is sent the URL sees the same.
// The zero wish is everything.
type wish struct {
	State, Severity, Owner, Environment, Detector, Text, Within, From, To string

	filter        board.IncidentFilter
	after, before *board.IncidentKey
}

// Choices of the form that are not stored anywhere.
var (
	stateChoices  = []choice{{"", "any"}, {"unresolved", "not resolved"}, {"open", "open"}, {"acknowledged", "acknowledged"}, {"resolved", "resolved"}}
	withinChoices = []choice{{"", "any time"}, {"1h", "last hour"}, {"24h", "last 24 hours"}, {"168h", "last 7 days"}, {"720h", "last 30 days"}}
)

type choice struct{ Value, Text string }

var statesOf = map[string][]schema.IncidentState{
	"":             nil,
	"unresolved":   {schema.IncidentOpen, schema.IncidentAcknowledged},
	"open":         {schema.IncidentOpen},
	"acknowledged": {schema.IncidentAcknowledged},
	"resolved":     {schema.IncidentResolved},
}

// longestWish is how long a text to look for may be.
const longestWish = 200

// inputTime is how a browser writes a time without a zone.
const inputTime = "2006-01-02T15:04"

func parseWish(q url.Values, now time.Time) (wish, error) {
	w := wish{
		State: q.Get("state"), Severity: q.Get("severity"), Owner: q.Get("owner"), Environment: q.Get("environment"), Detector: q.Get("detector"),
		Text: q.Get("q"), Within: q.Get("within"), From: q.Get("from"), To: q.Get("to"),
	}
	for _, text := range []*string{&w.Owner, &w.Environment, &w.Detector, &w.Text} {
		if *text = strings.TrimSpace(strings.ToValidUTF8(*text, "�")); utf8.RuneCountInString(*text) > longestWish {
			return w, refused(fmt.Sprintf("That is too long to look for: at most %d characters.", longestWish), "Shorten it, or filter by something else.")
		}
	}
	w.filter = board.IncidentFilter{Owner: w.Owner, Environment: w.Environment, Detector: w.Detector, Text: w.Text}
	for _, read := range []func() error{w.readState, w.readSeverity, func() error { return w.readTime(now) }, func() error { return w.readCut(q) }} {
		if err := read(); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *wish) readState() error {
	states, known := statesOf[w.State]
	if !known {
		return refused("There is no state "+clip(w.State, 40)+".", "An incident is open, acknowledged or resolved; unresolved asks for the first two.")
	}
	w.filter.States = states
	return nil
}

func (w *wish) readSeverity() (err error) {
	if w.Severity == "" {
		return nil
	}
	if w.filter.Severity, err = schema.ParseSeverity(w.Severity); err != nil {
		return refused("There is no severity "+clip(w.Severity, 40)+".", "Severities are "+strings.Join(schema.SeverityNames, ", ")+".")
	}
	return nil
}

func (w *wish) readTime(now time.Time) (err error) {
	if w.Within != "" {
		d, err := time.ParseDuration(w.Within)
		if err != nil || d <= 0 {
			return refused("The time "+clip(w.Within, 40)+" makes no sense.", "Write how long ago in hours, such as 24h.")
		}
		w.filter.From = now.Add(-d)
	}
	for _, bound := range []struct {
		text string
		into *time.Time
	}{{w.From, &w.filter.From}, {w.To, &w.filter.To}} {
		if bound.text == "" {
			continue
		}
		if *bound.into, err = time.Parse(inputTime, bound.text); err != nil {
			return refused("The time "+clip(bound.text, 40)+" makes no sense.", "Write it as 2026-02-28T14:30; it is UTC.")
		}
	}
	return nil
}

// readCut reads the place in the list at which the page begins or ends.
func (w *wish) readCut(q url.Values) (err error) {
	if text := q.Get("after"); text != "" {
		w.after, err = parsePlace(text)
	} else if text := q.Get("before"); text != "" {
		w.before, err = parsePlace(text)
	}
	return err
}

func (w *wish) cut() board.IncidentCut {
	return board.IncidentCut{After: w.after, Before: w.before, Size: inboxSize}
}

// placeText writes a place in the list for a URL.
func placeText(k board.IncidentKey) string {
	return strings.Join([]string{string(k.State), k.Severity.String(), strconv.FormatInt(k.Opened.UnixMilli(), 10), k.ID}, ".")
}

func parsePlace(text string) (*board.IncidentKey, error) {
	wrong := refused("That place in the list makes no sense.", "Go back to the beginning of the list, and on from there.")
	parts := strings.SplitN(text, ".", 4)
	if len(parts) != 4 || len(text) > 300 || !utf8.ValidString(text) || !slices.Contains([]string{"open", "acknowledged", "resolved"}, parts[0]) {
		return nil, wrong
	}
	severity, err := schema.ParseSeverity(parts[1])
	ms, errTime := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || errTime != nil || ms < 0 || ms > 1<<50 {
		return nil, wrong
	}
	return &board.IncidentKey{State: schema.IncidentState(parts[0]), Severity: severity, Opened: time.UnixMilli(ms).UTC(), ID: parts[3]}, nil
}

// query writes the wish as it stands in a URL, without the place.
func (w wish) query() url.Values {
	q := url.Values{}
	for key, value := range map[string]string{
		"state": w.State, "severity": w.Severity, "owner": w.Owner, "environment": w.Environment, "detector": w.Detector,
		"q": w.Text, "within": w.Within, "from": w.From, "to": w.To,
	} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q
}

// path is the page of a wish, with another value of one key.
func (w wish) path(key, value string) string {
	q := w.query()
	q.Del(key)
	if value != "" {
		q.Set(key, value)
	}
	if len(q) == 0 {
		return "/incidents"
	}
	return "/incidents?" + q.Encode()
}
