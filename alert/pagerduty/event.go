package pagerduty

import (
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// PagerDuty's limits, in characters; an event may have 512 kB, of which what alert.Compose
// bounds is a hundredth.
const (
	maxSummary = 1024
	maxKey     = 255
)

// event is the body of a request. Resolving and acknowledging take no payload.
type event struct {
	RoutingKey string   `json:"routing_key"`
	Action     string   `json:"event_action"`
	DedupKey   string   `json:"dedup_key"`
	Payload    *payload `json:"payload,omitempty"`
	Client     string   `json:"client,omitempty"`
	ClientURL  string   `json:"client_url,omitempty"`
	Links      []link   `json:"links,omitempty"`
}

type payload struct {
	Summary   string  `json:"summary"`
	Source    string  `json:"source"`
	Severity  string  `json:"severity"`
	Timestamp string  `json:"timestamp"`
	Component string  `json:"component,omitempty"`
	Group     string  `json:"group,omitempty"`
	Class     string  `json:"class,omitempty"`
	Details   details `json:"custom_details"`
}

type link struct {
	Href string `json:"href"`
	Text string `json:"text"`
}

// details are what PagerDuty shows as a table.
type details struct {
	Sentence string            `json:"what happened"`
	Owner    string            `json:"owner,omitempty"`
	Facts    string            `json:"facts,omitempty"`
	Seen     map[string]string `json:"seen,omitempty"`
	Normal   map[string]string `json:"normal,omitempty"`
	Reasons  []string          `json:"reasons,omitempty"`
	Done     []string          `json:"done,omitempty"`
	Queries  map[string]string `json:"queries,omitempty"`
	Incident string            `json:"incident"`
}

// severities in PagerDuty's words, from info to critical.
var severities = []string{"info", "info", "warning", "error", "critical"}

func eventOf(m alert.Message, action string) event {
	inc := &m.Incident
	e := event{Action: action, DedupKey: clip(inc.ID, maxKey)}
	if action != trigger {
		return e
	}
	e.Client, e.ClientURL = "tokenwatch", m.Link
	if m.Link != "" {
		e.Links = []link{{Href: m.Link, Text: "Open in the console"}}
	}
	e.Payload = &payload{
		Summary:   clip(m.Title+": "+m.Sentence, maxSummary),
		Source:    source(inc),
		Severity:  severities[min(int(inc.Severity), len(severities)-1)],
		Timestamp: inc.Updated.UTC().Format(time.RFC3339Nano),
		Component: inc.TokenHint,
		Group:     inc.Environment,
		Class:     class(inc),
		Details:   detailsOf(m),
	}
	return e
}

// source names what is affected: the owner's token.
func source(inc *schema.Incident) string {
	if inc.Consumer != "" {
		return clip(inc.Consumer, maxKey)
	}
	return "token " + inc.Token.String()
}

func class(inc *schema.Incident) string {
	if len(inc.Evidence) == 0 {
		return ""
	}
	return inc.Evidence[0].Detector
}

func detailsOf(m alert.Message) details {
	d := details{
		Sentence: m.Sentence, Owner: m.Incident.Consumer, Facts: strings.Join(m.Facts, " · "), Done: m.Actions, Incident: m.Incident.ID,
		Seen: map[string]string{}, Normal: map[string]string{}, Queries: map[string]string{},
	}
	for _, r := range m.Rows {
		d.Seen[r.Label] = r.Seen
		if r.Normal != "" {
			d.Normal[r.Label] = r.Normal
		}
	}
	for _, r := range m.Reasons {
		line := r.Times + " " + r.Label + ": " + r.Seen
		if r.Normal != "" {
			line += " (normal: " + r.Normal + ")"
		}
		d.Reasons = append(d.Reasons, line)
	}
	for _, q := range m.Queries {
		d.Queries[q.Title] = q.SQL
	}
	return d
}

// clip cuts a text to so many characters.
func clip(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}
