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
			want = append(want, id+" acknowledged console:admin (admin)")
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
	for _, path := range []string{"/incidents/acknowledge", "/incidents/revoke"} {
		answer, err := r.client.PostForm(r.server.URL+path, url.Values{"one": {inc(1)}, "id": {inc(2)}})
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := read(t, answer); status != http.StatusForbidden {
			t.Errorf("%s: status %d", path, status)
		}
	}
	if got := r.verdicts(); got != nil {
		t.Errorf("verdicts %q", got)
	}
}

// A token is taken out of use only behind a page that asks.
func TestRevokeAsks(t *testing.T) {
	r := newRig(t)
	few(t, r.db)
	status, page := r.get("/incidents/revoke?id=" + inc(2))
	if status != http.StatusOK || !strings.Contains(page, "Take this token out of use?") || !strings.Contains(page, "kong") || !strings.Contains(page, "hf_…0002") {
		t.Errorf("%d\n%s", status, page)
	}
	if got := r.verdicts(); got != nil {
		t.Fatalf("looking at the page decided: %q", got)
	}
	if _, page := r.get("/incidents/revoke?id=" + inc(1)); !strings.Contains(page, "There is nothing to approve here") || strings.Contains(page, "Revoke the token") {
		t.Error(page)
	}
	for _, id := range []string{"gone", "", "%ff'", strings.Repeat("x", 5000)} {
		if status, page := r.get("/incidents/revoke?id=" + id); status != http.StatusNotFound || !strings.Contains(page, "There is no incident") {
			t.Errorf("%.20q: %d", id, status)
		}
	}
	if status, page := r.post("/incidents/revoke", url.Values{"id": {inc(2)}, "note": {"seen abroad"}}); status != http.StatusOK || !strings.Contains(page, "seen abroad") {
		t.Errorf("%d\n%s", status, page)
	}
	if got := r.verdicts(); !slices.Equal(got, []string{"2 revoke console:admin (admin)"}) {
		t.Errorf("verdicts %q", got)
	}
	if status, _ := r.post("/incidents/revoke", url.Values{"id": {"gone"}}); status != http.StatusBadRequest {
		t.Errorf("one that is not there: %d", status)
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
