package hook

import (
	"encoding/json"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Payload is the body of a request.
//
//	{
//	  "type": "incident.opened",
//	  "timestamp": "2026-03-01T03:12:07.412Z",
//	  "data": {
//	    "title": "CRITICAL · token hf_…x9Qz of acme-billing",
//	    "sentence": "Used from a new place: São Paulo, BR (normal: DE 97 %)",
//	    "link": "https://console.example.org/incidents/inc-3f9a2b7c1d5e8f01",
//	    "done": ["Nothing was done to the token. Ask acme-billing; if it was not them, revoke it."],
//	    "seen_against_normal": [{"label": "Place", "seen": "São Paulo, BR", "normal": "Berlin, DE 97 %", "odd": true}],
//	    "reasons": [{"weight": 4, "times": "×400", "label": "New place", "seen": "São Paulo, BR"}],
//	    "incident": {"id": "inc-3f9a2b7c1d5e8f01", "revision": 7, "state": "open", "severity": "critical", …}
//	  }
//	}
//
// Type is incident.opened, incident.updated, incident.acknowledged, incident.resolved, or test.
// Revisions may be left out when several follow each other quickly; the highest is the truth.
type Payload struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the incident's last evidence
	Data      Data      `json:"data"`
}

// Data says what a person would be told, and what it was made of.
type Data struct {
	Title    string          `json:"title"`
	Sentence string          `json:"sentence"`
	Link     string          `json:"link,omitempty"`
	Done     []string        `json:"done"`
	Rows     []Row           `json:"seen_against_normal"`
	Reasons  []Reason        `json:"reasons"`
	Incident schema.Incident `json:"incident"`
}

// Row sets what was seen beside what is normal for the token.
type Row struct {
	Label  string `json:"label"`
	Seen   string `json:"seen"`
	Normal string `json:"normal,omitempty"`
	Odd    bool   `json:"odd"`
}

// Reason is one piece of evidence, in words.
type Reason struct {
	Weight int    `json:"weight"` // 1 to 5
	Times  string `json:"times"`
	Label  string `json:"label"`
	Seen   string `json:"seen"`
	Normal string `json:"normal,omitempty"`
}

func payloadOf(m alert.Message) []byte {
	inc := m.Incident
	inc.Deliveries = nil // where else it was sent is nobody's business here
	p := Payload{Type: typeOf(m), Timestamp: inc.Updated.UTC(), Data: Data{
		Title: m.Title, Sentence: m.Sentence, Link: m.Link, Done: m.Actions, Rows: []Row{}, Reasons: []Reason{}, Incident: inc,
	}}
	for _, r := range m.Rows {
		p.Data.Rows = append(p.Data.Rows, Row(r))
	}
	for _, r := range m.Reasons {
		p.Data.Reasons = append(p.Data.Reasons, Reason(r))
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic("hook: a payload of plain values does not marshal: " + err.Error())
	}
	return body
}

func typeOf(m alert.Message) string {
	switch {
	case m.Trial:
		return "test"
	case m.Incident.State == schema.IncidentResolved:
		return "incident.resolved"
	case m.Incident.State == schema.IncidentAcknowledged:
		return "incident.acknowledged"
	case m.Ref == "":
		return "incident.opened"
	}
	return "incident.updated"
}
