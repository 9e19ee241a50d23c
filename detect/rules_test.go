package detect_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestAllowances: an entry silences what its kind is about, or the detectors that it names, for what it names and as
// long as it holds.
func TestAllowances(t *testing.T) {
	ann := tokenOf("ann").String()
	for _, c := range []struct {
		kind      schema.AllowKind
		value     string
		detectors []string
		want      string // detectors that still speak
	}{
		{"", "", nil, "new_client new_geo odd_hours"},
		{schema.AllowCountry, "ng", nil, "new_client odd_hours"},
		{schema.AllowASN, "AS37282", nil, "new_client odd_hours"},
		{schema.AllowCIDR, "81.2.0.0/16", nil, "new_client odd_hours"},
		{schema.AllowCIDR, "81.3.0.0/16", nil, "new_client new_geo odd_hours"},
		{schema.AllowClient, "curl", nil, "new_geo odd_hours"},
		{schema.AllowClient, "curl/8", nil, "new_geo odd_hours"},
		{schema.AllowClient, "curl/7", nil, "new_client new_geo odd_hours"},
		{schema.AllowToken, ann, nil, ""},
		{schema.AllowToken, strings.Repeat("ab", 16), nil, "new_client new_geo odd_hours"},
		{schema.AllowLabel, "consumer=ac*", nil, ""},
		{schema.AllowLabel, "environment=dev", nil, "new_client new_geo odd_hours"},
		{schema.AllowLabel, "environment=prod", []string{"odd_hours"}, "new_client new_geo"},
		{schema.AllowCountry, "NG", []string{"new_client"}, "new_geo odd_hours"},
	} {
		t.Run(string(c.kind)+" "+c.value, func(t *testing.T) {
			cfg := detect.DefaultConfig()
			cfg.AlertNats = 1
			s := newSceneWith(t, cfg)
			add := schema.Allowance{ID: "a", Action: schema.AllowAdd, At: s.at, Kind: c.kind, Value: c.value, Detectors: c.detectors}
			s.engine.Allow([]schema.Allowance{add})
			if have := speakers(s.request(17*time.Hour, lagos, "curl/8")); have != c.want {
				t.Errorf("have %q, want %q", have, c.want)
			}
		})
	}
}

// TestAllowancesHoldForATime: before they were made, after they were removed and when they are over, events are judged as
// if they had never been.
func TestAllowancesHoldForATime(t *testing.T) {
	cfg := detect.DefaultConfig()
	for name, c := range map[string]struct {
		change func(at time.Time) []schema.Allowance
		quiet  bool
	}{
		"holds": {func(at time.Time) []schema.Allowance {
			return []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: at}}
		}, true},
		"later": {func(at time.Time) []schema.Allowance {
			return []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: at.AddDate(0, 0, 2)}}
		}, false},
		"over": {func(at time.Time) []schema.Allowance {
			return []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: at, Until: at.Add(time.Hour)}}
		}, false},
		"removed": {func(at time.Time) []schema.Allowance {
			return []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: at}, {ID: "a", Action: schema.AllowRemove, At: at.Add(time.Hour)}}
		}, false},
		"removed later": {func(at time.Time) []schema.Allowance {
			return []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: at}, {ID: "a", Action: schema.AllowRemove, At: at.AddDate(0, 0, 2)}}
		}, true},
		"again": {func(at time.Time) []schema.Allowance {
			return []schema.Allowance{{ID: "a", Action: schema.AllowAdd, At: at}, {ID: "a", Action: schema.AllowRemove, At: at.Add(time.Hour)}, {ID: "a", Action: schema.AllowAdd, At: at.Add(2 * time.Hour)}}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSceneWith(t, cfg)
			changes := c.change(s.at)
			for i := range changes {
				changes[i].Kind, changes[i].Value = schema.AllowLabel, "consumer=acme"
			}
			s.engine.Allow(changes)
			if f := s.request(17*time.Hour, lagos, "curl/8"); (f == nil) != c.quiet {
				t.Errorf("found %v", f)
			}
		})
	}
}

