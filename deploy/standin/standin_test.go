package standin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"github.com/tokenwatch/tokenwatch/deploy/standin"
)

// screen is a terminal that tests look at.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func startSlack(t testing.TB, opts standin.Options) *standin.Slack {
	t.Helper()
	s, err := standin.StartSlack(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// call posts a form and decodes the answer.
func call(t testing.TB, url string, form url.Values) map[string]any {
	t.Helper()
	resp, err := http.PostForm(url, form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

func repeated(block string, times int) string {
	return "[" + strings.TrimSuffix(strings.Repeat(block+",", times), ",") + "]"
}

func TestSlackRefuses(t *testing.T) {
	s := startSlack(t, standin.Options{Secret: "xoxb-1"})
	divider := `{"type":"divider"}`
	header := func(n int) string {
		return fmt.Sprintf(`[{"type":"header","text":{"type":"plain_text","text":%q}}]`, strings.Repeat("x", n))
	}
	section := func(n int) string {
		return fmt.Sprintf(`[{"type":"section","text":{"type":"mrkdwn","text":%q}}]`, strings.Repeat("x", n))
	}
	field := `{"type":"plain_text","text":"x"}`
	fields := func(n int) string { return `[{"type":"section","fields":` + repeated(field, n) + `}]` }
	rich := func(element string) string { return `[{"type":"rich_text","elements":[` + element + `]}]` }
	cases := []struct{ name, blocks, want string }{
		{"50 blocks", repeated(divider, 50), ""},
		{"51 blocks", repeated(divider, 51), "invalid_blocks"},
		{"header of 150", header(150), ""},
		{"header of 151", header(151), "invalid_blocks"},
		{"empty header", header(0), "invalid_blocks"},
		{"section of 3000", section(3000), ""},
		{"section of 3001", section(3001), "invalid_blocks"},
		{"10 fields", fields(10), ""},
		{"11 fields", fields(11), "invalid_blocks"},
		{"long field", `[{"type":"section","fields":[{"type":"mrkdwn","text":"` + strings.Repeat("x", 2001) + `"}]}]`, "invalid_blocks"},
		{"empty section", `[{"type":"section"}]`, "invalid_blocks"},
		{"empty context", `[{"type":"context","elements":[]}]`, "invalid_blocks"},
		{"11 in a context", `[{"type":"context","elements":` + repeated(field, 11) + `}]`, "invalid_blocks"},
		{"unknown block", `[{"type":"marquee"}]`, "invalid_blocks"},
		{"block_id twice", `[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`, "invalid_blocks"},
		{"rich text", rich(`{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}`), ""},
		{"empty rich text", rich(``), "invalid_blocks"},
		{"empty text in it", rich(`{"type":"rich_text_section","elements":[{"type":"text","text":""}]}`), "invalid_blocks"},
		{"list without a style", rich(`{"type":"rich_text_list","elements":[]}`), "invalid_blocks"},
		{"not JSON", `[{"type":`, "invalid_blocks_format"},
		{"too long in all", strings.TrimSuffix(strings.Repeat(section(2900)[1:len(section(2900))-1]+",", 5), ","), "invalid_blocks_format"},
		{"too long in all, well formed", "[" + strings.TrimSuffix(strings.Repeat(section(2900)[1:len(section(2900))-1]+",", 5), ",") + "]", "msg_blocks_too_long"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			answer := call(t, s.APIURL()+"chat.postMessage", form("token", "xoxb-1", "channel", "soc", "text", "x", "blocks", c.blocks))
			if got, _ := answer["error"].(string); got != c.want || answer["ok"] != (c.want == "") {
				t.Errorf("answer %v, want the error %q", answer, c.want)
			}
		})
	}
}

func TestSlackArguments(t *testing.T) {
	s := startSlack(t, standin.Options{Secret: "xoxb-1"})
	cases := []struct {
		name, method string
		form         url.Values
		want         string
	}{
		{"no token", "chat.postMessage", form("channel", "soc", "text", "x"), "not_authed"},
		{"wrong token", "auth.test", form("token", "xoxb-2"), "invalid_auth"},
		{"no channel", "chat.postMessage", form("token", "xoxb-1", "text", "x"), "channel_not_found"},
		{"no text", "chat.postMessage", form("token", "xoxb-1", "channel", "soc"), "no_text"},
		{"no such message", "chat.update", form("token", "xoxb-1", "channel", "soc", "ts", "1.0", "text", "x"), "message_not_found"},
		{"no such method", "chat.shout", form("token", "xoxb-1"), "unknown_method"},
		{"fine", "auth.test", form("token", "xoxb-1"), ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := call(t, s.APIURL()+c.method, c.form)["error"].(string); got != c.want {
				t.Errorf("error %q, want %q", got, c.want)
			}
		})
	}
}

func TestSlackTakesJSON(t *testing.T) {
	s := startSlack(t, standin.Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.APIURL()+"chat.postMessage",
		strings.NewReader(`{"channel":"soc","text":"hello","blocks":[{"type":"divider"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer xoxb-1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := s.Messages(); len(got) != 1 || got[0].Text != "hello" || len(got[0].Blocks) == 0 {
		t.Errorf("it holds %+v", got)
	}
}

// The stand-in sees the pings that a careless notifier would cause.
func TestSlackSeesPings(t *testing.T) {
	s := startSlack(t, standin.Options{})
	post := func(text, blocks string) {
		call(t, s.APIURL()+"chat.postMessage", form("token", "x", "channel", "soc", "text", text, "blocks", blocks))
	}
	post("<!channel> hi <@U012345>", "")
	post("x", `[{"type":"section","text":{"type":"mrkdwn","text":"<!here>"}}]`)
	post("x", `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"broadcast","range":"everyone"}]}]}]`)
	post("&lt;!channel&gt;", `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"<!channel>"}]}]}]`)
	var got []string
	for _, m := range s.Messages() {
		got = append(got, fmt.Sprint(m.Pings))
	}
	if want := "[@channel @U012345] [@here] [@everyone] []"; strings.Join(got, " ") != want {
		t.Errorf("pings %v, want %s", got, want)
	}
}

func TestEditedCardShowsWhatIsNew(t *testing.T) {
	out := &screen{}
	s := startSlack(t, standin.Options{Out: out})
	answer := call(t, s.APIURL()+"chat.postMessage", form("token", "x", "channel", "soc", "text", "first\nsame"))
	call(t, s.APIURL()+"chat.update", form("token", "x", "channel", answer["channel"].(string), "ts", answer["ts"].(string), "text", "second\nsame"))
	_, edit, found := strings.Cut(out.String(), "edited")
	if !found || !strings.Contains(edit, "second") || strings.Contains(edit, "same") {
		t.Errorf("on the terminal:\n%s", out)
	}
}

func TestFaults(t *testing.T) {
	s := startSlack(t, standin.Options{Faults: func(call int) standin.Fault {
		return []standin.Fault{
			{Status: 429, RetryAfter: 30 * time.Second}, {Status: 500}, {Reset: true}, {Lost: true}, {Delay: 50 * time.Millisecond},
		}[call-1]
	}})
	post := func() (*http.Response, error) {
		resp, err := http.PostForm(s.APIURL()+"chat.postMessage", form("token", "x", "channel", "soc", "text", "x"))
		if err == nil {
			_ = resp.Body.Close()
		}
		return resp, err
	}
	if resp, err := post(); err != nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "30" {
		t.Errorf("throttled: %v, %v", resp, err)
	}
	if resp, err := post(); err != nil || resp.StatusCode != 500 {
		t.Errorf("trouble: %v, %v", resp, err)
	}
	if _, err := post(); err == nil || len(s.Messages()) != 0 {
		t.Errorf("reset: %v, %d messages", err, len(s.Messages()))
	}
	if _, err := post(); err == nil || len(s.Messages()) != 1 {
		t.Errorf("lost answer: %v, %d messages", err, len(s.Messages()))
	}
	start := time.Now()
	if _, err := post(); err != nil || time.Since(start) < 50*time.Millisecond {
		t.Errorf("late: %v after %s", err, time.Since(start))
	}
	s.Break(nil)
	if _, err := post(); err != nil || s.Calls() != 6 {
		t.Errorf("healed: %v, %d calls", err, s.Calls())
	}
}

func TestAddressTaken(t *testing.T) {
	s := startSlack(t, standin.Options{})
	addr := strings.TrimPrefix(s.URL(), "http://")
	if _, err := standin.StartTelegram(standin.Options{Addr: addr}); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("error %v", err)
	}
}

// Every line of a card is as wide as the card, whatever stands in it.
func FuzzCardsAreStraight(f *testing.F) {
	out := &screen{}
	s := startSlack(f, standin.Options{Out: out, Width: 40})
	f.Add("● Place    São Paulo, BR and a long line that has to be wrapped somewhere", "🔴 CRITICAL")
	f.Add(strings.Repeat("x", 200), "👨‍👩‍👧‍👦")
	f.Add("a  b", "é́")
	f.Add("\x1b[31mred\x1b[2J", "\u009b1m\r")
	f.Fuzz(func(t *testing.T, pre, bold string) {
		text := func(s, style string) string {
			raw, _ := json.Marshal(s)
			return fmt.Sprintf(`{"type":"text","text":%s,"style":%s}`, raw, style)
		}
		if pre == "" || bold == "" {
			t.Skip()
		}
		blocks := `[{"type":"rich_text","elements":[{"type":"rich_text_preformatted","elements":[` + text(pre, `{}`) +
			`]},{"type":"rich_text_section","elements":[` + text(bold, `{"bold":true}`) + `,` + text(pre, `{"italic":true}`) + `]}]}]`
		out.clear()
		if answer := call(t, s.APIURL()+"chat.postMessage", form("token", "x", "channel", "soc", "blocks", blocks)); answer["ok"] != true {
			t.Skip()
		}
		for _, line := range strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n") {
			if strings.ContainsAny(line, "\x1b\r\x00\u009b") {
				t.Errorf("a line that steers the terminal: %q", line)
			}
			if w := uniseg.StringWidth(line); w != 40 {
				t.Errorf("a line of %d columns: %q", w, line)
			}
		}
	})
}

func FuzzBlocks(f *testing.F) {
	s := startSlack(f, standin.Options{})
	f.Add(`[{"type":"rich_text","elements":[{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}]}]`)
	f.Add(`[{"type":"section","fields":[null]}]`)
	f.Add(`[null]`)
	f.Fuzz(func(t *testing.T, blocks string) {
		answer := call(t, s.APIURL()+"chat.postMessage", form("token", "x", "channel", "soc", "text", "x", "blocks", blocks))
		if _, ok := answer["ok"].(bool); !ok {
			t.Errorf("answer %v", answer)
		}
	})
}
