package alert_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// together makes a finding about many tokens, told under one of them.
func together(kind schema.FindingKind, group string, lead byte, n uint32, count int) schema.Finding {
	f := finding(lead, n, time.Now())
	f.Kind, f.Group, f.TokenCount, f.Severity, f.Normal = kind, group, count, schema.SeverityHigh, schema.Normal{}
	f.Summary = "12 tokens of 5 owners were used from AS14061 within 10 min, which is new to each of them"
	f.Seen = schema.Seen{Since: f.Time, Requests: uint64(count), Networks: []string{"AS14061 DigitalOcean (hosting)"}}
	f.Evidence = []schema.Evidence{{Detector: string(kind), Key: string(kind) + ":network:AS14061", Time: f.Time, LLR: 9, Seen: f.Summary, Normal: "new to each of them"}}
	for i := range min(count, 64) {
		f.Tokens = append(f.Tokens, schema.TokenID{lead + byte(i)})
	}
	if kind == schema.FindingFleet {
		f.Severity = schema.SeverityLow
	}
	return f
}

// A campaign is one incident whatever token leads it, beside those of its tokens; its message says how many there are.
func TestCampaignIsOneIncident(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack"}
		cfg := alert.DefaultConfig()
		cfg.ConsoleURL = "https://tokenwatch.example.org/"
		d, stop := running(t, cfg, log, slack)
		defer stop()
		first := together(schema.FindingCampaign, "g1", 1, 1, 12)
		accept(t, d, first, finding(1, 2, time.Now()), together(schema.FindingCampaign, "g2", 1, 3, 2))
		synctest.Wait()
		accept(t, d, together(schema.FindingCampaign, "g1", 5, 4, 90), first)
		time.Sleep(time.Minute)
		if n := len(log.all()); n != 3 {
			t.Fatalf("%d incidents, want one a campaign and one of the token", n)
		}
		inc := log.all()[alert.Open(&first).ID]
		if inc.Kind != schema.FindingCampaign || inc.Group != "g1" || inc.TokenCount != 90 || len(inc.Tokens) != 64 || inc.Tokens[0] != (schema.TokenID{1}) || len(inc.Findings) != 2 {
			t.Errorf("%+v", inc)
		}
		var last alert.Message
		for _, c := range slack.heard() {
			if c.m.Incident.ID == inc.ID {
				last = c.m
			}
		}
		if last.Title != "HIGH · campaign: 90 tokens of acme-billing" || last.Picture != nil || last.Hours != nil {
			t.Errorf("%q, a picture: %t, hours: %v", last.Title, last.Picture != nil, last.Hours)
		}
		if r := last.Rows[0]; r.Label != "Tokens" || r.Seen != "90 tokens: 01000000…, 02000000…, 03000000…, 04000000… and 86 more" {
			t.Errorf("%+v", r)
		}
		for _, r := range last.Rows {
			if r.Label == "Volume" || r.Label == "Rate" {
				t.Errorf("a number of tokens is told as one of requests: %+v", r)
			}
		}
		text, err := json.Marshal([]any{last.Footer, last.Queries, last.Facts})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"https://tokenwatch.example.org/tokens/0100", "FROM incidents FINAL WHERE id = '" + inc.ID + "'", "90 tokens"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("no %q in %s", want, text)
			}
		}
	})
}

// A group's incident is taken over with its group by who starts next: its findings go on in it.
func TestCampaignOutlastsTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		d, stop := running(t, alert.DefaultConfig(), log, &channel{name: "slack"})
		accept(t, d, together(schema.FindingCampaign, "g1", 1, 1, 3))
		stop()
		d, stop = running(t, alert.DefaultConfig(), log, &channel{name: "slack"})
		defer stop()
		accept(t, d, together(schema.FindingCampaign, "g1", 2, 2, 5))
		if inc := log.only(t); inc.TokenCount != 6 || len(inc.Findings) != 2 {
			t.Errorf("%+v", inc)
		}
	})
}

// A fleet event is kept though it is of low severity, and told only where a route speaks of it. Once it turns out to be
// a campaign, everybody is told.
func TestFleetEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack"}
		d, stop := running(t, alert.DefaultConfig(), log, slack)
		defer stop()
		accept(t, d, together(schema.FindingFleet, "g1", 1, 1, 40))
		time.Sleep(time.Hour)
		inc := log.only(t)
		if inc.Severity != schema.SeverityLow || inc.Kind != schema.FindingFleet || len(inc.Deliveries) != 0 || len(slack.heard()) != 0 {
			t.Errorf("%+v, told %d times", inc, len(slack.heard()))
		}
		if title := alert.Compose(inc, func(schema.Delivery) string { return "" }).Title; title != "LOW · fleet event: 40 tokens of acme-billing" {
			t.Errorf("%q", title)
		}
		accept(t, d, together(schema.FindingCampaign, "g1", 1, 2, 40))
		time.Sleep(time.Minute)
		if calls := slack.heard(); len(calls) != 1 || calls[0].m.Title != "HIGH · campaign: 40 tokens of acme-billing" {
			t.Errorf("%d calls", len(calls))
		}
	})
}

