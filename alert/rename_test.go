package alert_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// underNewPepper is a finding about the same token after its pepper was rotated.
func underNewPepper(token byte, n uint32, at time.Time) schema.Finding {
	f := finding(token+100, n, at)
	f.KeyID, f.Former = 2, schema.TokenID{token}
	return f
}

// Peppers are rotated while an incident is open: it goes on under the new name, in the same
// message, also for a process that starts in between, and resolves once.
func TestOpenIncidentGoesOnUnderANewPepper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, slack := newMemory(), &channel{name: "slack"}
		cfg := alert.DefaultConfig()
		d, stop := running(t, cfg, log, slack)
		accept(t, d, finding(1, 1, time.Now()))
		time.Sleep(time.Minute)
		stop()
		first := log.only(t)

		d, stop = running(t, cfg, log, slack)
		defer stop()
		worse := underNewPepper(1, 2, time.Now())
		worse.Severity = schema.SeverityCritical
		accept(t, d, worse)
		accept(t, d, underNewPepper(1, 3, time.Now()), finding(2, 1, time.Now()))
		time.Sleep(time.Minute)
		inc := log.all()[first.ID]
		if inc.Token != worse.Token || inc.KeyID != 2 || inc.Severity != schema.SeverityCritical || len(inc.Findings) < 2 {
			t.Errorf("the incident went on as %+v", inc)
		}
		if n := len(log.all()); n != 2 {
			t.Errorf("%d incidents of two tokens", n)
		}
		for _, call := range slack.heard()[1:] {
			if call.m.Incident.ID == first.ID && call.m.Ref != "slack-"+first.ID {
				t.Error("a second message about the same incident")
			}
		}
		time.Sleep(cfg.ResolveAfter + time.Minute)
		for id, inc := range log.all() {
			if inc.State != schema.IncidentResolved {
				t.Errorf("%s is %s after quiet", id, inc.State)
			}
		}
		accept(t, d, underNewPepper(1, 9, time.Now()))
		if n := len(log.all()); n != 3 {
			t.Errorf("%d incidents; a finding after quiet opens another one", n)
		}
	})
}

// Tokens are renamed to each other's neighbours by many callers at once: nobody waits for ever,
// and each has one incident.
func TestRenamesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemory()
		d, stop := running(t, alert.DefaultConfig(), log)
		defer stop()
		for token := range byte(100) {
			accept(t, d, finding(token+1, 1, time.Now()))
		}
		var all sync.WaitGroup
		for token := range byte(100) {
			all.Go(func() {
				if err := d.Accept(t.Context(), []schema.Finding{underNewPepper(token+1, 2, time.Now()), underNewPepper(token+1, 3, time.Now())}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		tokens := map[schema.TokenID]string{}
		for id, inc := range log.all() {
			if other, twice := tokens[inc.Token]; twice {
				t.Error(fmt.Sprint(inc.Token, " has incidents ", id, " and ", other))
			}
			tokens[inc.Token] = id
			if inc.Token[0] <= 100 {
				t.Errorf("%s has kept its former name", id)
			}
		}
		if len(tokens) != 100 {
			t.Errorf("%d incidents of 100 tokens", len(tokens))
		}
	})
}
