package alert_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

func matchers(t testing.TB, texts ...string) (list alert.Matchers) {
	t.Helper()
	for _, text := range texts {
		list = append(list, matcher(t, text))
	}
	return list
}

// Which of the three channels hear of an incident (that of sample: high, acme-billing, prod, team payments).
func TestRoutes(t *testing.T) {
	channels := []string{"slack", "telegram", "pagerduty"}
	to := func(receivers ...string) alert.Route { return alert.Route{Receivers: receivers} }
	when := func(r alert.Route, conditions ...string) alert.Route {
		r.Match = matchers(t, conditions...)
		return r
	}
	onwards := func(r alert.Route) alert.Route { r.Continue = true; return r }
	for _, c := range []struct {
		name   string
		routes []alert.Route
		want   string
	}{
		{"no tree: everybody", nil, "slack telegram pagerduty"},
		{"nothing matches: everybody", []alert.Route{when(to("slack"), "environment=dev")}, "slack telegram pagerduty"},
		{"the first that matches", []alert.Route{when(to("slack"), "severity=high+"), to("telegram")}, "slack"},
		{"and those behind it", []alert.Route{onwards(when(to("slack"), "severity=high+")), to("telegram")}, "slack telegram"},
		{"by label", []alert.Route{when(to("pagerduty"), "label.team=payments"), to("slack")}, "pagerduty"},
		{"by detector", []alert.Route{when(to("telegram"), "detector=odd_hours"), to("slack")}, "telegram"},
		{"by owner and environment", []alert.Route{when(to("telegram"), "owner=acme-*", "environment=dev"), to("slack")}, "slack"},
		{"nobody", []alert.Route{to("none")}, ""},
		{"the inner route counts", []alert.Route{{Receivers: []string{"slack"}, Routes: []alert.Route{when(to("telegram"), "environment=prod")}}}, "telegram"},
		{"or the outer where none does", []alert.Route{{Receivers: []string{"slack"}, Routes: []alert.Route{when(to("telegram"), "environment=dev")}}}, "slack"},
		{"receivers are inherited", []alert.Route{{Receivers: []string{"slack"}, Routes: []alert.Route{when(alert.Route{}, "environment=prod")}}}, "slack"},
		{"no receivers: everybody", []alert.Route{when(alert.Route{}, "environment=prod")}, "slack telegram pagerduty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := alert.DefaultConfig()
			cfg.Routes = c.routes
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			var told []string
			for _, channel := range channels {
				if cfg.Decide(sample(), channel, nil, false, noon, noon).Tell {
					told = append(told, channel)
				}
			}
			if have := strings.Join(told, " "); have != c.want {
				t.Errorf("told %q, want %q", have, c.want)
			}
		})
	}
}

// What was told once goes on being told there, whatever the routes say by then.
func TestRoutesDoNotAbandonAMessage(t *testing.T) {
	cfg := alert.DefaultConfig()
	cfg.Routes = []alert.Route{{Receivers: []string{"none"}}}
	if !cfg.Decide(sample(), "slack", nil, true, noon, noon).Tell {
		t.Error("the message that is there is not kept up to date")
	}
}

func TestGathering(t *testing.T) {
	cfg := alert.DefaultConfig()
	cfg.Routes = []alert.Route{
		{Match: matchers(t, "severity=critical"), Repeat: time.Hour},
		{GroupWait: 30 * time.Second, Routes: []alert.Route{
			{Match: matchers(t, "environment=dev"), Digest: 24 * time.Hour}, {Match: matchers(t, "owner=acme-*")},
		}},
	}
	inc := sample()
	since := noon.Add(90 * time.Minute)
	d := cfg.Decide(inc, "slack", nil, false, since, since)
	if !d.After.Equal(since.Add(30*time.Second)) || d.Group == "" || d.Why != "group_wait" {
		t.Errorf("group_wait: %+v", d)
	}
	if again := cfg.Decide(inc, "slack", nil, true, since, since); !again.After.IsZero() {
		t.Errorf("what was told already is held back: %+v", again)
	}
	inc.Environment = "dev"
	other := cfg.Decide(inc, "slack", nil, false, since, since)
	if want := noon.Truncate(24 * time.Hour).Add(24 * time.Hour); !other.After.Equal(want) || other.Group == d.Group || other.Why != "digest" {
		t.Errorf("digest: %+v, want it at %s and apart from the others", other, want)
	}
	inc.Severity = schema.SeverityCritical
	if d := cfg.Decide(inc, "slack", nil, false, since, since); !d.After.IsZero() || d.Group != "" || d.Repeat != time.Hour {
		t.Errorf("critical: %+v", d)
	}
}

