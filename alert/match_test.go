package alert_test

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

func sample() *schema.Incident {
	return &schema.Incident{
		ID: "inc-1", Severity: schema.SeverityHigh, Token: schema.TokenID{0xab}, Consumer: "acme-billing", Environment: "prod",
		Evidence: []schema.Evidence{{Detector: "new_geo"}, {Detector: "odd_hours"}},
		Labels:   map[string]string{"team": "payments"},
	}
}

func TestMatcher(t *testing.T) {
	for text, want := range map[string]bool{
		"severity=high":                      true,
		"severity=low|high":                  true,
		"severity=critical":                  false,
		"severity=high+":                     true,
		"severity=medium+":                   true,
		"severity=critical+":                 false,
		"severity!=critical+":                true,
		"severity!=high":                     false,
		"detector=odd_hours":                 true,
		"detector=odd_*":                     true,
		"detector=traffic_spike":             false,
		"detector!=traffic_spike":            true,
		"detector!=new_geo":                  false,
		"owner=acme-billing":                 true,
		"owner=acme-*":                       true,
		"owner=*":                            true,
		"owner=*bill*":                       true,
		"owner=acme*acme-billing":            false, // the ends must not overlap
		"owner=a*e*g":                        true,
		"owner=b*":                           false,
		"owner=":                             false,
		"owner!=":                            true,
		"environment=staging|prod":           true,
		"environment!=dev":                   true,
		"label.team=payments":                true,
		"label.team=search | pay*":           true,
		"label.tier=":                        true, // it has no such label
		"label.tier=1":                       false,
		"incident=inc-1":                     true,
		"kind=token":                         true,
		"kind=campaign|fleet":                false,
		"kind!=fleet":                        true,
		"token=ab000000*":                    true,
		"token=00000000000000000000ffffffff": false,
	} {
		m, err := alert.ParseMatcher(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if have := m.Matches(sample()); have != want {
			t.Errorf("%s: %v, want %v", text, have, want)
		}
		again, err := alert.ParseMatcher(m.String())
		if err != nil || again.String() != m.String() || again.Matches(sample()) != want {
			t.Errorf("%s is written as %s, which does not mean the same (%v)", text, m, err)
		}
	}
}

func TestMatcherRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "want field=value",
		"owner":                "want field=value",
		"ownr=acme":            "one of severity, detector, owner",
		"label.=x":             "label.NAME",
		"severity=hgih":        `"hgih"`,
		"severity=low|medium+": "stands alone",
	} {
		if _, err := alert.ParseMatcher(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", text, err, want)
		}
	}
}

func TestNoMatchersMatchEverything(t *testing.T) {
	if !(alert.Matchers{}).Matches(sample()) {
		t.Error("refused")
	}
	two := alert.Matchers{matcher(t, "owner=acme-*"), matcher(t, "environment=dev")}
	if two.Matches(sample()) {
		t.Error("one of two conditions is enough")
	}
}

func matcher(t testing.TB, text string) alert.Matcher {
	t.Helper()
	m, err := alert.ParseMatcher(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func FuzzMatcher(f *testing.F) {
	f.Add("owner=a*b*c|d", "aXbYc")
	f.Add("severity!=high+", "")
	f.Fuzz(func(t *testing.T, text, owner string) {
		m, err := alert.ParseMatcher(text)
		if err != nil {
			return
		}
		inc := &schema.Incident{Consumer: owner, Severity: schema.SeverityLow}
		again, err := alert.ParseMatcher(m.String())
		if err != nil || again.Matches(inc) != m.Matches(inc) {
			t.Errorf("%q is written as %q, which is another condition (%v)", text, m, err)
		}
	})
}
