package ingest_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// TestNamesBesideValues: in a dead letter a value goes also where only its place beside the name tells what it is.
func TestNamesBesideValues(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for text, want := range map[string]string{
		`[('accept', '*/*'), ('cookie', 'apple.pie')]`:               `[('accept', '*/*'), ('cookie', '***')]`,
		`[(b'accept', b'*/*'), (b'x-api-key', b'apple')]`:            `[(b'accept', b'*/*'), (b'x-api-key', b'***')]`,
		`{"headers":[["accept","a"],["x-api-key","apple"]]}`:         `{"headers":[["accept","a"],["x-api-key","***"]]}`,
		`{"raw":["Host","h","Cookie","apple"]}`:                      `{"raw":["Host","h","Cookie","***"]}`,
		`{"name":"Authorization","value":"apple"}`:                   `{"name":"Authorization","value":"***"}`,
		`{"value":"apple","name":"Authorization"}`:                   `{"value":"***","name":"Authorization"}`,
		`{"key":"db_password","value":{"stringValue":"apple"}}`:      `{"key":"***","value":{"stringValue":"***"}}`,
		`':authority', 'h' 'x-api-key', 'apple'`:                     `':authority', 'h' 'x-api-key', '***'`,
		`s:8:"password";s:5:"apple";`:                                `s:8:"password";s:5:"***";`,
		`<header name="cookie" value="apple"/>`:                      `<header name="cookie" value="***"/>`,
		`<header name="cookie">apple</header>`:                       `<header name="cookie">***</header>`,
		"<password><![CDATA[apple]]></password>":                     "<password><![CDATA[***</password>",
		"invalid x-api-key 'apple' for bob":                          "invalid x-api-key '***' for bob",
		`tool --cookie "apple pie" run`:                              `tool --cookie "***" run`,
		"curl -u 'bob:apple' h":                                      "curl -u 'bob:***' h",
		"headers{accept=[a], x-api-key=[apple]}":                     "headers{accept=[a], x-api-key=***}",
		"Bearer_ghp_16C7e42F292c6912E7710c838347Ae178B4a 2026-11-21": "*** 2026-11-21",
		"with x-api-key apple_tango8.":                               "with x-api-key ***",
		`{"user[pin]":"apple"}`:                                      `{"user[pin]":"***"}`,
		"\x1b[32mtoken\x1b[0m=\x1b[36mapple\x1b[0m":                  "\x1b[32mtoken\x1b[0m=\x1b[36m***",
		"\x02password\x00\x06\x00\x00\x00apple\x00\x10n\x00":         "\x02password\x00\x06\x00\x00\x00***\x00\x10n\x00",
		"\x82\xa8password\xa5apple":                                  "\uFFFDpassword\uFFFD***",
		`{"grant_type":"password","username":"bob"}`:                 `{"grant_type":"password","username":"bob"}`,
		`{"error":"invalid_token","status":401}`:                     `{"error":"invalid_token","status":401}`,
		`{"value":"kept","name":"accept"}`:                           `{"value":"kept","name":"accept"}`,
		`no "token" of bob's`:                                        `no "token" of bob's`,
		`{"message":"session opened","level":"info"}`:                `{"message":"session opened","level":"info"}`,
		"GET /auth/login HTTP/1.1":                                   "GET /auth/login HTTP/1.1",
	} {
		s.Know(nil)
		if out := s.Payload([]byte(text)); out != want {
			t.Errorf("%q became\n%q, want\n%q", text, out, want)
		}
	}
}

