package alert_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

var nine = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func said(id string, kind schema.VerdictKind) schema.Verdict {
	return schema.Verdict{ID: id, Incident: "inc-1", Kind: kind, By: "slack:U1 (alice)", At: nine, Until: map[bool]time.Time{true: nine.Add(4 * time.Hour)}[kind == schema.VerdictSnooze]}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name    string
		said    []schema.Verdict
		changes int
		want    func(*schema.Incident)
	}{
		{"it was us", []schema.Verdict{said("1", schema.VerdictOwner)}, 1, func(inc *schema.Incident) { inc.State, inc.Resolved = schema.IncidentResolved, nine }},
		{"theft", []schema.Verdict{said("1", schema.VerdictTheft)}, 1, func(inc *schema.Incident) {
			inc.State, inc.Severity = schema.IncidentAcknowledged, schema.SeverityCritical
		}},
		{"snooze", []schema.Verdict{said("1", schema.VerdictSnooze)}, 1, func(inc *schema.Incident) { inc.Snoozed = nine.Add(4 * time.Hour) }},
		{"acknowledge", []schema.Verdict{said("1", schema.VerdictAcknowledged)}, 1, func(inc *schema.Incident) { inc.State = schema.IncidentAcknowledged }},
		{"acknowledge twice", []schema.Verdict{said("1", schema.VerdictAcknowledged), said("2", schema.VerdictAcknowledged)}, 1, func(inc *schema.Incident) { inc.State = schema.IncidentAcknowledged }},
		{"the same press again", []schema.Verdict{said("1", schema.VerdictOwner), said("2", schema.VerdictTheft), said("1", schema.VerdictOwner)}, 2,
			func(inc *schema.Incident) {
				inc.State, inc.Resolved, inc.Severity = schema.IncidentResolved, nine, schema.SeverityCritical
			}},
		{"theft ends a snooze", []schema.Verdict{said("1", schema.VerdictSnooze), said("2", schema.VerdictTheft)}, 2,
			func(inc *schema.Incident) {
				inc.State, inc.Severity = schema.IncidentAcknowledged, schema.SeverityCritical
			}},
		{"about the token", []schema.Verdict{said("1", schema.VerdictKeep), said("2", schema.VerdictRevoke)}, 2, func(*schema.Incident) {}},
		{"nothing that there is", []schema.Verdict{said("1", "maybe")}, 0, func(*schema.Incident) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := finding(1, 1, nine)
			before := alert.Open(&f)
			inc, untouched, changes := before, fmt.Sprintf("%+v", before), 0
			for _, v := range c.said {
				next, changed := alert.Judge(inc, v)
				if changed != (next.Revision == inc.Revision+1) || changed != (len(next.Verdicts) == len(inc.Verdicts)+1) {
					t.Errorf("changed %v, revision %d to %d, verdicts %d to %d", changed, inc.Revision, next.Revision, len(inc.Verdicts), len(next.Verdicts))
				}
				if changed {
					changes++
				}
				inc = next
			}
			want := before
			c.want(&want)
			want.Revision, want.Verdicts = inc.Revision, inc.Verdicts
			if !reflect.DeepEqual(inc, want) || changes != c.changes {
				t.Errorf("after %d changes %+v", changes, inc)
			}
			if fmt.Sprintf("%+v", before) != untouched {
				t.Error("the incident that was passed in has changed")
			}
		})
	}
}

// However many people say something, an incident stays small, and shows the last of it.
func TestManyVerdicts(t *testing.T) {
	f := finding(1, 1, nine)
	inc := alert.Open(&f)
	for n := range 1000 {
		v := said(fmt.Sprint(n), []schema.VerdictKind{schema.VerdictKeep, schema.VerdictSnooze}[n%2])
		v.Note = strings.Repeat("<!channel> ", 10_000)
		inc, _ = alert.Judge(inc, v)
	}
	m := alert.Compose(inc, func(schema.Delivery) string { return "" })
	if len(inc.Verdicts) > 16 || len(m.Actions) > 6 || len(strings.Join(m.Actions, "")) > 3000 {
		t.Errorf("%d verdicts, %d lines", len(inc.Verdicts), len(m.Actions))
	}
}

// registry keeps verdicts as long as the test lasts, and can be broken.
type registry struct {
	*memory
	verdicts []schema.Verdict
	allowed  []schema.Allowance
	broken   bool
}

func (r *registry) InsertVerdicts(_ context.Context, list []schema.Verdict) error {
	if r.broken {
		return errBroken
	}
	r.verdicts = append(r.verdicts, list...)
	return nil
}

func (r *registry) InsertAllowances(_ context.Context, list []schema.Allowance) error {
	r.allowed = append(r.allowed, list...)
	return nil
}