func TestSilences(t *testing.T) {
	valid := schema.Silence{ID: "a", Matchers: []string{"owner=acme-*"}, By: "alice", Reason: "pen test", From: noon, Until: noon.Add(time.Hour)}
	s, err := alert.ReadSilence(valid)
	if err != nil {
		t.Fatal(err)
	}
	cfg, list := alert.DefaultConfig(), []alert.Silence{s}
	for at, held := range map[time.Duration]bool{-time.Second: false, 0: true, 59 * time.Minute: true, time.Hour: false} {
		d := cfg.Decide(sample(), "slack", list, false, noon, noon.Add(at))
		if d.Silenced != held || held && (!d.After.Equal(valid.Until) || d.Why != "silenced by alice: pen test") {
			t.Errorf("after %s: %+v, want silenced %v", at, d, held)
		}
	}
	other := sample()
	other.Consumer = "globex"
	if cfg.Decide(other, "slack", list, false, noon, noon).Silenced {
		t.Error("somebody else is silenced")
	}
	for want, spoil := range map[string]func(*schema.Silence){
		"needs a condition":   func(s *schema.Silence) { s.Matchers = nil },
		"answerable":          func(s *schema.Silence) { s.By = "" },
		"needs a reason":      func(s *schema.Silence) { s.Reason = "" },
		"end after it begins": func(s *schema.Silence) { s.Until = s.From },
		"90 days at most":     func(s *schema.Silence) { s.Until = s.From.Add(91 * 24 * time.Hour) },
		"want field=value":    func(s *schema.Silence) { s.Matchers = []string{"everything"} },
	} {
		bad := valid
		spoil(&bad)
		if _, err := alert.ReadSilence(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

func TestRoutesRefused(t *testing.T) {
	slack := []alert.Notifier{&channel{name: "slack"}}
	for want, spoil := range map[string]func(*alert.Config){
		`alert.routes[0].receivers: no channel "slak" is configured; there are ["slack"]`: func(c *alert.Config) { c.Routes = []alert.Route{{Receivers: []string{"slak"}}} },
		`alert.routes[0].routes[1].receivers: no channel "x"`: func(c *alert.Config) {
			c.Routes = []alert.Route{{Routes: []alert.Route{{}, {Receivers: []string{"x"}}}}}
		},
		"alert.routes[0].receivers: none stands alone":            func(c *alert.Config) { c.Routes = []alert.Route{{Receivers: []string{"none", "slack"}}} },
		"alert.routes[0].repeat: 1s is less than 1m":              func(c *alert.Config) { c.Routes = []alert.Route{{Repeat: time.Second}} },
		"must not be negative":                                    func(c *alert.Config) { c.Routes = []alert.Route{{Routes: []alert.Route{{Digest: -1}}}} },
		`alert.receivers.slack: no channel "pager" is configured`: func(c *alert.Config) { c.Receivers = map[string]alert.Receiver{"slack": {Fallback: "pager"}} },
		"a channel cannot stand in for itself":                    func(c *alert.Config) { c.Receivers = map[string]alert.Receiver{"slack": {Fallback: "slack"}} },
		`alert.receivers.slack.time_zone: "Mars" is none`:         func(c *alert.Config) { c.Receivers = map[string]alert.Receiver{"slack": {TimeZone: "Mars"}} },
		"alert.labels: entry 1 has nothing under set":             func(c *alert.Config) { c.Labels = []alert.Labels{{}} },
		"alert.console_url":                                       func(c *alert.Config) { c.ConsoleURL = "console" },
		"alert.incidents_topic":                                   func(c *alert.Config) { c.IncidentsTopic = c.FindingsTopic },
		"alert.findings_topic":                                    func(c *alert.Config) { c.FindingsTopic = "" },
		"alert.partitions":                                        func(c *alert.Config) { c.Partitions = 0 },
		"alert.digest_after":                                      func(c *alert.Config) { c.DigestAfter = 0 },
		"alert.give_up_after":                                     func(c *alert.Config) { c.GiveUpAfter = 0 },
		"alert.fallback_after":                                    func(c *alert.Config) { c.FallbackAfter = -1 },
	} {
		cfg := alert.DefaultConfig()
		spoil(&cfg)
		if _, err := alert.New(cfg, newMemory(), slack); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
