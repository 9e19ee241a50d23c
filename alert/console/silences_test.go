package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/schema"
)

func silence(id string, from, until time.Duration) schema.Silence {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return schema.Silence{ID: id, Matchers: []string{"owner=" + id}, By: "bo", Reason: "load test", From: now.Add(from), Until: now.Add(until), Revised: now.Add(-time.Hour)}
}

// between gives what stands in a page from one text to another.
func between(page, from, to string) string {
	_, rest, _ := strings.Cut(page, from)
	part, _, _ := strings.Cut(rest, to)
	return part
}

// Those in force, those to come and those that are over each have their list.
func TestSilencesList(t *testing.T) {
	r := newRig(t)
	for _, s := range []schema.Silence{
		silence("sil-now", -time.Hour, time.Hour), silence("sil-coming", time.Hour, 2*time.Hour),
		silence("sil-over", -3*time.Hour, -time.Hour), silence("sil-ancient", -60*24*time.Hour, -40*24*time.Hour),
	} {
		if err := r.db.SaveSilence(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	status, page := r.get("/silences")
	if status != http.StatusOK {
		t.Fatalf("%d:\n%s", status, page)
	}
	for heading, id := range map[string]string{"In force (1)": "sil-now", "Coming (1)": "sil-coming", "Expired in the last 30 days (1)": "sil-over"} {
		if list := between(page, heading, "</section>"); !strings.Contains(list, id) || strings.Count(list, "owner=sil-") != 1 {
			t.Errorf("below %q:\n%s", heading, list)
		}
	}
	if strings.Contains(page, "sil-ancient") {
		t.Error("what ended 40 days ago is listed")
	}
}

// A silence is tried, added and ended, and the store has what the command would have written.
func TestSilenceLife(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	form := url.Values{"condition": {"owner=acme-*\nseverity=high+"}, "reason": {"load test"}, "for": {"3d"}}
	status, page := r.post("/silences/preview", form)
	if status != http.StatusOK || !strings.Contains(page, "<strong>1 of 1</strong> open incidents would be silent now.") || !strings.Contains(page, w.inc.ID) {
		t.Errorf("the preview, %d:\n%s", status, between(page, `class="preview`, "</div>"))
	}
	if list, err := r.db.Silences(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("the preview stored %v %v", list, err)
	}
	if status, page = r.post("/silences", form); status != http.StatusOK || !strings.Contains(page, "about owner=acme-*, severity=high&#43;.") {
		t.Errorf("adding, %d:\n%s", status, between(page, `class="said"`, "</p>"))
	}
	list, err := r.db.Silences(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%v %v", list, err)
	}
	s := list[0]
	if s.By != "admin" || s.Reason != "load test" || len(s.Matchers) != 2 || s.Until.Sub(s.From) != 72*time.Hour || !regexp.MustCompile(`^sil-[0-9a-f]{12}$`).MatchString(s.ID) {
		t.Errorf("%+v", s)
	}
	if status, page = r.post("/silences/"+s.ID+"/expire", url.Values{}); status != http.StatusOK || !strings.Contains(page, s.ID+" has ended.") {
		t.Errorf("ending, %d:\n%s", status, page)
	}
	if list, err := r.db.Silences(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("after its end: %v %v", list, err)
	}
	if _, page = r.post("/silences/"+s.ID+"/expire", url.Values{}); !strings.Contains(page, "has ended already") {
		t.Error("ending it again is not told")
	}
}

// What is wrong stands beside the field, what was typed stays, and nothing is stored.
func TestSilenceWrong(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		form url.Values
		want []string
	}{
		"nothing":         {url.Values{}, []string{"a silence needs a condition", "a silence needs a reason"}},
		"unknown field":   {url.Values{"condition": {"ownr=x"}, "reason": {"r"}}, []string{"want field=value, where field is one of", "ownr=x</textarea>"}},
		"unknown rank":    {url.Values{"condition": {"severity=sever"}, "reason": {"r"}}, []string{`id="silence-conditions-wrong"`}},
		"too long":        {url.Values{"condition": {"owner=a"}, "reason": {"r"}, "for": {"91d"}}, []string{"90 days at most", `value="91d"`}},
		"no length":       {url.Values{"condition": {"owner=a"}, "reason": {"r"}, "for": {"soon"}}, []string{"is no length of time such as", `value="soon"`}},
		"past":            {url.Values{"condition": {"owner=a"}, "reason": {"r"}, "from": {"2020-01-01"}}, []string{"that is past"}},
		"HTML":            {url.Values{"condition": {"<b>x"}, "reason": {`"><script>`}}, []string{"&lt;b&gt;x</textarea>", "&#34;&gt;&lt;script&gt;"}},
		"many conditions": {url.Values{"condition": {strings.Repeat("owner=a\n", 30)}, "reason": {"r"}}, []string{"At most 20 conditions"}},
		"far too long":    {url.Values{"condition": {"owner=" + strings.Repeat("a", 1<<13)}, "reason": {strings.Repeat("r\xff", 1<<12)}}, []string{"At most 20 conditions", "At most 500 characters"}},
	} {
		status, page := r.post("/silences", c.form)
		if status != http.StatusBadRequest || len(page) > 100_000 {
			t.Errorf("%s: %d, %d bytes", name, status, len(page))
		}
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in:\n%.3000s", name, want, between(page, `id="add"`, "</section>"))
			}
		}
	}
	if list, err := r.db.Silences(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("stored: %v %v", list, err)
	}
	if status, page := r.post("/silences/sil-none/expire", url.Values{}); status != http.StatusNotFound || !strings.Contains(page, "There is no silence sil-none.") {
		t.Errorf("%d:\n%s", status, page)
	}
}

// A link from elsewhere fills the form in, and shows at once what it would do.
func TestSilencePrefilled(t *testing.T) {
	r := newRig(t)
	w := settle(t, r.db)
	_, page := r.get("/silences?condition=" + url.QueryEscape("token="+w.stolen.String()) + "&reason=known")
	for _, want := range []string{"token=" + w.stolen.String() + "</textarea>", `value="known"`, "<strong>1 of 1</strong>"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
	if status, page := r.get("/silences?condition=nonsense"); status != http.StatusOK || !strings.Contains(page, "want field=value") {
		t.Errorf("%d:\n%s", status, page)
	}
}

// The main flow in a browser: prefilled, looked at, added, ended.
func TestSilencesBrowser(t *testing.T) {
	r := newRig(t)
	settle(t, r.db)
	for _, s := range []schema.Silence{silence("sil-0a1b2c3d4e5f", -time.Hour, 5*time.Hour), silence("sil-111111111111", -30*time.Hour, -20*time.Hour), silence("sil-222222222222", 2*time.Hour, 20*time.Hour)} {
		if err := r.db.SaveSilence(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	ctx := r.browse(t, 1200, 900)
	err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/silences"), chromedp.SendKeys("#silence-conditions", "severity=high+"),
		chromedp.SendKeys("#silence-reason", "the storage team moves house"), chromedp.Click(`button[formaction$="/preview"]`), chromedp.WaitVisible(".preview"))
	if err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "silences.png")
	if err := chromedp.Do(ctx, chromedp.Click("button.main"), chromedp.WaitVisible(".said")); err != nil {
		t.Fatal(err)
	}
	said, err := chromedp.Run(ctx, chromedp.Text(".said"))
	if err != nil || !strings.Contains(said, "about severity=high+.") {
		t.Errorf("%q %v", said, err)
	}
	phone(t, ctx, "silences")
}
