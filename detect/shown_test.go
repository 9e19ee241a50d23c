package detect_test

import (
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// The entries of the configuration are shown by name, each as what it names.
func TestAllowed(t *testing.T) {
	until := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	cfg := detect.DefaultConfig()
	cfg.Allow = map[string]detect.AllowEntry{
		"qa":     {Label: "environment=test", Owner: "qa", Reason: "load tests", Detectors: []string{"traffic_spike"}, Until: until},
		"office": {CIDR: "203.0.113.0/24", Owner: "netops", Reason: "office"},
	}
	list := cfg.Allowed()
	if len(list) != 2 || list[0].ID != "office" || list[0].Kind != schema.AllowCIDR || list[0].Value != "203.0.113.0/24" || list[0].Owner != "netops" ||
		list[1].ID != "qa" || list[1].Kind != schema.AllowLabel || !list[1].Until.Equal(until) || list[1].Detectors[0] != "traffic_spike" {
		t.Errorf("%+v", list)
	}
}

// A fleet that has taught nothing has the starting bar in every class, and days of a token are learnt in its class.
func TestBars(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "gateway.access", 0)
	bars := e.Bars()
	if len(bars) != 5 || bars[0].Class != "sparse" {
		t.Fatalf("%+v", bars)
	}
	for _, b := range bars {
		if b.Learnt || b.Days != 0 || b.Nats != bars[0].Nats || b.Nats <= 0 {
			t.Errorf("untaught: %+v", b)
		}
	}
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for day := range 5 {
		for i := range 30 {
			moment := at.AddDate(0, 0, day).Add(time.Duration(i) * 10 * time.Minute)
			e.Process(&schema.Event{Time: moment, Ingested: moment, Token: schema.TokenID{1}, Consumer: "acme", Offset: int64(day*30 + i), Method: "GET", Status: 200})
		}
	}
	days := 0.0
	for _, b := range e.Bars() {
		days += b.Days + b.Alerted
	}
	if days < 3 || days > 5 {
		t.Errorf("of 5 days of a token %g were learnt", days)
	}
}
