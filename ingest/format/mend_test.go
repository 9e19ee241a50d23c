package format_test

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// escaped is a record as NGINX writes it without escape=json, with this user agent.
func escaped(agent string) string {
	return `{"time_iso8601":"2026-11-22T20:00:00+00:00","remote_addr":"203.0.113.7","request":"GET /a HTTP/1.1","status":200,"http_user_agent":"` + agent + `","consumer":"acme"}`
}

// TestEscapesOfNginx: a caller who puts a quote, or a byte that is no UTF-8, into its user agent must not have the record refused.
func TestEscapesOfNginx(t *testing.T) {
	for _, name := range []string{"nginx", format.Auto} {
		f := lookup(t, name)
		for written, want := range map[string]string{
			`a\x22b\x5Cc`:             `a"b\c`,
			`caf\xC3\xA9 \xe2\x82`:    "café \ufffd\ufffd",
			`\xF0\x9F\x98\x80\x00`:    "😀\x00",
			`a\x22 b\\x22 c\" \u00e9`: `a" b\x22 c" é`,
			"a\xff\xc3(\xe2\x82 é":    "a\ufffd\ufffd(\ufffd\ufffd é",
			"\x80" + `\xff`:           "\ufffd\ufffd",
		} {
			line, inText := escaped(written), strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(escaped(written))
			for around, record := range map[string]string{
				"nothing": line, "an array": "[" + line + "]", "white space": " \n" + line, "syslog": "<190>Nov 22 20:00:00 edge nginx: " + line,
				"CRI": "2026-11-22T20:00:00.1Z stdout F " + line, "Docker": `{"log":"` + inText + `\n","stream":"stdout"}`,
			} {
				if got := one(t, f, record); got.Err != "" || got.UserAgent != want || got.Consumer != "acme" {
					t.Errorf("%s, %s, in %s: %q, %s", name, written, around, got.UserAgent, got.Err)
				}
			}
		}
	}
}

// TestEscapesAmongOthers: each entry comes once, though some were read before the escape was met.
func TestEscapesAmongOthers(t *testing.T) {
	plain, odd, broken := escaped("curl/8"), escaped(`\x22`), escaped(`\xZZ`)
	for _, c := range []struct {
		record, agents string
		faults         int
	}{
		{"[" + plain + "," + odd + "," + plain + "]", `curl/8|"|curl/8`, 0},
		{plain + "\n" + odd + "\n" + plain, `curl/8|"|curl/8`, 0},
		{odd + "\n" + odd, `"|"`, 0},
		{plain + "\n" + broken + "\n" + odd, `curl/8||"`, 1},
		{`192.0.2.1 - acme [22/Nov/2026:20:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "a"` + "\n" + odd, `a|"`, 0},
	} {
		for _, name := range []string{"nginx", format.Auto} {
			entries, err := decode(t, lookup(t, name), []byte(c.record))
			var agents []string
			faults := 0
			for i, e := range entries {
				if agents = append(agents, e.UserAgent); e.Err != "" {
					faults++
				}
				if e.Item != i {
					t.Errorf("%s: entry %d is numbered %d", c.record, i, e.Item)
				}
			}
			if got := strings.Join(agents, "|"); err != nil || got != c.agents || faults != c.faults {
				t.Errorf("%s\n%s: %s with %d faults, %v", c.record, name, got, faults, err)
			}
		}
	}
}

// TestNothingElseIsMended: what is put in the place of an escape may stand within a string only.
func TestNothingElseIsMended(t *testing.T) {
	for record, want := range map[string]string{
		`{"consumer":\x31}`:                    "bad_json: at byte 12: want a value",
		`{\x22consumer":"a"}`:                  "bad_json: at byte 1: want a key in quotes",
		`{"consumer":"a\x2"}`:                  "bad_json: at byte 15: want an escape that JSON knows",
		`{"consumer":"\x22`:                    "bad_json: at byte 14: want an escape that JSON knows",
		`[{"consumer":"a"},{"consumer":"\x41}`: "bad_json: at byte 32: want an escape that JSON knows",
		`{"consumer":"\'\x41"}`:                "bad_json: at byte 14: want an escape that JSON knows",
	} {
		if _, err := decode(t, lookup(t, "nginx"), []byte(record)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", record, err, want)
		}
	}
}