// Which of two channels hear of a fleet event.
func TestRoutesOfFleetEvents(t *testing.T) {
	all, fleet := alert.Route{Receivers: []string{"slack"}}, alert.Route{Receivers: []string{"email"}, Match: matchers(t, "kind=fleet")}
	open := alert.Route{Match: matchers(t, "kind!=token"), Routes: []alert.Route{all}}
	closed := alert.Route{Routes: []alert.Route{all}}
	inc := sample()
	inc.Kind = schema.FindingFleet
	for name, c := range map[string]struct {
		routes []alert.Route
		want   string
	}{
		"none": {nil, ""}, "one for all": {[]alert.Route{all}, ""}, "one of its own": {[]alert.Route{fleet}, "email"},
		"behind one for all": {[]alert.Route{all, fleet}, "email"}, "within one that is open": {[]alert.Route{open}, "slack"}, "within one that is not": {[]alert.Route{closed, fleet}, "email"},
	} {
		cfg := alert.DefaultConfig()
		cfg.Routes = c.routes
		told := ""
		for _, channel := range []string{"slack", "email"} {
			if cfg.Decide(inc, channel, nil, false, noon, noon).Tell {
				told += channel
			}
		}
		if told != c.want {
			t.Errorf("%s: told %q, want %q", name, told, c.want)
		}
	}
}

// All findings of a group come to one place, those of its tokens stay with them.
func TestFindingKeyOfGroup(t *testing.T) {
	one, other := together(schema.FindingCampaign, "g1", 1, 1, 3), together(schema.FindingFleet, "g1", 2, 2, 3)
	other.Former = schema.TokenID{9}
	token := finding(1, 3, time.Now())
	if string(alert.FindingKey(&one)) != string(alert.FindingKey(&other)) || string(alert.FindingKey(&one)) == string(alert.FindingKey(&token)) {
		t.Errorf("%s, %s, %s", alert.FindingKey(&one), alert.FindingKey(&other), alert.FindingKey(&token))
	}
}

// No rule revokes a token because of a group that it leads, and a person is told why not.
func TestGroupIsNotRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, revokeConfig(alert.RevokeAutomatic), nil)
		id := w.theft(t, 1, func(f *schema.Finding) {
			*f = together(schema.FindingCampaign, "g1", 1, 1, 12)
			f.Severity = schema.SeverityCritical
		})
		time.Sleep(time.Hour)
		w.expect(t, id, "", "")
		w.say(t, id, schema.VerdictRevoke)
		if stands := w.stands(t, id); stands != "refused it is about 12 tokens: revoke each by an incident of its own" {
			t.Errorf("it stands at %q", stands)
		}
		if calls := w.gate.made(); len(calls) != 0 {
			t.Errorf("calls %q", calls)
		}
	})
}

// "It was us" allows every token that is named; a press that would take one out of use is refused.
func TestClerkOfGroup(t *testing.T) {
	f := together(schema.FindingCampaign, "g1", 1, 1, 3)
	inc := alert.Open(&f)
	r := &registry{memory: newMemory()}
	_ = r.SaveIncident(t.Context(), &inc)
	clerk := alert.Clerk{Registry: r}
	press := alert.Press{ID: "p1", Incident: inc.ID, Kind: schema.VerdictOwner, By: "bo", At: time.Now(), Allow: true}
	if _, err := clerk.Take(t.Context(), press); err != nil {
		t.Fatal(err)
	}
	ids, values := map[string]bool{}, map[string]bool{}
	for _, a := range r.allowed {
		ids[a.ID], values[a.Value] = true, true
		if err := a.Check(); err != nil {
			t.Errorf("%+v: %v", a, err)
		}
	}
	if len(ids) != 3 || len(values) != 3 || !values[schema.TokenID{2}.String()] {
		t.Errorf("%+v", r.allowed)
	}
	press.ID, press.Kind = "p2", schema.VerdictRevoke
	if _, err := clerk.Take(t.Context(), press); !errors.Is(err, alert.ErrRefused) || !strings.Contains(err.Error(), "about 3 tokens") {
		t.Errorf("%v", err)
	}
}