func TestClerk(t *testing.T) {
	f := finding(1, 1, nine)
	inc := alert.Open(&f)
	press := func(change func(*alert.Press)) alert.Press {
		p := alert.Press{ID: "p1", Incident: inc.ID, Kind: schema.VerdictOwner, By: "cli:alice", Note: "night shift", At: nine.Add(time.Hour)}
		change(&p)
		return p
	}
	for _, c := range []struct {
		name         string
		press        alert.Press
		broken, mute bool
		refused      bool
		want         string // said, or the error
		kept         int
	}{
		{"it was us", press(func(*alert.Press) {}), false, false, false, "It was the owner, says cli:alice at Mon 2 Mar 10:00 UTC: night shift", 1},
		{"nobody can be told", press(func(*alert.Press) {}), false, true, false, "It was the owner", 1},
		{"it cannot be kept", press(func(*alert.Press) {}), true, false, false, "keeping the verdict", 0},
		{"no such incident", press(func(p *alert.Press) { p.Incident = "inc-2" }), false, false, true, "no incident inc-2", 0},
		{"no such answer", press(func(p *alert.Press) { p.Kind = "maybe" }), false, false, true, "maybe", 0},
		{"snooze", press(func(p *alert.Press) { p.Kind = schema.VerdictSnooze }), false, false, false, "Snoozed until Mon 2 Mar 14:00 UTC", 1},
		{"snooze until yesterday", press(func(p *alert.Press) { p.Kind, p.Until = schema.VerdictSnooze, nine.AddDate(0, 0, -1) }), false, false, true, "is over already", 0},
		{"allowed", press(func(p *alert.Press) { p.Allow, p.Until = true, nine.AddDate(0, 1, 0) }), false, false, false, "allowed until Thu 2 Apr 09:00 UTC", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &registry{memory: newMemory(), broken: c.broken}
			_ = r.SaveIncident(t.Context(), &inc)
			var announced []schema.Verdict
			late := 0
			clerk := alert.Clerk{Registry: r, Late: func(error) { late++ }, Announce: func(_ context.Context, v schema.Verdict) error {
				if len(r.verdicts) == 0 {
					t.Error("it is announced before it is kept")
				}
				announced = append(announced, v)
				if c.mute {
					return errBroken
				}
				return nil
			}}
			text, err := clerk.Take(t.Context(), c.press)
			if !strings.Contains(text+fmt.Sprint(err), c.want) || errors.Is(err, alert.ErrRefused) != c.refused || len(r.verdicts) != c.kept || len(announced) != c.kept {
				t.Fatalf("said %q, error %v, kept %d, announced %d", text, err, len(r.verdicts), len(announced))
			}
			if (late > 0) != c.mute {
				t.Errorf("late %d", late)
			}
			if c.kept == 0 {
				return
			}
			v := r.verdicts[0]
			if v.Token != inc.Token || v.Incident != inc.ID || !v.Since.Equal(inc.Seen.Since) || !v.To.Equal(inc.Updated) || v.ID != "p1" {
				t.Errorf("%+v", v)
			}
			if c.press.Allow && (len(r.allowed) != 1 || r.allowed[0].Value != inc.Token.String() || r.allowed[0].Check() != nil || !r.allowed[0].Until.Equal(c.press.Until)) {
				t.Errorf("allowed %+v", r.allowed)
			}
			judged, _ := alert.Judge(inc, v)
			_ = r.SaveIncident(t.Context(), &judged)
			if again, err := clerk.Take(t.Context(), c.press); err != nil || again == "" || len(r.verdicts) != 1 {
				t.Errorf("the same press again: %q, %v, kept %d", again, err, len(r.verdicts))
			}
		})
	}
}

// A snoozed incident is not told of again, unless it gets worse; what people say of it is shown at once.
func TestSnooze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, revokeConfig(alert.RevokeOff), nil)
		id := w.theft(t, 1)
		heard := func() int { synctest.Wait(); return len(w.slack.heard()) }
		time.Sleep(10 * time.Second)
		before := heard()
		v := schema.Verdict{ID: "s", Incident: id, Kind: schema.VerdictSnooze, By: "alice", At: time.Now(), Until: time.Now().Add(4 * time.Hour)}
		if err := w.d.Verdict(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if n := heard(); n != before+1 {
			t.Errorf("the snooze is shown in %d messages", n-before)
		}
		more := func(n byte) func(*schema.Finding) {
			return func(f *schema.Finding) { f.Evidence[0].Key, f.Evidence[0].LLR = fmt.Sprint("country:", n), 9 }
		}
		w.theft(t, 1, more(1))
		time.Sleep(time.Hour)
		if n := heard(); n != before+1 {
			t.Errorf("%d messages while it is snoozed", n-before-1)
		}
		time.Sleep(4 * time.Hour)
		if n := heard(); n != before+2 {
			t.Errorf("%d messages after it", n-before-1)
		}
	})
}

func TestButtons(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*schema.Incident)
		want   string
	}{
		{"open", func(*schema.Incident) {}, "tw_owner tw_theft tw_ack tw_snooze"},
		{"acknowledged", func(inc *schema.Incident) { inc.State = schema.IncidentAcknowledged }, "tw_owner tw_theft tw_snooze"},
		{"theft", func(inc *schema.Incident) { *inc, _ = alert.Judge(*inc, said("1", schema.VerdictTheft)) }, "tw_owner tw_snooze"},
		{"asked", func(inc *schema.Incident) { inc.Revocation = &schema.Revocation{State: schema.RevocationAsked} }, "tw_revoke tw_keep tw_owner tw_theft tw_ack tw_snooze"},
		{"counting", func(inc *schema.Incident) { inc.Revocation = &schema.Revocation{State: schema.RevocationCounting} }, "tw_keep tw_owner tw_theft tw_ack tw_snooze"},
		{"revoked", func(inc *schema.Incident) { inc.Revocation = &schema.Revocation{State: schema.RevocationDone} }, "tw_owner tw_theft tw_ack tw_snooze"},
		{"resolved", func(inc *schema.Incident) { inc.State = schema.IncidentResolved }, ""},
	} {
		f := finding(1, 1, nine)
		inc := alert.Open(&f)
		c.change(&inc)
		var have []string
		for _, b := range alert.Buttons(&inc) {
			have = append(have, b.Action)
			if known, found := alert.ButtonOf(b.Action); !found || known != b {
				t.Errorf("%s is not found by its action", b.Action)
			}
		}
		if strings.Join(have, " ") != c.want {
			t.Errorf("%s: buttons %q", c.name, have)
		}
	}
	if _, found := alert.ButtonOf("approve"); found {
		t.Error("a button that there is not is found")
	}
}
