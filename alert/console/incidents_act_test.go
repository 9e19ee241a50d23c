package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// verdicts are what was kept, as "incident kind by"; those with one id are one.
func (r *rig) verdicts() (list []string) {
	r.t.Helper()
	all, err := r.db.Verdicts(context.Background(), time.Time{})
	if err != nil {
		r.t.Fatal(err)
	}
	met := map[string]bool{}
	for _, v := range all {
		if met[v.ID] {
			continue
		}
		met[v.ID] = true
		list = append(list, strings.TrimLeft(strings.TrimPrefix(v.Incident, "inc-"), "0")+" "+string(v.Kind)+" "+v.By)
	}
	slices.Sort(list)
	return list
}

func inc(n int) string { return fmt.Sprintf("inc-%016d", n) }

// One incident, or those that are ticked, are acknowledged in the name of whoever pressed, once however often a form is
// sent; and the way back leads to the same list, and nowhere else.
func TestAcknowledge(t *testing.T) {
	r := newRig(t)
	few(t, r.db)
	for _, c := range []struct {
		name string
		form url.Values
		said string
		want []string
	}{
		{"none", url.Values{}, "Nothing was ticked", nil},
		{"one, whatever is ticked", url.Values{"one": {inc(1)}, "id": {inc(2)}, "press": {"P"}}, "Acknowledged.", []string{"1"}},
		{"the same form again", url.Values{"one": {inc(1)}, "press": {"P"}}, "Acknowledged.", []string{"1"}},
		{"ticked, one twice and one that is not there", url.Values{"id": {inc(2), inc(2), inc(3), "inc-<b>"}, "press": {"Q"}},
			"2 of 3 acknowledged. The others were not: there is no incident inc-&lt;b&gt;.", []string{"1", "2", "3"}},
		{"none that is there", url.Values{"one": {"gone"}}, "0 of 1 acknowledged", []string{"1", "2", "3"}},
	} {
		c.form.Set("back", "severity=high&state=open")
		status, page := r.post("/incidents/acknowledge", c.form)
		if status != http.StatusOK || !strings.Contains(page, c.said) || !strings.Contains(page, `<option value="high" selected>`) {
			t.Errorf("%s: status %d, said %q", c.name, status, regexp.MustCompile(`role="status">[^<]*`).FindString(page))
		}
		var want []string
		for _, id := range c.want {
			want = append(want, id+" acknowledged console:admin")
		}
		if got := r.verdicts(); !slices.Equal(got, want) {
			t.Errorf("%s: verdicts %q, want %q", c.name, got, want)
		}
	}
	many := url.Values{}
	for n := range 51 {
		many.Add("id", inc(n))
	}
	if status, page := r.post("/incidents/acknowledge", many); status != http.StatusBadRequest || !strings.Contains(page, "At most 50") {
		t.Errorf("51 at once: %d", status)
	}
}

// The way back leads into the console, whatever a form says.
func TestAcknowledgeLeadsNowhereElse(t *testing.T) {
	r := newRig(t)
	r.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, back := range []string{"//evil.example", "https://evil.example/?x=1", "\r\nLocation: https://evil.example", strings.Repeat("x=1&", 1000), "%zz"} {
		answer, err := r.client.PostForm(r.server.URL+"/incidents/acknowledge", url.Values{"csrf": {r.csrf()}, "back": {back}})
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/incidents") {
			t.Errorf("%.30q leads to %s (%d)", back, to, answer.StatusCode)
		}
	}
}

// csrf is the token in the pages of whoever is signed in.
func (r *rig) csrf() string {
	_, page := r.get("/nowhere")
	return regexp.MustCompile(`<meta name="csrf" content="([^"]+)"`).FindStringSubmatch(page)[1]
}

// Nothing is acknowledged by a form from elsewhere.
func TestAcknowledgeNeedsAPageOfOurs(t *testing.T) {
	r := newRig(t)
	few(t, r.db)
	answer, err := r.client.PostForm(r.server.URL+"/incidents/acknowledge", url.Values{"one": {inc(1)}, "id": {inc(2)}})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := read(t, answer); status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	if got := r.verdicts(); got != nil {
		t.Errorf("verdicts %q", got)
	}
}

// Viewers see the list without what they may not do, and may not do it anyhow.
func TestViewersDoNotAcknowledge(t *testing.T) {
	r := newRig(t, func(c *console.Config, _ *console.Parts) {
		c.Users = map[string]signin.User{"eve": {Role: signin.Viewer, Password: "a password of a viewer"}}
	})
	few(t, r.db)
	r.client = r.signIn("eve", "a password of a viewer", "")
	status, page := r.get("/incidents")
	if status != http.StatusOK || len(listed(page)) != 6 || strings.Contains(page, "Acknowledge") || strings.Contains(page, "kind=revoke") || strings.Contains(page, "<kbd>a</kbd>") {
		t.Errorf("%d:\n%s", status, page)
	}
	if status, page := r.post("/incidents/acknowledge", url.Values{"one": {inc(1)}}); status != http.StatusForbidden || !strings.Contains(page, "That takes the role responder") {
		t.Errorf("%d:\n%s", status, page)
	}
	if got := r.verdicts(); got != nil {
		t.Errorf("verdicts %q", got)
	}
}

// slowDesk takes nothing within anybody's patience.
type slowDesk struct{}

func (slowDesk) Take(ctx context.Context, _ alert.Press) (string, error) {
	<-ctx.Done()
	return "", fmt.Errorf("keeping the verdict: %w", ctx.Err())
}

// A store that does not answer is told of within five seconds.
func TestAcknowledgeWhenTheStoreIsAway(t *testing.T) {
	r := newRig(t, func(_ *console.Config, p *console.Parts) { p.Desk = slowDesk{} })
	began := time.Now()
	status, page := r.post("/incidents/acknowledge", url.Values{"id": {inc(1), inc(2)}})
	if status != http.StatusServiceUnavailable || !strings.Contains(page, "did not answer in time") || time.Since(began) > 5*time.Second {
		t.Errorf("%d after %s:\n%s", status, time.Since(began), page)
	}
}
