package ingest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// written is a text with every character as an escape of that form.
func written(form, text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&b, form, c)
	}
	return b.String()
}

// escapes are how a character may be written that a browser, a program or a gateway reads as itself.
var escapes = []string{"%%%02X", "%%u%04x", `\u%04X`, `\x%02x`, "&#%d;", "&#x%X;"}

// TestEncodedTokens: whatever a token was written in, and written again in, it is seen, in events as well.
func TestEncodedTokens(t *testing.T) {
	const token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	s := ingest.NewScrubber(nil)
	for _, inner := range append(escapes, "%c") {
		for _, outer := range append(escapes, "%c") {
			hidden := written(outer, written(inner, token))
			for name, out := range map[string]string{
				"path": string(s.Path([]byte("/v1/x?zq=" + hidden + "&b=1"))), "agent": string(s.Agent([]byte("bot/1.0 (" + hidden + ")"))),
				"consumer": string(s.Text([]byte(hidden))), "id": string(s.ID([]byte(hidden))), "payload": s.Payload([]byte("x " + hidden + " y")),
			} {
				if !strings.Contains(out, "***") || strings.Count(out, "%")+strings.Count(out, `\`)+strings.Count(out, "#") > 0 {
					t.Errorf("%s, %q in %q: %s", name, inner, outer, out)
				}
			}
		}
	}
}

// TestTornTokens: a line break within a token does not save its second half.
func TestTornTokens(t *testing.T) {
	s := ingest.NewScrubber(nil)
	const head, tail = "glpat-q8ZxWvTyRm", "PqLsNdBgHj"
	for _, rip := range []string{"\n", "\r\n", "\r\n  \t", "%0A", "%0d%0a", `\n`, `\u000a`, "&#10;"} {
		for name, out := range map[string]string{
			"path": string(s.Path([]byte("/v1/" + head + rip + tail))), "agent": string(s.Agent([]byte("key " + head + rip + tail))),
			"id": string(s.ID([]byte("r " + head + rip + tail))), "payload": s.Payload([]byte(`{"x":"key ` + head + rip + tail + `"}`)),
		} {
			if strings.Contains(out, tail) || strings.Contains(out, head) {
				t.Errorf("%s, torn by %q: %q", name, rip, out)
			}
		}
	}
	s.Know([][]byte{[]byte("correct-horse-battery")})
	if out := string(s.Agent([]byte("said correct-horse-\nbattery"))); out != "said ***" {
		t.Errorf("the entry's own credential, torn: %q", out)
	}
	s.Know(nil)
	for _, text := range []string{"one\ntwo\n", "\n", "a\r", "first line\n  second line"} {
		if out := string(s.Agent([]byte(text))); out != text {
			t.Errorf("%q became %q", text, out)
		}
	}
}

// TestWhatIsNoEscape stays as it is.
func TestWhatIsNoEscape(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for _, text := range []string{
		"/a&amp;b?x=1&y=2&copy=3", "/c/Windows\\System32\\notepad.exe", "/100%/x?y=%zz&#x;&#;&;&#9999999999;", "/a?b=%u00&c=%uZZZZ", `/x\`, `/x\u00`, `/x\x4`, "/AT&T;x", "/a?q=Tom%26Jerry&quot;",
	} {
		if out := string(s.Path([]byte(text))); out != text {
			t.Errorf("path %s became %s", text, out)
		}
		if out := string(s.Agent([]byte(text))); out != text {
			t.Errorf("user agent %s became %s", text, out)
		}
	}
}

// TestEncodedCredentialIsNotRemembered: a record's own credential may stand behind an escape in a text that came before with
// another record, where it was nobody's.
func TestEncodedCredentialIsNotRemembered(t *testing.T) {
	const secret = "correct-horse-battery"
	for _, form := range escapes {
		d := newDecoder(t, "tokenwatch")
		record := func(token string) string {
			text := strings.ReplaceAll(written(form, secret), `\`, `\\`)
			return fmt.Sprintf(`{"time":"2026-11-21T21:11:12.856Z","token":%q,"consumer":"c %s","uri":"/v1/%s","user_agent":"a %s"}`, token, text, text, text)
		}
		for range 3 {
			decode(d, record("hf_QkZxWvTyRmPqLsNdBgHjKcFaEu"))
		}
		e := decode(d, record(secret)).Events[0]
		if e.Path != "/v1/***" || e.UserAgent != "a ***" || e.Consumer != "c ***" {
			t.Errorf("%q: %s, %s, %s", form, e.Path, e.UserAgent, e.Consumer)
		}
	}
}
