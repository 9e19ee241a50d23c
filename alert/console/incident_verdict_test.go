package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// desk is a rig whose revocation asks, with a responder and a viewer beside the admin.
func desk(t *testing.T) *rig {
	t.Helper()
	return newRig(t, func(cfg *console.Config, parts *console.Parts) {
		cfg.Users = map[string]signin.User{"ana": {Role: signin.Responder, Password: password}, "vic": {Role: signin.Viewer, Password: password}}
		revoke := alert.DefaultRevokeConfig()
		revoke.Mode, revoke.MinSeverity, revoke.Via = alert.RevokeAsk, schema.SeverityHigh, "kong"
		parts.Desk = console.RevokingDesk{Desk: parts.Desk, RevokeConfig: revoke}
	})
}

var pressInPage = regexp.MustCompile(`name="press" value="([A-Z2-7]+)"`)

// pressOf gives the id that the buttons of a page carry.
func pressOf(t *testing.T, page string) string {
	t.Helper()
	found := pressInPage.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("the page has no buttons:\n%s", page)
	}
	return found[1]
}

func (r *rig) caseVerdicts() []schema.Verdict {
	r.t.Helper()
	list, err := r.db.Verdicts(r.t.Context(), time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func TestIncidentVerdicts(t *testing.T) {
	r := desk(t)
	w := settle(t, r.db)
	r.client = r.signIn("ana", password, "")
	page := "/incidents/" + w.inc.ID
	for name, c := range map[string]struct {
		form url.Values
		want func(v schema.Verdict) bool
		said string
	}{
		"acknowledged": {url.Values{"kind": {"acknowledged"}, "note": {" looking "}}, func(v schema.Verdict) bool { return v.Note == "looking" && v.Until.IsZero() }, "Acknowledged, says console:ana"},
		"snooze":       {url.Values{"kind": {"snooze"}, "hours": {"12"}}, func(v schema.Verdict) bool { return v.Until.Equal(v.At.Add(12 * time.Hour)) }, "Snoozed until"},
		"owner":        {url.Values{"kind": {"owner"}, "days": {"7"}}, func(v schema.Verdict) bool { return !v.Allow && v.Until.IsZero() }, "It was the owner, says"},
		"allowed":      {url.Values{"kind": {"owner"}, "allow": {"yes"}, "days": {"30"}}, func(v schema.Verdict) bool { return v.Allow && v.Until.Equal(v.At.AddDate(0, 0, 30)) }, "It was the owner, allowed until"},
		"theft":        {url.Values{"kind": {"theft"}, "confirmed": {"yes"}}, func(v schema.Verdict) bool { return v.Until.IsZero() }, "Confirmed theft, says"},
	} {
		t.Run(name, func(t *testing.T) {
			_, before := r.get(page)
			known := len(r.caseVerdicts())
			c.form.Set("press", pressOf(t, before))
			for range 3 { // somebody clicks again and again
				status, after := r.post(page+"/verdict", c.form)
				if status != http.StatusOK || !strings.Contains(after, `role="status">`+c.said) {
					t.Fatalf("%d\n%s", status, after)
				}
			}
			list := r.caseVerdicts()
			if len(list) != known+1 {
				t.Fatalf("%d verdicts after one press, %d before", len(list), known)
			}
			v := list[len(list)-1]
			if string(v.Kind) != c.form.Get("kind") || v.By != "console:ana" || v.Incident != w.inc.ID || v.Token != w.stolen || time.Since(v.At) > time.Minute || !c.want(v) {
				t.Errorf("%+v", v)
			}
			_, after := r.get(page)
			must(t, after, "console:ana", alert.VerdictWord(v.Kind))
		})
	}
	allowed, err := r.db.Allowances(t.Context())
	if err != nil || len(allowed) != 1 || allowed[0].Value != w.stolen.String() || allowed[0].By != "console:ana" {
		t.Errorf("the allow-list is %+v, error %v", allowed, err)
	}
}

// A press that another process took in is not taken in again, wherever its answer went.
func TestIncidentPressElsewhere(t *testing.T) {
	r := desk(t)
	w := settle(t, r.db)
	form := url.Values{"kind": {"acknowledged"}, "press": {"ABCDEFGHIJKLMNOPQRSTUVWX"}}
	v := schema.Verdict{ID: "console:admin:ABCDEFGHIJKLMNOPQRSTUVWX:acknowledged", Incident: w.inc.ID, Token: w.stolen, Kind: schema.VerdictAcknowledged, By: "console:admin", At: w.now, Since: w.now, To: w.now}
	if err := r.db.InsertVerdicts(t.Context(), []schema.Verdict{v}); err != nil {
		t.Fatal(err)
	}
	if status, page := r.post("/incidents/"+w.inc.ID+"/verdict", form); status != http.StatusOK || !strings.Contains(page, "That was taken in before") || len(r.caseVerdicts()) != 1 {
		t.Errorf("%d, %d verdicts\n%s", status, len(r.caseVerdicts()), page)
	}
}

func TestIncidentVerdictRefused(t *testing.T) {
	r := desk(t)
	w := settle(t, r.db)
	page := "/incidents/" + w.inc.ID
	const press = "ABCDEFGHIJKLMNOPQRSTUVWX"
	for name, c := range map[string]struct {
		path   string
		form   url.Values
		status int
		want   string
	}{
		"no kind":            {page, url.Values{"press": {press}}, 400, "no answer that tokenwatch knows"},
		"strange kind":       {page, url.Values{"press": {press}, "kind": {"<b>"}}, 400, "no answer that tokenwatch knows"},
		"no press":           {page, url.Values{"kind": {"acknowledged"}}, 400, "no answer that tokenwatch knows"},
		"strange press":      {page, url.Values{"kind": {"acknowledged"}, "press": {strings.Repeat("A", 5000)}}, 400, "no answer that tokenwatch knows"},
		"snooze for ever":    {page, url.Values{"kind": {"snooze"}, "press": {press}, "hours": {"999999999"}}, 400, "no time to snooze for"},
		"snooze back":        {page, url.Values{"kind": {"snooze"}, "press": {press}, "hours": {"-4"}}, 400, "no time to snooze for"},
		"allowed for ever":   {page, url.Values{"kind": {"owner"}, "press": {press}, "allow": {"yes"}, "days": {""}}, 400, "no time to allow it for"},
		"unknown":            {"/incidents/inc-1", url.Values{"kind": {"acknowledged"}, "press": {press}}, 404, "There is no incident inc-1"},
		"theft unasked":      {page, url.Values{"kind": {"theft"}, "press": {press}}, 200, "Confirm theft?"},
		"nothing to keep":    {page, url.Values{"kind": {"keep"}, "press": {press}}, 200, "makes no sense any more"},
		"nothing to restore": {page, url.Values{"kind": {"restore"}, "press": {press}, "confirmed": {"yes"}}, 200, "makes no sense any more"},
	} {
		status, body := r.post(c.path+"/verdict", c.form)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d\n%s", name, status, body)
		}
	}
	if list := r.caseVerdicts(); len(list) != 0 {
		t.Errorf("kept: %+v", list)
	}
}

// Whoever only looks sees why there is nothing to press, and cannot press it either.
func TestIncidentForViewers(t *testing.T) {
	r := desk(t)
	w := settle(t, r.db)
	r.client = r.signIn("vic", password, "")
	page := "/incidents/" + w.inc.ID
	status, body := r.get(page)
	if status != http.StatusOK || strings.Contains(body, `href="`+page+`/confirm`) {
		t.Fatalf("%d\n%s", status, body)
	}
	must(t, body, "Only a responder or an admin may answer; your role is viewer.", "<fieldset disabled>")
	if status, body := r.post(page+"/verdict", url.Values{"kind": {"acknowledged"}, "press": {pressOf(t, body)}}); status != http.StatusForbidden {
		t.Errorf("%d\n%s", status, body)
	}
	if status, body := r.get(page + "/confirm?kind=theft"); status != http.StatusForbidden {
		t.Errorf("%d\n%s", status, body)
	}
	if list := r.caseVerdicts(); len(list) != 0 {
		t.Errorf("kept: %+v", list)
	}
}

// The page before a dangerous answer says what will happen: the stage, the gateway, the caps.
func TestIncidentConfirm(t *testing.T) {
	r := desk(t)
	w := settle(t, r.db)
	page := "/incidents/" + w.inc.ID
	status, body := r.get(page + "/confirm?kind=theft")
	if status != http.StatusOK {
		t.Fatalf("%d\n%s", status, body)
	}
	must(t, body, "Confirm theft?", "becomes critical and acknowledged", "never learnt as normal", "The gateway kong is called at once", "The stage is ask (revoke.mode)", "at most 10 tokens an hour", "hf_…0001")
	if status, body := r.get(page + "/confirm?kind=owner"); status != http.StatusBadRequest {
		t.Errorf("%d\n%s", status, body)
	}
	if _, body := r.get(page + "/confirm?kind=restore"); !strings.Contains(body, "makes no sense any more") {
		t.Errorf("a token in use can be restored:\n%s", body)
	}
	done := w.inc
	done.Revision, done.Revocation = 2, &schema.Revocation{State: schema.RevocationDone, Step: 3, Via: "kong", At: w.now, Answer: "204"}
	if err := r.db.SaveIncident(t.Context(), &done); err != nil {
		t.Fatal(err)
	}
	_, body = r.get(page + "/confirm?kind=restore")
	must(t, body, "Put the token in use again?", "The gateway kong is asked to put the token in use again", "a thief too")
	_, body = r.get(page)
	must(t, body, "Token revoked at", "Restore the token…")
}

// While a countdown runs the page says how long, and one press stops it.
func TestIncidentCountdown(t *testing.T) {
	r := desk(t)
	w := settle(t, r.db)
	counting := w.inc
	counting.Revision, counting.Revocation = 2, &schema.Revocation{State: schema.RevocationCounting, Step: 1, Via: "kong", At: w.now, Due: w.now.Add(10 * time.Minute)}
	if err := r.db.SaveIncident(t.Context(), &counting); err != nil {
		t.Fatal(err)
	}
	page := "/incidents/" + w.inc.ID
	_, body := r.get(page)
	must(t, body, "The token is revoked at", "Stop: keep the token", `role="timer"`)
	if status, body := r.post(page+"/verdict", url.Values{"kind": {"keep"}, "press": {pressOf(t, body)}}); status != http.StatusOK || !strings.Contains(body, "Token to be kept") {
		t.Errorf("%d\n%s", status, body)
	}
	if list := r.caseVerdicts(); len(list) != 1 || list[0].Kind != schema.VerdictKeep {
		t.Errorf("%+v", list)
	}
}
