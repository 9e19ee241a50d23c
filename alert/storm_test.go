package alert_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/slack"
	"github.com/tokenwatch/tokenwatch/alert/telegram"
	"github.com/tokenwatch/tokenwatch/alert/webhook"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

const signing = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// unpaced hides a notifier's Pace: a test has no minute to spare, a stand-in no limit.
type unpaced struct{ alert.Notifier }

// faults goes wrong in every way that a vendor does, for a part of the calls.
func faults(seed uint64) standin.Faults {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(int) standin.Fault {
		switch n := r.IntN(100); {
		case n < 2:
			return standin.Fault{Status: 429, RetryAfter: time.Second}
		case n < 8:
			return standin.Fault{Status: 500}
		case n < 12:
			return standin.Fault{Reset: true}
		case n < 15:
			return standin.Fault{Delay: 100 * time.Millisecond}
		}
		return standin.Fault{}
	}
}

// stage is the three stand-ins and the notifiers that speak to them.
type stage struct {
	slack    *standin.Slack
	telegram *standin.Telegram
	revoke   *standin.Revoke
}

func setStage(t *testing.T, seed uint64) *stage {
	t.Helper()
	s := &stage{}
	var err error
	if s.slack, err = standin.StartSlack(standin.Options{Faults: faults(seed)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.slack.Close() })
	if s.telegram, err = standin.StartTelegram(standin.Options{Faults: faults(seed + 1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.telegram.Close() })
	if s.revoke, err = standin.StartRevoke(standin.Options{Secret: signing, Faults: faults(seed + 2)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.revoke.Close() })
	return s
}

func (s *stage) notifiers(t *testing.T) []alert.Notifier {
	t.Helper()
	sc, tc, rc := slack.DefaultConfig(), telegram.DefaultConfig(), webhook.DefaultConfig()
	sc.Token, sc.Channel, sc.APIURL = "xoxb-1", "soc", s.slack.APIURL()
	tc.Token, tc.ChatID, tc.APIURL = "1:a", "7", s.telegram.URL()
	rc.URL, rc.Secret, rc.Allow = s.revoke.URL(), signing, []string{"127.0.0.0/8"}
	sn, err1 := slack.New(sc)
	tn, err2 := telegram.New(tc)
	rn, err3 := webhook.New(rc)
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	return []alert.Notifier{unpaced{sn}, unpaced{tn}, &revoking{actor{channel{name: "revoke"}}, rn}}
}

// revoking is an actor that has critical incidents' tokens revoked, and asks nobody.
type revoking struct {
	actor
	gateway *webhook.Gateway
}

func (r *revoking) Notify(ctx context.Context, m alert.Message) (string, error) {
	if m.Incident.Severity < schema.SeverityCritical {
		return "", alert.ErrSkip
	}
	_, err := r.gateway.Revoke(ctx, alert.Order{ID: "revoke-" + m.Incident.ID, Incident: m.Incident})
	return "revoke-" + m.Incident.ID, err
}

func (r *revoking) Describe(d schema.Delivery) string {
	if d.Error == "" {
		return "Token revoked at " + d.At.UTC().Format("15:04:05")
	}
	return r.actor.Describe(d)
}

// A storm of incidents, destinations that answer 429, 500, resets and slowness, and a
// process that is killed twice: every incident arrives everywhere, each token is revoked
// once, and messages are repeated at most where a crash cut a call off.
func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const incidents, crashes = 90, 2
	s, log := setStage(t, 7), newMemory()
	cfg := alert.DefaultConfig()
	cfg.UpdateEvery = 50 * time.Millisecond

	var findings []schema.Finding
	for n := range incidents {
		f := finding(byte(n+1), uint32(n), time.Now())
		if n%3 == 0 {
			f.Severity = schema.SeverityCritical
		}
		findings = append(findings, f)
	}
	for life := range crashes + 1 {
		d, stop := running(t, cfg, log, s.notifiers(t)...)
		accept(t, d, findings[:incidents*(life+1)/(crashes+1)]...) // replays and all
		if life < crashes {
			time.Sleep(300 * time.Millisecond)
			log = crash(log, stop)
			continue
		}
		defer stop()
	}
	await(t, log, incidents)

	for name, texts := range map[string][]string{"slack": s.slackTexts(), "telegram": s.telegramTexts()} {
		total := 0
		for _, f := range findings {
			n := count(texts, alert.Open(&f).ID)
			total += n
			if n == 0 {
				t.Errorf("%s never heard of %s", name, alert.Open(&f).ID)
			}
		}
		if total > incidents+crashes {
			t.Errorf("%s got %d messages about %d incidents in %d lives", name, total, incidents, crashes+1)
		}
	}
	acted := map[string]int{}
	for _, r := range s.revoke.Requests() {
		if !r.Repeated {
			acted[r.Token]++
		}
	}
	if len(acted) != incidents/3 {
		t.Errorf("%d tokens were revoked, want %d", len(acted), incidents/3)
	}
	t.Logf("calls: slack %d, telegram %d, revoke %d", s.slack.Calls(), s.telegram.Calls(), s.revoke.Calls())
}

// await waits until every incident is delivered everywhere as it stands.
func await(t *testing.T, log *memory, incidents int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		behind := incidents - len(log.all())
		for _, inc := range log.all() {
			behind += lagging(inc)
		}
		if behind == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d deliveries are missing", behind)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func lagging(inc schema.Incident) int {
	want := map[string]bool{"slack": true, "telegram": true, "revoke": inc.Severity == schema.SeverityCritical}
	for _, d := range inc.Deliveries {
		if d.Ref != "" && (d.Destination == "revoke" || d.Revision == inc.Revision) {
			delete(want, d.Destination)
		}
	}
	behind := 0
	for _, missing := range want {
		if missing {
			behind++
		}
	}
	return behind
}

func (s *stage) slackTexts() (texts []string) {
	for _, m := range s.slack.Messages() {
		texts = append(texts, m.Rendered)
	}
	return texts
}

func (s *stage) telegramTexts() (texts []string) {
	for _, m := range s.telegram.Messages() {
		texts = append(texts, m.Text)
	}
	return texts
}

func count(texts []string, id string) (n int) {
	for _, text := range texts {
		n += strings.Count(text, id)
	}
	return n
}

// What was done shows where people look.
func TestRevocationShowsInTheChannel(t *testing.T) {
	s, log := setStage(t, 1), newMemory()
	s.slack.Break(nil)
	s.telegram.Break(nil)
	s.revoke.Break(func(call int) standin.Fault { // fails twice: the channel is told before
		if call < 3 {
			return standin.Fault{Status: 500}
		}
		return standin.Fault{}
	})
	cfg := alert.DefaultConfig()
	cfg.UpdateEvery = 50 * time.Millisecond
	d, stop := running(t, cfg, log, s.notifiers(t)...)
	defer stop()
	f := finding(1, 1, time.Now())
	f.Severity = schema.SeverityCritical
	accept(t, d, f)
	await(t, log, 1)
	for name, texts := range map[string][]string{"slack": s.slackTexts(), "telegram": s.telegramTexts()} {
		if len(texts) != 1 || !strings.Contains(texts[0], "Token revoked at") || strings.Contains(texts[0], "Nothing was done") {
			t.Errorf("%s shows %s", name, fmt.Sprint(texts))
		}
	}
}