// TestAllowInTheConfiguration: entries of the configuration hold from the beginning, until their date.
func TestAllowInTheConfiguration(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.Allow = map[string]detect.AllowEntry{
		"office": {Country: "NG", Owner: "net", Reason: "an office there", Until: time.Date(2026, 3, 24, 0, 0, 0, 0, time.UTC)},
		"tools":  {Client: "curl", Owner: "net", Reason: "everybody has it"},
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	s := newSceneWith(t, cfg)
	if f := s.request(17*time.Hour, lagos, "curl/8"); f != nil {
		t.Errorf("found %s", f.Summary)
	}
	s = newSceneWith(t, cfg)
	s.work(2)
	if f := s.request(17*time.Hour, lagos, "okhttp/4"); f == nil {
		t.Error("the office is closed, and not found")
	}
}

// TestSimulate: what a detector on trial says is told, and nothing else changes: not the other findings, not what is learnt.
func TestSimulate(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.Simulate = []string{"new_geo"}
	s := newSceneWith(t, cfg)
	f := s.request(time.Hour, lagos, "curl/8")
	if f == nil || !f.Simulated || f.Score < 1 {
		t.Fatalf("have %+v", f)
	}
	for _, e := range f.Evidence {
		if e.Simulated != (e.Detector == "new_geo") {
			t.Errorf("%s: simulated is %v", e.Detector, e.Simulated)
		}
	}
	if f.Seen.Requests != 1 || f.Seen.Places[0] != "Lagos, NG" || f.Normal.Days == 0 {
		t.Errorf("it lacks what was seen: %+v", f.Seen)
	}
	for day := range 3 {
		s.at = s.at.AddDate(0, 0, 1)
		if f := s.request(time.Hour, lagos, "python-requests/2"); f != nil && !f.Simulated {
			t.Errorf("day %d: a trial alerts: %s", day, f.Summary)
		}
	}
	found := len(s.found)
	s.at = s.at.AddDate(0, 0, 1)
	if s.request(time.Hour, lagos, "python-requests/2"); len(s.found) > found {
		t.Error("what only a trial speaks against is not learnt")
	}
}

// TestThresholds: the lowest factor of the entries that match holds.
func TestThresholds(t *testing.T) {
	for name, c := range map[string]struct {
		thresholds map[string]detect.Threshold
		want       float64 // of the score without
	}{
		"none":        {nil, 1},
		"half":        {map[string]detect.Threshold{"a": {Consumer: "acme", Factor: 0.8}}, 0.8},
		"pattern":     {map[string]detect.Threshold{"a": {Consumer: "*c*e", Environment: "p*d", Factor: 2}}, 2},
		"other owner": {map[string]detect.Threshold{"a": {Consumer: "acme-2", Factor: 2}}, 1},
		"one of both": {map[string]detect.Threshold{"a": {Consumer: "acme", Environment: "dev", Factor: 2}}, 1},
		"two":         {map[string]detect.Threshold{"a": {Consumer: "*", Factor: 3}, "b": {Environment: "prod", Factor: 0.9}}, 0.9},
		"never":       {map[string]detect.Threshold{"a": {Consumer: "*", Factor: 3}, "b": {Environment: "prod", Never: true}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := detect.DefaultConfig()
			whole := newSceneWith(t, cfg).request(17*time.Hour, lagos, "curl/8").Score
			cfg.Thresholds = c.thresholds
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			s := newSceneWith(t, cfg)
			f := s.request(17*time.Hour, lagos, "curl/8")
			if have := s.engine.Score(); have < whole*c.want-1e-9 || have > whole*c.want+1e-9 {
				t.Errorf("the engine says %f, want %f times %f", have, c.want, whole)
			}
			if c.want*whole < 1 {
				if f != nil {
					t.Errorf("found, with a score of %f", f.Score)
				}
			} else if f == nil || f.Score < whole*c.want-1e-9 || f.Score > whole*c.want+1e-9 {
				t.Errorf("have %+v, want %f times %f", f, c.want, whole)
			}
		})
	}
}

func TestBadRules(t *testing.T) {
	for want, change := range map[string]func(*detect.Config){
		`detect.simulate: "new_gio" is no detector: want some of `:     func(c *detect.Config) { c.Simulate = []string{"new_gio"} },
		`detect.thresholds.a: want a consumer, an environment or both`: func(c *detect.Config) { c.Thresholds = map[string]detect.Threshold{"a": {Factor: 1}} },
		`detect.thresholds.a.factor: want a number from 0.05 to 20`:    func(c *detect.Config) { c.Thresholds = map[string]detect.Threshold{"a": {Consumer: "x"}} },
		`detect.thresholds.a: factor and never exclude each other`: func(c *detect.Config) {
			c.Thresholds = map[string]detect.Threshold{"a": {Consumer: "x", Factor: 1, Never: true}}
		},
		`detect.allow.a: want exactly one of cidr, asn`: func(c *detect.Config) { c.Allow = map[string]detect.AllowEntry{"a": {Owner: "x", Reason: "y"}} },
		`detect.allow.a: owner: missing`:                func(c *detect.Config) { c.Allow = map[string]detect.AllowEntry{"a": {ASN: "1", Reason: "y"}} },
		`detect.allow.a: "traffic" is no detector`: func(c *detect.Config) {
			c.Allow = map[string]detect.AllowEntry{"a": {ASN: "1", Owner: "x", Reason: "y", Detectors: []string{"traffic"}}}
		},
		`detect.allow.a: country: "Germany": want two letters such as DE`: func(c *detect.Config) {
			c.Allow = map[string]detect.AllowEntry{"a": {Country: "Germany", Owner: "x", Reason: "y"}}
		},
	} {
		cfg := detect.DefaultConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
	}
}

// newSceneWith is newScene with another configuration.
func newSceneWith(t *testing.T, cfg detect.Config) *scene {
	t.Helper()
	s := &scene{t: t, engine: detect.New(cfg, "t", 0), at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	s.work(20)
	s.found = nil
	return s
}

func speakers(f *schema.Finding) string {
	if f == nil {
		return ""
	}
	var names []string
	for _, e := range f.Evidence {
		names = append(names, e.Detector)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}
