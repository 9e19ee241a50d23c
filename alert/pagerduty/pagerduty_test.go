package pagerduty_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/pagerduty"
	"github.com/tokenwatch/tokenwatch/schema"
)

const key = "hush0000000000000000000000000032"

func theft(t testing.TB) schema.Finding {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func message(inc schema.Incident) alert.Message {
	return alert.Compose(inc, func(schema.Delivery) string { return "" })
}

// event is what the documentation says of the body.
type event struct {
	RoutingKey string `json:"routing_key"`
	Action     string `json:"event_action"`
	DedupKey   string `json:"dedup_key"`
	Client     string `json:"client"`
	Links      []struct{ Href, Text string }
	Payload    *struct {
		Summary, Source, Severity, Timestamp string
		Details                              map[string]any `json:"custom_details"`
	}
}

// service is PagerDuty as its documentation has it.
type service struct {
	events []event
	size   int
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var e event
	problem := ""
	switch err := json.Unmarshal(body, &e); {
	case err != nil:
		problem = err.Error()
	case r.URL.Path != "/v2/enqueue" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json":
		problem = "not found"
	case len(e.RoutingKey) != 32:
		problem = "Length of 'routing_key' is incorrect (should be 32 characters)"
	case len(body) > 512<<10:
		problem = "too large"
	case len(e.DedupKey) > 255 || (e.Action != "trigger" && e.DedupKey == ""):
		problem = "dedup_key"
	case e.Action != "trigger" && e.Action != "acknowledge" && e.Action != "resolve":
		problem = "event_action"
	case e.Action == "trigger" && (e.Payload == nil || e.Payload.Summary == "" || e.Payload.Source == "" || utf8.RuneCountInString(e.Payload.Summary) > 1024):
		problem = "payload"
	case e.Action == "trigger" && !strings.Contains("critical error warning info", e.Payload.Severity):
		problem = "severity"
	}
	if problem != "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"status":"invalid event","message":"Event object is invalid","errors":[%q]}`, problem)
		return
	}
	s.events, s.size = append(s.events, e), len(body)
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"status":"success","message":"Event processed","dedup_key":%q}`, e.DedupKey)
}

func notifier(t testing.TB, api string) *pagerduty.Notifier {
	t.Helper()
	cfg := pagerduty.DefaultConfig()
	cfg.RoutingKey, cfg.APIURL, cfg.MinSeverity = key, api, schema.SeverityHigh
	n, err := pagerduty.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func start(t testing.TB) (*service, *pagerduty.Notifier) {
	t.Helper()
	s := &service{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, notifier(t, server.URL)
}

func TestLifeOfAnIncident(t *testing.T) {
	s, n := start(t)
	f := theft(t)
	inc := alert.Open(&f)
	inc.Severity = schema.SeverityMedium
	if _, err := n.Notify(t.Context(), message(inc)); !errors.Is(err, alert.ErrSkip) {
		t.Errorf("somebody was paged for a medium incident: %v", err)
	}
	ref := ""
	for _, step := range []struct {
		severity schema.Severity
		state    schema.IncidentState
		want     string // action and severity, empty for nothing sent
	}{
		{schema.SeverityHigh, schema.IncidentOpen, "trigger error"},
		{schema.SeverityHigh, schema.IncidentOpen, ""},
		{schema.SeverityCritical, schema.IncidentOpen, "trigger critical"},
		{schema.SeverityCritical, schema.IncidentAcknowledged, "acknowledge"},
		{schema.SeverityCritical, schema.IncidentAcknowledged, ""},
		{schema.SeverityCritical, schema.IncidentResolved, "resolve"},
		{schema.SeverityCritical, schema.IncidentResolved, ""},
	} {
		before := len(s.events)
		inc.Severity, inc.State = step.severity, step.state
		m := message(inc)
		m.Ref, m.Link = ref, "https://console.example/incidents/"+inc.ID
		var err error
		if ref, err = n.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		have := ""
		if len(s.events) > before {
			e := s.events[before]
			have = e.Action
			if e.Payload != nil {
				have += " " + e.Payload.Severity
			}
			if e.DedupKey != inc.ID || e.RoutingKey != key {
				t.Errorf("dedup_key %q, routing_key %q", e.DedupKey, e.RoutingKey)
			}
		}
		if have != step.want {
			t.Errorf("%s %s: sent %q, want %q", step.severity, step.state, have, step.want)
		}
	}
	first := s.events[0]
	if first.Payload.Source != "acme-billing" || first.Links[0].Href == "" || first.Payload.Details["seen"].(map[string]any)["Place"] != "São Paulo, BR" {
		t.Errorf("%+v", first)
	}
}

// Nobody is paged to be told that something is over.
func TestResolvedBeforeAnybodyWasPaged(t *testing.T) {
	s, n := start(t)
	f := theft(t)
	if _, err := n.Notify(t.Context(), message(alert.Resolve(alert.Open(&f), f.Time))); !errors.Is(err, alert.ErrSkip) || len(s.events) > 0 {
		t.Errorf("error %v, sent %v", err, s.events)
	}
}

func TestTrialClosesWhatItOpens(t *testing.T) {
	s, n := start(t)
	if _, err := n.Notify(t.Context(), alert.Trial(time.Now())); err != nil {
		t.Fatal(err)
	}
	if len(s.events) != 2 || s.events[0].Action != "trigger" || s.events[1].Action != "resolve" || s.events[0].Payload.Severity != "info" {
		t.Errorf("sent %+v", s.events)
	}
}

func TestHugeTextsFit(t *testing.T) {
	s, n := start(t)
	huge := strings.Repeat("💥é&<\"\x00", 25_000)
	f := theft(t)
	f.TokenHint, f.Consumer, f.Environment, f.Summary = huge, huge, huge, huge
	for range 10_000 {
		f.Seen.Clients = append(f.Seen.Clients, huge)
		f.Evidence = append(f.Evidence, schema.Evidence{Detector: huge, LLR: 9, Seen: huge, Normal: huge})
	}
	if _, err := n.Notify(t.Context(), message(alert.Open(&f))); err != nil || s.size > 64<<10 {
		t.Errorf("error %v, %d bytes", err, s.size)
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header string
		body   string
		fix    string
		wait   time.Duration
	}{
		{name: "no such integration", status: 400, body: `{"status":"invalid event","errors":["bad key"]}`, fix: "set pagerduty.routing_key"},
		{name: "not there", status: 404, body: `<html>`, fix: "check pagerduty.routing_key"},
		{name: "a redirect", status: 307, fix: "check pagerduty.routing_key"},
		{name: "throttled", status: 429, wait: 30 * time.Second},
		{name: "throttled, with a time", status: 429, header: "12", wait: 12 * time.Second},
		{name: "an outage", status: 500, body: "<html>" + key},
		{name: "a page", status: 200, body: "<html>"},
		{name: "nothing", status: 202},
		{name: "a lie", status: 202, body: `{"status":"invalid event"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			f := theft(t)
			_, err := notifier(t, server.URL).Notify(t.Context(), message(alert.Open(&f)))
			var refused alert.Permanent
			var later alert.RetryAfter
			switch {
			case err == nil || strings.Contains(err.Error(), key):
				t.Errorf("error %v", err)
			case errors.As(err, &refused) != (c.fix != "") || !strings.HasPrefix(refused.Fix, c.fix):
				t.Errorf("error %v, fix %q", err, refused.Fix)
			case errors.As(err, &later) != (c.wait != 0) || later.After != c.wait:
				t.Errorf("error %v, wait %s", err, later.After)
			}
		})
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	good := pagerduty.DefaultConfig()
	good.RoutingKey = key
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*pagerduty.Config){
		"pagerduty.routing_key":  func(c *pagerduty.Config) { c.RoutingKey = "" },
		"pagerduty.min_severity": func(c *pagerduty.Config) { c.MinSeverity = 77 },
		"pagerduty.api_url":      func(c *pagerduty.Config) { c.APIURL = "events" },
		"pagerduty.timeout":      func(c *pagerduty.Config) { c.Timeout = 0 },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
