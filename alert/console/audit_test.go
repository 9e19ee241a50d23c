package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// forgetful is a store that can be told to take nothing into the audit.
type forgetful struct {
	*clickhouse.DB
	refuses atomic.Bool
}

func (f *forgetful) InsertActs(ctx context.Context, acts []schema.Act) error {
	if f.refuses.Load() {
		return errors.New("the disk is full")
	}
	return f.DB.InsertActs(ctx, acts)
}

func acts(t *testing.T, r *rig) []schema.Act {
	t.Helper()
	list, err := r.db.Acts(t.Context(), schema.ActQuery{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// What people do is in the audit with who, from where and what came of it, whatever was in it.
func TestAudit(t *testing.T) {
	r := newRig(t, withUsers)
	r.acting("/act", signin.Responder)
	r.console.Route("POST /silent", signin.Viewer, func(w http.ResponseWriter, request *http.Request) error {
		return r.console.Back(w, request, "/audit", "")
	})
	r.console.Route("POST /nonsense", signin.Viewer, func(http.ResponseWriter, *http.Request) error {
		return console.Refused("That makes no sense.")
	})
	r.post("/act", url.Values{"subject": {"inc-1"}, "detail": {"<img src=x onerror=alert(1)>\xff" + strings.Repeat("long ", 1<<17)}})
	r.post("/silent", url.Values{})
	r.post("/nonsense", url.Values{})
	r.signIn("vic", "wrong", "")
	r.signIn("of vic", "vic", "") // in the wrong fields
	r.client = r.signIn("vic", "of vic", "")
	r.post("/act", url.Values{"subject": {"inc-2"}})

	var got []string
	for _, a := range acts(t, r) {
		if a.Address != "127.0.0.1" || a.ID == "" || len(a.Detail) > 4000 {
			t.Errorf("%+v", a)
		}
		got = append(got, fmt.Sprintf("%s %s %s: %s %s %s, %.30s", a.Person, a.Role, a.Via, a.Action, a.Subject, a.Outcome, a.Reason))
	}
	want := []string{
		"vic viewer password: POST /act  refused, That takes the role responder;",
		"vic viewer password: sign in  done, ",
		"  password: sign in  refused, That name and password do not ",
		"vic  password: sign in  refused, That name and password do not ",
		"admin admin password: POST /nonsense  refused, That makes no sense.",
		"admin admin password: POST /silent  done, ",
		"admin admin password: try inc-1 done, ",
		"admin admin password: sign in  done, ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("have\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if status, _ := r.get("/audit"); status != http.StatusForbidden {
		t.Errorf("a viewer reads the audit: %d", status)
	}
	r.client = r.signIn("admin", password, "")
	_, page := r.get("/audit")
	for _, part := range []string{"inc-1", "&lt;img src=x", "vic", "refused", "That makes no sense."} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	if strings.Contains(page, "<img src=x") || len(page) > 50_000 {
		t.Errorf("a page of %d bytes, with a stranger's HTML", len(page))
	}
	if _, page = r.get("/audit?person=vic&action=sign+in"); strings.Contains(page, "inc-1") || strings.Count(page, "<tr>") != 3 {
		t.Errorf("one person's sign-ins:\n%s", page)
	}
}

func TestAuditPages(t *testing.T) {
	r := newRig(t)
	var list []schema.Act
	for n := range 230 {
		list = append(list, schema.Act{ID: fmt.Sprintf("id-%03d", n), At: acts(t, r)[0].At, Person: "a b&c", Action: "try", Subject: fmt.Sprintf("subject-%03d.", n), Outcome: schema.ActDone})
	}
	if err := r.db.InsertActs(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	path, seen := "/audit?person=a+b%26c", 0
	for range 4 {
		status, page := r.get(path)
		if status != http.StatusOK {
			t.Fatalf("%s: %d", path, status)
		}
		seen += strings.Count(page, "subject-")
		_, after, found := strings.Cut(page, `href="/audit?before=`)
		if !found {
			break
		}
		query, _, _ := strings.Cut(after, `"`)
		path = "/audit?before=" + strings.ReplaceAll(query, "&amp;", "&")
	}
	if seen != 230 {
		t.Errorf("%d of 230 acts on all pages", seen)
	}
	for _, before := range []string{"x", "-5", "99999999999999999999-a", "1-" + strings.Repeat("a", 100)} {
		if status, _ := r.get("/audit?before=" + before); status != http.StatusBadRequest {
			t.Errorf("before=%s: %d", before, status)
		}
	}
	if status, page := r.get("/audit?person=" + url.QueryEscape("nobody' OR 1 --\x00\xff")); status != http.StatusOK || !strings.Contains(page, "Nothing matches.") {
		t.Errorf("%d\n%s", status, page)
	}
}

// What cannot be written down is not done. Who signs in meanwhile gets in, and that is written down later.
func TestActsWaitForTheAudit(t *testing.T) {
	store := &forgetful{}
	log := &logged{}
	r := newRig(t, withUsers, withLog(log), func(_ *console.Config, p *console.Parts) {
		store.DB, _ = p.Store.(*clickhouse.DB)
		p.Store = store
	})
	done := r.acting("/act", signin.Responder)
	store.refuses.Store(true)
	if status, page := r.post("/act", url.Values{"subject": {"inc-9"}}); status != http.StatusServiceUnavailable || *done > 0 || !strings.Contains(page, "Nothing was done") {
		t.Errorf("%d, done %d times\n%s", status, *done, page)
	}
	rea := r.signIn("rea", "of rea", "")
	if answer, _ := r.send(rea, "GET", "/nowhere", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("signed in while nothing is written down: %d", answer.StatusCode)
	}
	if !strings.Contains(log.String(), "person=rea") || strings.Contains(log.String(), "of rea") {
		t.Errorf("the log:\n%s", log)
	}
	store.refuses.Store(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // Run ends at once, and writes what waits before it does
	if err := r.console.Run(ctx); err != nil {
		t.Fatal(err)
	}
	entered := 0
	for _, a := range acts(t, r) {
		if a.Person == "rea" && a.Action == "sign in" && a.Outcome == schema.ActDone {
			entered++
		}
	}
	if entered != 1 {
		t.Errorf("%d sign-ins of rea in the audit", entered)
	}
}

// A flood of wrong passwords does not become a flood of rows.
func TestFailedSignInsAreBounded(t *testing.T) {
	r := newRig(t)
	for n := range 90 {
		r.signIn(fmt.Sprintf("name%d", n), "wrong", "")
	}
	if n := len(acts(t, r)); n > 70 || n < 60 {
		t.Errorf("%d rows of 90 failures", n)
	}
}
