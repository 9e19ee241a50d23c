package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// twice is a token's life of ten days with a night abroad, a day as always, and another such night. It gives the
// events, and where the second night begins.
func twice() (events []schema.Event, again int) {
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	add := func(country string, asn uint32) {
		offset := int64(len(events))
		events = append(events, schema.Event{
			Topic: "t", Offset: offset, Token: schema.TokenID{2}, Time: at, Ingested: at.Add(time.Second), Client: "acme-sdk/2", UserAgent: "acme-sdk/2.1",
			Place: schema.Place{Country: country, City: country, ASN: asn, ASOrg: fmt.Sprint(asn), Network: schema.NetworkBusiness},
		})
	}
	days := func(n int) {
		for range n * 48 {
			add("DE", 3320)
			at = at.Add(30 * time.Minute)
		}
	}
	night := func() {
		for range 300 {
			add("BR", 14061)
			at = at.Add(100 * time.Millisecond)
		}
	}
	days(10)
	night()
	days(2)
	again = len(events)
	night()
	return events, again
}

// A night abroad is found. After "it was us" the same night is quiet; after "confirmed theft" it is louder than if
// nobody had said anything.
func TestVerdictsChangeWhatIsFound(t *testing.T) {
	all, again := twice()
	worst := map[schema.VerdictKind]float64{}
	for _, said := range []schema.VerdictKind{"", schema.VerdictOwner, schema.VerdictTheft} {
		s := &shelf{profiles: map[schema.TokenID]schema.Profile{}, findings: map[string]int{}}
		w := s.watch(detect.DefaultConfig())
		var found []schema.Finding
		w.accept = func(_ context.Context, list []schema.Finding) error { found = append(found, list...); return nil }
		l, err := w.Resume(t.Context(), "t", 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		handle := func(from, to int) {
			show(l, all, int64(from), int64(to))
			l.Cut(int64(to) - 1)
			if err := l.Handle(t.Context(), &schema.Block{Topic: "t", First: int64(from), Last: int64(to) - 1}); err != nil {
				t.Fatal(err)
			}
		}
		first := 480 + 300
		handle(0, first)
		if len(found) == 0 {
			t.Fatal("the first night is not found: nothing is tested")
		}
		if said != "" {
			last := found[len(found)-1]
			for _, l := range w.lanes() {
				l.tell(nil, []schema.Verdict{{
					ID: "v1", Incident: "inc-1", Token: last.Token, Kind: said, By: "test", At: all[first-1].Ingested,
					Since: last.Seen.Since, To: last.Time,
				}}, nil)
			}
		}
		handle(first, again)
		found = nil
		handle(again, len(all))
		for _, f := range found {
			worst[said] = max(worst[said], f.Score)
		}
	}
	if worst[schema.VerdictOwner] != 0 {
		t.Errorf("after \"it was us\" the same night is found again, with a score of %.2f", worst[schema.VerdictOwner])
	}
	if worst[schema.VerdictTheft] <= worst[""] {
		t.Errorf("after \"confirmed\" the same night scores %.2f, without a verdict %.2f", worst[schema.VerdictTheft], worst[""])
	}
}

const slackSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// press posts what Slack posts when somebody presses a button.
func (p *program) press(t *testing.T, user, action, incident string) int {
	t.Helper()
	now := time.Now()
	payload := fmt.Sprintf(`{"type":"block_actions","user":{"id":%q,"username":"alice"},"actions":[{"action_id":%q,"value":%q,"action_ts":"%d.%06d"}]}`,
		user, action, incident, now.Unix(), now.Nanosecond()/1000)
	body := url.Values{"payload": {payload}}.Encode()
	mac := hmac.New(sha256.New, []byte(slackSecret))
	fmt.Fprintf(mac, "v0:%d:%s", now.Unix(), body)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url(slackPath), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Slack-Request-Timestamp", fmt.Sprint(now.Unix()))
	req.Header.Set("X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// learnt gives a token ten days of use, at night and by day, from one place.
func learnt(now time.Time, record func(at time.Time, ip string) string) []string {
	var records []string
	for at := now.Add(-6 * 24 * time.Hour); at.Before(now.Add(-time.Hour)); at = at.Add(20 * time.Minute) {
		records = append(records, record(at, "81.2.69.142"))
	}
	return records
}

// stolen is a burst from elsewhere.
func stolen(now time.Time, record func(at time.Time, ip string) string) []string {
	var records []string
	for i := range 400 {
		records = append(records, strings.ReplaceAll(record(now.Add(-time.Minute+time.Duration(i)*100*time.Millisecond), "177.54.144.10"), "python-requests/2.32.3", "curl/8.7.1"))
	}
	return records
}

// From records in Kafka to a person who is asked in Slack, presses a button, and has the credential deleted at Kong;
// the audit tells it all, and strangers are refused.
func TestAskedInSlackRevokedAtKong(t *testing.T) {
	t.Parallel()
	const credential = "c62c1455-9b1d-4f2d-8797-509ba83b8ae8"
	deleted := make(chan string, 10)
	gateway := listenHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		deleted <- r.Method + " " + r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	})
	channel, err := standin.StartSlack(standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer channel.Close()
	cfg := quick(t.TempDir())
	cfg.Slack.Token, cfg.Slack.Channel, cfg.Slack.APIURL = "xoxb-test", "#soc", channel.APIURL()
	cfg.Slack.SigningSecret, cfg.Slack.AllowedUsers = slackSecret, []string{"U024BE7LH"}
	cfg.Revoke.Mode, cfg.Revoke.MinSeverity, cfg.Revoke.Via = alert.RevokeAsk, schema.SeverityLow, "kong"
	cfg.Revoke.Kong.URL, cfg.Revoke.Webhook.Allow = gateway, []string{"127.0.0.0/8"}
	p := start(t, cfg)
	record := func(at time.Time, ip string) string { return kongRecord(at, credential, ip) }
	past := learnt(time.Now(), record)
	p.produce(t, past...)
	p.settled(t, len(past))
	p.produce(t, stolen(time.Now(), record)...)

	var incident string
	eventually(t, time.Minute, "an incident that asks what to do", func() bool {
		rows := p.ask(t, "SELECT incident FROM revocation_states WHERE state = 'asked'")
		if len(rows) > 0 {
			incident = rows[0]
		}
		return incident != ""
	})
	eventually(t, time.Minute, "the incident in ClickHouse", func() bool {
		return len(p.ask(t, "SELECT id FROM incidents FINAL WHERE id = '"+incident+"'")) == 1
	})
	if status := p.press(t, "U0STRANGER", "tw_revoke", incident); status != http.StatusOK {
		t.Errorf("a stranger's press is answered with %d", status)
	}
	for range 2 {
		if status := p.press(t, "U024BE7LH", "tw_revoke", incident); status != http.StatusOK {
			t.Errorf("the press is answered with %d", status)
		}
	}
	select {
	case call := <-deleted:
		if call != "DELETE /consumers/crm/key-auth/"+credential {
			t.Errorf("Kong was asked to %s", call)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing was revoked")
	}
	eventually(t, time.Minute, "the end of it in the audit", func() bool {
		return len(p.ask(t, "SELECT step FROM revocations WHERE incident = '"+incident+"' AND action = 'revoked'")) == 1
	})
	steps := p.ask(t, "SELECT action FROM revocations WHERE incident = '"+incident+"' ORDER BY step")
	if have := strings.Join(steps, ", "); have != "asked, approved, called, revoked" {
		t.Errorf("the audit says %s", have)
	}
	eventually(t, time.Minute, "a message that says who wanted it", func() bool {
		for _, m := range channel.Messages() {
			if strings.Contains(string(m.Blocks), "Token revoked at") && strings.Contains(string(m.Blocks), "as slack:U024BE7LH (alice) wanted") {
				return true
			}
		}
		return false
	})
	if rows := p.ask(t, "SELECT count() FROM verdicts WHERE by LIKE '%STRANGER%'"); rows[0] != "0" {
		t.Error("the stranger's press was kept")
	}
	if status := p.press(t, "U024BE7LH", "tw_owner", incident); status != http.StatusOK {
		t.Errorf("the verdict is answered with %d", status)
	}
	eventually(t, time.Minute, "an incident that is over", func() bool {
		rows := p.ask(t, "SELECT state FROM incidents FINAL WHERE id = '"+incident+"'")
		return len(rows) == 1 && rows[0] == "resolved"
	})
	var out, errs strings.Builder
	command := &process{ctx: t.Context(), environ: []string{"TOKENWATCH_DATA_DIR=" + cfg.DataDir, "TOKENWATCH_KAFKA_PORT=0"}, stdout: &out, stderr: &errs}
	if code := command.main([]string{"revoke", "restore", incident, "--by", "bob", "--wait", "30s"}); code != 0 {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{"Restoring wanted, says cli:bob", "revoked: not restored: what was deleted from Kong does not come back: give the owner a new credential"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the command says %q, and not %q; %s", out.String(), want, errs.String())
		}
	}
	if len(deleted) > 0 {
		t.Errorf("Kong was called again: %s", <-deleted)
	}
}

func listenHTTP(t *testing.T, handle http.HandlerFunc) (url string) {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

// In automatic mode a finding is not kept waiting: what is measured is from the append of the record that tipped the
// scale to the call of the gateway, while blocks are otherwise stored every five seconds only.
func TestAutomaticDoesNotWait(t *testing.T) {
	t.Parallel()
	called := make(chan time.Time, 10)
	gateway := listenHTTP(t, func(w http.ResponseWriter, r *http.Request) { called <- time.Now() })
	cfg := quick(t.TempDir())
	cfg.Revoke.Mode, cfg.Revoke.MinSeverity = alert.RevokeAutomatic, schema.SeverityLow
	cfg.Revoke.MaxPerHour, cfg.Revoke.MaxPerOwner = 1000, 1000
	cfg.Revoke.Webhook.URL, cfg.Revoke.Webhook.Secret, cfg.Revoke.Webhook.Allow = gateway, revokeSecret, []string{"127.0.0.0/8"}
	cfg.Ingest.Block.FlushInterval = 5 * time.Second
	p := start(t, cfg)
	elsewhere := []string{"177.54.144.10", "133.11.0.1", "196.25.1.1", "77.88.8.8", "61.135.169.125", "203.2.218.214", "190.98.248.1", "197.210.64.1"}
	tokens := len(elsewhere)
	now, past := time.Now(), 0
	own := func(i int) func(time.Time, string) string {
		return func(at time.Time, ip string) string {
			if ip != "81.2.69.142" {
				ip = elsewhere[i] // thieves of different tokens have nothing in common
			}
			record := ownRecord(at, fmt.Sprintf("sk-live-%02dQkZxWvTyRmPqLsNdBgHjKcFa", i), ip)
			return strings.Replace(record, `"acme"`, fmt.Sprintf(`"owner-%d"`, i), 1)
		}
	}
	for i := range tokens {
		records := learnt(now, own(i))
		past += len(records)
		p.produce(t, records...)
	}
	p.settled(t, past)
	var took []time.Duration
	for i := range tokens {
		records := stolen(time.Now(), own(i))
		began := time.Now()
		p.produce(t, records...)
		select {
		case at := <-called:
			took = append(took, at.Sub(began))
		case <-time.After(time.Minute):
			t.Fatalf("token %d was not revoked", i)
		}
	}
	slices.Sort(took)
	t.Logf("from produced to called: median %s, slowest %s", took[len(took)/2], took[len(took)-1])
	if median := took[len(took)/2]; median > 3*time.Second {
		t.Errorf("median %s: findings wait for their block to become old", median)
	}
	eventually(t, time.Minute, "every token in the audit", func() bool {
		return p.ask(t, "SELECT uniqExact(token) FROM revocations WHERE action = 'revoked'")[0] == fmt.Sprint(tokens)
	})
}
