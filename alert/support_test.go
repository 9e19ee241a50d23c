package alert_test

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// finding makes a finding about a token; n tells findings apart.
func finding(token byte, n uint32, at time.Time) schema.Finding {
	f := schema.Finding{
		Token: schema.TokenID{token}, TokenHint: "hf_…x9Qz", Consumer: "acme-billing", Environment: "prod",
		Time: at, Ingested: at.Add(time.Second), Score: 1.5, Severity: schema.SeverityHigh,
		Summary: "Used from a new place: São Paulo, BR (normal: DE 97 %)",
		Evidence: []schema.Evidence{
			{Detector: "new_geo", Key: "country:BR", Time: at, LLR: 6, Seen: "São Paulo, BR", Normal: "DE 97 %", Attack: "T1550.001"},
			{Detector: "odd_hours", Key: "hour:3", Time: at, LLR: 2, Seen: "03:00 UTC", Normal: "usually 07–17h UTC", Attack: "T1550.001"},
		},
		Seen: schema.Seen{
			Since: at.Add(-10 * time.Minute), Requests: 214, BytesOut: 48_123_456, CostUSD: 3.21, Addresses: 3, PeakMinute: 40,
			Places: []string{"São Paulo, BR"}, Networks: []string{"AS14061 DigitalOcean (hosting)"}, Clients: []string{"curl/8"},
		},
		Normal: schema.Normal{
			State: schema.ProfileActive, Days: 24, Events: 18340, PerDay: 764, PeakMinute: 12,
			Places:   []schema.Share{{Name: "Berlin, DE", Share: .97}, {Name: "Paris, FR", Share: .03}},
			Networks: []schema.Share{{Name: "AS3320 Deutsche Telekom (residential)", Share: .995}},
			Clients:  []schema.Share{{Name: "python-requests/2", Share: 1}},
		},
	}
	for h := 7; h < 17; h++ {
		f.Normal.Hours[h] = 0.1
	}
	f.ID[0] = token
	binary.BigEndian.PutUint32(f.ID[4:], n)
	return f
}

// memory is a Log that lasts as long as the test. It can be broken, and frozen at a
// moment as a crash would.
type memory struct {
	mu     sync.Mutex
	rows   map[string]schema.Incident
	saves  int
	broken bool
	kill   context.CancelFunc // of the process that works with it
}

func newMemory() *memory { return &memory{rows: map[string]schema.Incident{}} }

var errBroken = errors.New("the log is away")

func (m *memory) SaveIncident(_ context.Context, inc *schema.Incident) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errBroken
	}
	m.saves++
	if old, ok := m.rows[inc.ID]; !ok || inc.Revision >= old.Revision {
		m.rows[inc.ID] = *inc
	}
	return nil
}

func (m *memory) Incidents(_ context.Context, states ...schema.IncidentState) ([]schema.Incident, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return nil, errBroken
	}
	var list []schema.Incident
	for _, inc := range m.rows {
		for _, s := range states {
			if inc.State == s {
				list = append(list, inc)
			}
		}
	}
	return list, nil
}

func (m *memory) breakDown(broken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = broken
}

// freeze is the moment of a crash: what is there is all that there will be.
func (m *memory) freeze() map[string]schema.Incident {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = true
	if m.kill != nil {
		m.kill()
	}
	return maps.Clone(m.rows)
}

func (m *memory) saved() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saves
}

// all is every incident, by id.
func (m *memory) all() map[string]schema.Incident {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := map[string]schema.Incident{}
	for id, inc := range m.rows {
		rows[id] = inc
	}
	return rows
}

// only is the single incident that the log has to hold.
func (m *memory) only(t *testing.T) schema.Incident {
	t.Helper()
	rows := m.all()
	if len(rows) != 1 {
		t.Fatalf("log holds %d incidents, want 1", len(rows))
	}
	for _, inc := range rows {
		return inc
	}
	panic("unreachable")
}

// channel is a notifier that remembers, and answers as it is told.
type channel struct {
	name   string
	answer func(call int, m alert.Message) error // nil accepts everything
	pace   time.Duration

	mu    sync.Mutex
	calls []call
}

type call struct {
	at time.Time
	m  alert.Message
}

func (c *channel) Name() string        { return c.name }
func (c *channel) Pace() time.Duration { return c.pace }

func (c *channel) Notify(_ context.Context, m alert.Message) (string, error) {
	c.mu.Lock()
	c.calls = append(c.calls, call{time.Now(), m})
	n := len(c.calls)
	c.mu.Unlock()
	if c.answer != nil {
		if err := c.answer(n, m); err != nil {
			return "", err
		}
	}
	if m.Ref != "" {
		return m.Ref, nil
	}
	return c.name + "-" + m.Incident.ID, nil
}

func (c *channel) heard() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]call(nil), c.calls...)
}

// actor is a channel that acts.
type actor struct{ channel }

func (a *actor) Describe(d schema.Delivery) string {
	switch {
	case d.Error != "" && d.Revision == 0:
		return "still trying: " + d.Error
	case d.Error != "":
		return "not done: " + d.Error
	}
	return "done"
}

// running starts a dispatcher and returns what stops it.
func running(t *testing.T, cfg alert.Config, log alert.Log, notifiers ...alert.Notifier) (*alert.Dispatcher, func()) {
	t.Helper()
	d, err := alert.New(cfg, log, notifiers)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if m, ok := log.(*memory); ok {
		m.mu.Lock()
		m.kill = cancel
		m.mu.Unlock()
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	return d, func() {
		cancel()
		<-done
	}
}

func accept(t *testing.T, d *alert.Dispatcher, findings ...schema.Finding) {
	t.Helper()
	if err := d.Accept(t.Context(), findings); err != nil {
		t.Fatal(err)
	}
}
