package console

import (
	"crypto/rand"
	"strconv"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// inboxPage is what the list's template shows.
type inboxPage struct {
	wish
	Page    board.IncidentPage
	Choices board.IncidentChoices
	Rows    []incidentRow
	MayAct  bool

	Base string
}

// tally is a number of incidents that leads to them.
type tally struct {
	Name, Count, URL string
	On               bool // the page shows these
}

// ByState counts the incidents of each state that have the severity that is asked for.
func (p *inboxPage) ByState() (list []tally) {
	for _, state := range []schema.IncidentState{schema.IncidentOpen, schema.IncidentAcknowledged, schema.IncidentResolved} {
		n := p.count(func(c board.IncidentCount) bool { return c.State == state && c.Severity >= p.filter.Severity })
		list = append(list, tally{string(state), thousands(n), p.toggled("state", p.State, string(state)), p.State == string(state)})
	}
	return list
}

// BySeverity counts the incidents of each severity in the states that are asked for, the worst first.
func (p *inboxPage) BySeverity() (list []tally) {
	for severity := schema.SeverityCritical; severity > schema.SeverityInfo; severity-- {
		n := p.count(func(c board.IncidentCount) bool { return c.Severity == severity && p.wanted(c.State) })
		list = append(list, tally{severity.String(), thousands(n), p.toggled("severity", p.Severity, severity.String()), p.Severity == severity.String()})
	}
	return list
}

// toggled is the page with a value, or without it where it is there.
func (p *inboxPage) toggled(key, now, value string) string {
	if now == value {
		value = ""
	}
	return p.Base + p.path(key, value)
}

func (p *inboxPage) wanted(state schema.IncidentState) bool {
	for _, s := range p.filter.States {
		if s == state {
			return true
		}
	}
	return len(p.filter.States) == 0
}

func (p *inboxPage) count(match func(board.IncidentCount) bool) (n uint64) {
	for _, c := range p.Page.Counts {
		if match(c) {
			n += c.Count
		}
	}
	return n
}

// Open is how many incidents are open; empty where the filter hides some of them.
func (p *inboxPage) Open() string {
	if p.Owner != "" || p.Text != "" || p.More() {
		return ""
	}
	return strconv.FormatUint(p.count(func(c board.IncidentCount) bool { return c.State == schema.IncidentOpen }), 10)
}

// Title carries the number of open incidents, which the live stream keeps up to date.
func (p *inboxPage) Title() string {
	if open := p.Open(); open != "" && open != "0" {
		return "(" + open + ") Incidents"
	}
	return "Incidents"
}

// Range says which part of the list the page shows.
func (p *inboxPage) Range() string {
	if len(p.Rows) == 0 {
		return thousands(p.Page.Total)
	}
	return thousands(p.Page.Skipped+1) + "–" + thousands(p.Page.Skipped+uint64(len(p.Rows))) + " of " + thousands(p.Page.Total)
}

// First, Previous and Next lead to other parts of the list; they are empty where there is none.
func (p *inboxPage) First() string {
	if p.Page.Skipped == 0 {
		return ""
	}
	return p.Base + p.path("", "")
}

// Previous is the page before.
func (p *inboxPage) Previous() string {
	if p.Page.Skipped == 0 || len(p.Rows) == 0 {
		return ""
	}
	return p.Base + p.path("before", placeText(p.Page.Lines[0].IncidentKey))
}

// Next is the page behind.
func (p *inboxPage) Next() string {
	if len(p.Rows) == 0 || p.Page.Skipped+uint64(len(p.Rows)) >= p.Page.Total {
		return ""
	}
	return p.Base + p.path("after", placeText(p.Page.Lines[len(p.Rows)-1].IncidentKey))
}

// Here is the page itself, for acts to come back to.
func (p *inboxPage) Here() string {
	q := p.query()
	if p.after != nil {
		q.Set("after", placeText(*p.after))
	}
	if p.before != nil {
		q.Set("before", placeText(*p.before))
	}
	return q.Encode()
}

// Filtered tells whether anything is left out, and Everything leads to the page where nothing is.
func (p *inboxPage) Filtered() bool { return len(p.query()) > 0 }

// Everything is the list without a filter.
func (p *inboxPage) Everything() string { return p.Base + "/incidents" }

// Reload is the beginning of the list with the same filter.
func (p *inboxPage) Reload() string { return p.Base + p.path("", "") }

// More tells whether one of the filters that are folded away is in use.
func (p *inboxPage) More() bool {
	return p.Environment != "" || p.Detector != "" || p.Within != "" || p.From != "" || p.To != ""
}

// States, Times and Severities are the form's choices.
func (p *inboxPage) States() []choice { return stateChoices }

// Times are spans of time that end now.
func (p *inboxPage) Times() []choice { return withinChoices }

// Severities are the least severities to ask for.
func (p *inboxPage) Severities() []choice {
	list := []choice{{"", "any"}, {"critical", "critical"}}
	for s := schema.SeverityHigh; s > schema.SeverityInfo; s-- {
		list = append(list, choice{s.String(), s.String() + " or worse"})
	}
	return list
}

// Since is where the live stream goes on from this page, in milliseconds by the store's clock.
func (p *inboxPage) Since() string {
	if p.Page.Upto.IsZero() {
		return ""
	}
	return strconv.FormatInt(p.Page.Upto.UnixMilli(), 10)
}

// Press names what is pressed on this page, so that a form that is sent twice is one press.
func (p *inboxPage) Press() string { return rand.Text() }
