package alert

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Trial is a message that shows whether a channel works and what alerts look like in it.
// It says of itself that nothing happened, and no notifier acts on it.
func Trial(now time.Time) Message {
	inc := schema.Incident{
		ID:          "inc-0000000000000000",
		Revision:    1,
		State:       schema.IncidentOpen,
		Severity:    schema.SeverityInfo,
		TokenHint:   "demo_…0000",
		Consumer:    "nobody",
		Environment: "test",
		Opened:      now,
		Updated:     now,
		Summary:     "This is a test from tokenwatch: nothing happened, and this channel works.",
	}
	m := Compose(inc, func(schema.Delivery) string { return "" })
	m.Trial = true
	m.Icon, m.Title = "🧪", "TEST · tokenwatch reaches this channel"
	m.Facts, m.Rows, m.Queries = []string{moment(now)}, nil, nil
	m.Basis, m.Actions, m.Footer = "", nil, nil
	return m
}