// TestNamedSecretsInQueries: the same in the query strings of events, and what segments of a path open.
func TestNamedSecretsInQueries(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for path, want := range map[string]string{
		`/graphql?query=mutation{login(password:"apple")}`:                           `/graphql?query=mutation{login(password:"***")}`,
		"/graphql?query=mutation+%7Blogin(password:+%22apple%22)%7D":                 "/graphql?query=mutation+%7Blogin(password:+%22***%22)%7D",
		"/v1?headers=X-Api-Key%3A%20apple":                                           "/v1?headers=X-Api-Key%3A%20***",
		"/v1?q=token:+expired":                                                       "/v1?q=token:+expired",
		"/v1?q=token:+5f7c8ec7c33c":                                                  "/v1?q=token:***",
		"/v1?doc=%3Cpassword%3Eapple%3C%2Fpassword%3E":                               "/v1?doc=%3Cpassword%3E***%3C%2Fpassword%3E",
		"/v1?cmd=curl%20-u%20bob%3Aapple%20h":                                        "/v1?cmd=curl%20-u%20bob%3A***%20h",
		`/v1?f=[{"name":"password","value":"apple"}]`:                                `/v1?f=[{"name":"password","value":"***"}]`,
		"/v1?user[pwd][0]=apple&keys=a&key_2=b&monkeys_2=c":                          "/v1?user[pwd][0]=***&keys=***&key_2=***&monkeys_2=***",
		"/v1?user[sort]=name&keyword=it&statuses=200":                                "/v1?user[sort]=name&keyword=it&statuses=200",
		"/password-reset/3fa85f64-5717-4562-b3fc-2c963f66afa6":                       "/password-reset/***",
		"/invitation/9F86D081884C7D659A2FEAA0C55AD015":                               "/invitation/***",
		"/v1/sessions/pV7Nil7FxRyGgq/x":                                              "/v1/sessions/***/x",
		"/v1/sessions/3fa85f64-5717-4562-b3fc-2c963f66afa6":                          "/v1/sessions/3fa85f64-5717-4562-b3fc-2c963f66afa6",
		"/auth/realms/customer-portal-2/openid-connect":                              "/auth/realms/customer-portal-2/openid-connect",
		"/v1/users/pV7Nil7FxRyGgq/x":                                                 "/v1/users/pV7Nil7FxRyGgq/x",
		"/v1?x=g%00h%00p%00_%0016C7e42F292c6912E7710c838347Ae178B4a":                 "/v1?x=***",
		"/v1?x=" + strings.Join(strings.Split("ghp_16C7e42F292c6912E77", ""), "%00"): "/v1?x=***",
	} {
		if out := string(s.Path([]byte(path))); out != want {
			t.Errorf("%s\nbecame %s\nwant   %s", path, out, want)
		}
	}
}

// TestWideText: a record in UTF-16, either way round, reads as its characters do.
func TestWideText(t *testing.T) {
	s := ingest.NewScrubber(nil)
	const token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	for _, text := range []string{`{"a":"` + token + `"}`, `{"password":"apple-pie"}`} {
		for _, wide := range []string{strings.Join(strings.Split(text, ""), "\x00") + "\x00", "\x00" + strings.Join(strings.Split(text, ""), "\x00")} {
			s.Know(nil)
			out := strings.ReplaceAll(s.Payload([]byte(wide)), "\x00", "")
			if strings.Contains(out, token[8:]) || strings.Contains(out, "pie") || !strings.Contains(out, "***") {
				t.Errorf("%q became %q", wide, out)
			}
		}
	}
}

// TestIDsThatHoldTokens: of ids that are base64 those go that hold a token, and so does a Telegram bot's.
func TestIDsThatHoldTokens(t *testing.T) {
	s := ingest.NewScrubber(nil)
	b64 := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	s.Know([][]byte{[]byte("Bearer correct-horse-battery")})
	for id, want := range map[string]string{
		b64("hf_QkZxWvTyRmPqLsNdBgHjKcFaEuOiYtRe"): "***", base64.RawURLEncoding.EncodeToString([]byte("u:glpat-q8ZxWvTyRmPqLsNdBgHj?~")): "***",
		b64("user:correct-horse-battery"): "***", b64("8f14e45f:order:2026-11-21"): b64("8f14e45f:order:2026-11-21"),
		"123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX": "123456789:***", "req-1:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX": "req-1:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawX",
		"IqXExampleExampleExample123=": "IqXExampleExampleExample123=", "ZzZzZzZzZzZzZzZzZzZzZzZz": "ZzZzZzZzZzZzZzZzZzZzZzZz",
	} {
		if out := string(s.ID([]byte(id))); out != want {
			t.Errorf("%s became %s, want %s", id, out, want)
		}
	}
}
