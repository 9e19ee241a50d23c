package ingest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

func TestPathsAreScrubbed(t *testing.T) {
	const token = "hf_QkZxWvTyRmPqLsNdBgHjKcFaEu"
	cases := map[string]string{
		"/v1/models": "/v1/models", "/v1/models?limit=20&stream=true": "/v1/models?limit=20&stream=true",
		"/v1?api_key=abc":                             "/v1?api_key=***",
		"/v1?a=1&X-Api-Key=abc&b=2":                   "/v1?a=1&X-Api-Key=***&b=2",
		"/v1?access_token=a%20b;x=1":                  "/v1?access_token=***;x=1",
		"/v1?api%5Fkey=abc":                           "/v1?api%5Fkey=***",
		"/v1?password=p&sig=s&key=k#x":                "/v1?password=***&sig=***&key=***#x",
		"/v1?token=":                                  "/v1?token=",
		"/v1?max_tokens=20&author=me&keyword=it":      "/v1?max_tokens=20&author=me&keyword=it",
		"/v1?x=" + token:                              "/v1?x=***",
		"/bot" + "/" + token + "/send":                "/bot/***/send",
		"/v1/x?u=http://a/?q=" + token + "&v=1":       "/v1/x?u=http://a/?q=***&v=1",
		"/v1?x=%68%66_QkZxWvTyRmPqLsNdBgHjKcFaEu":     "/v1?x=***",
		"/v1?x=%2568%2566_QkZxWvTyRmPqLsNdBgHjKcFaEu": "/v1?x=***",
		"/k3j9x2m7q8w4e1r6t5y0u2i8o3p7a9s4/x":         "/***/x",
		"/v1?next=qZ8xK2mN7vB4cR9tY3wE6uI1oP5aS0dF==": "/v1?next=***",

		"/v1/users/3fa85f64-5717-4562-b3fc-2c963f66afa6":  "/v1/users/3fa85f64-5717-4562-b3fc-2c963f66afa6",
		"/v1/blobs/9f86d081884c7d659a2feaa0c55ad015":      "/v1/blobs/9f86d081884c7d659a2feaa0c55ad015",
		"/v1/models/gpt-4o-mini-2024-07-18":               "/v1/models/gpt-4o-mini-2024-07-18",
		"/v1/models/Meta-Llama-3.1-8B-Instruct-Turbo":     "/v1/models/Meta-Llama-3.1-8B-Instruct-Turbo",
		"/v1/models/Qwen2.5-Coder-32B-Instruct-GPTQ-Int8": "/v1/models/Qwen2.5-Coder-32B-Instruct-GPTQ-Int8",
		"/api/getUserPreferencesByTenantIdentifier":       "/api/getUserPreferencesByTenantIdentifier",
		"/docs/sk-learn-contrib-introduction":             "/docs/sk-learn-contrib-introduction",
		"/logs/20261121T211112Z/part-000000000001":        "/logs/20261121T211112Z/part-000000000001",
		"/100%/x?y=%zz": "/100%/x?y=%zz",
	}
	s := ingest.NewScrubber(nil)
	for path, want := range cases {
		if got := string(s.Path([]byte(path))); got != want {
			t.Errorf("%s: have %s, want %s", path, got, want)
		}
	}
}

func TestTextsAreScrubbed(t *testing.T) {
	cases := map[string]string{
		"curl/8.7.1": "curl/8.7.1", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
		"bot (key ghp_16C7e42F292c6912E7710c838347Ae178B4a)":  "bot (key ***)",
		"Authorization: Bearer abcdefgh12":                    "Authorization: Bearer ***",
		"bearer short":                                        "bearer short",
		"aws AKIAIOSFODNN7EXAMPLE":                            "aws ***",
		"x-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "***",
		"sk-SK locale":                                        "sk-SK locale", "AIzaSyD-EXAMPLEexample0123456789abcdef": "***",
	}
	s := ingest.NewScrubber(nil)
	for text, want := range cases {
		if got := string(s.Text([]byte(text))); got != want {
			t.Errorf("%s: have %s, want %s", text, got, want)
		}
	}
}

func TestIDsSurvive(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for _, id := range []string{"434dce18465fe02bf006b02287f40d0d", "4000a69d-3db6-404c-8892-4f8023e008f0", "IqXExampleExample123=", "Root=1-67891233-abcdef012345678912345678", "chatcmpl-9KLmNoPqRsTuVwXyZ123"} {
		if got := string(s.ID([]byte(id))); got != id {
			t.Errorf("%s became %s", id, got)
		}
	}
	s.Know([][]byte{[]byte("4000a69d-3db6-404c-8892-4f8023e008f0")})
	if got := string(s.ID([]byte("r 4000a69d-3db6-404c-8892-4f8023e008f0"))); got != "r ***" {
		t.Errorf("the entry's own credential became %s", got)
	}
}

func TestKnownCredentials(t *testing.T) {
	s := ingest.NewScrubber(nil)
	s.Know([][]byte{[]byte("Bearer correct-horse"), []byte("Basic dXNlcjpzM2NyM3QtcHc="), []byte("tiny")})
	for text, want := range map[string]string{
		"of correct-horse and correct-horse": "of *** and ***", "correct-hors": "correct-hors", "dXNlcjpzM2NyM3QtcHc=": "***", "user:s3cr3t-pw": "***", "s3cr3t-pw": "***",
		"tiny things": "tiny things", "user": "user", "correct%2Dhorse": "***",
	} {
		if got := string(s.Text([]byte(text))); got != want {
			t.Errorf("%s: have %s, want %s", text, got, want)
		}
	}
	s.Know(nil)
	if got := string(s.Text([]byte("correct-horse"))); got != "correct-horse" {
		t.Errorf("the last entry's credential is still known: %s", got)
	}
}

func TestPayloads(t *testing.T) {
	cases := map[string]string{
		`{"consumer":"acme","status":200}`:                                   `{"consumer":"acme","status":200}`,
		`{"apikey":"abc","authorization":"Bearer x","x":1}`:                  `{"apikey":"***","authorization":"***","x":1}`,
		`{"apikey":["abc","def"],"Cookie":{"a":"b"},"token":12345,"x":[1]}`:  `{"apikey":***,"Cookie":***,"token":***,"x":[1]}`,
		`{"apikey":null,"token":"","secret":{}}`:                             `{"apikey":null,"token":"","secret":{}}`,
		`{"messages":[{"role":"user","content":"]}\"PRIVATE"}],"model":"m"}`: `{"messages":***,"model":"m"}`,
		`{"messages":[{"role":"user","content":"PRIV`:                        `{"messages":***`,
		`{"apikey":"abc`:              `{"apikey":***`,
		`{'apikey': 'abc', 'x': 'y'}`: `{'apikey': '***', 'x': 'y'}`, `said {'token':'a b`: `said {'token':***`,
		`{"apikey":"short-one","uri":"/x/short-one","b":"a short-one"}`:                 `{"apikey":"***","uri":"/x/***","b":"a ***"}`,
		`{"a":"{\"apikey\":\"abc\",\"x\":\"y\"}"}`:                                      `{"a":"{\"apikey\":\"***\",\"x\":\"y\"}"}`,
		`{"uri":"/v1?api_key=abc&x=y","z":1}`:                                           `{"uri":"/v1?api_key=***&x=y","z":1}`,
		`{"request_id":"434dce18465fe02bf006b02287f40d0d"}`:                             `{"request_id":"434dce18465fe02bf006b02287f40d0d"}`,
		`{"x":"434dce18465fe02bf006b02287f40d0d"}`:                                      `{"x":"***"}`,
		`{"request_id":"qZ8xK2mN7vB4cR9tY3wE6uI1oP5aS0dF"}`:                             `{"request_id":"***"}`,
		`{"x":"ab/cD+qZ8xK2mN7vB4cR9tY3wE6u/I1oP5aS0dF=="}`:                             `{"x":"***"}`,
		`{"x":"\u0068\u0066_QkZxWvTyRmPqLsNdBgHjKcFaEu"}`:                               `{"x":"***"}`,
		`10.0.0.1 - - [21/Nov/2026:21:11:12 +0000] "GET /v1?token=abc HTTP/1.1" 200 12`: `10.0.0.1 - - [21/Nov/2026:21:11:12 +0000] "GET /v1?token=*** HTTP/1.1" 200 12`,
		`{"completionStartTime":1,"litellm_overhead_time_ms":2}`:                        `{"completionStartTime":1,"litellm_overhead_time_ms":2}`,
		"a\xffb": "a\uFFFDb", "": "", " {} ": "{}",
	}
	s := ingest.NewScrubber([]string{"messages"})
	for record, want := range cases {
		s.Know(nil)
		if got := s.Payload([]byte(record)); got != want {
			t.Errorf("%s:\nhave %s\nwant %s", record, got, want)
		}
	}
}

// TestNoHalfTokenAtTheCut moves a token over the place where payloads are cut.
func TestNoHalfTokenAtTheCut(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for _, token := range []string{"hf_QkZxWvTyRmPqLsNdBgHjKcFaEu", "correct-horse-battery-staple", "open sesame please"} {
		for _, bound := range []int{4 << 10, 8 << 10} {
			for from := bound - 40; from < bound+8; from++ {
				record := `{"x":"` + strings.Repeat("word ", from/5) + strings.Repeat(" ", from%5) + token + `","y":"` + strings.Repeat("more ", 2000) + `"}`
				s.Know([][]byte{[]byte(token)})
				payload := s.Payload([]byte(record))
				for size := len(token); size >= 5; size-- {
					if strings.Contains(payload, token[:size]) {
						t.Fatalf("bound %d, token at %d: %q survived", bound, from, token[:size])
					}
				}
			}
		}
	}
}

// FuzzScrub: a token, planted anywhere in anything, is gone afterwards.
func FuzzScrub(f *testing.F) {
	f.Add([]byte(`{"uri":"/v1?api_key=&x=y"}`), uint16(20), uint8(0), true)
	f.Add([]byte(`GET /a?b=c HTTP/1.1\n"\u00`), uint16(5), uint8(3), false)
	f.Add([]byte("%2%25\\\\\"\xff"), uint16(2), uint8(6), true)
	tokens := []string{"hf_QkZxWvTyRmPqLsNdBgHjKcFaEu", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "sk-proj-T3BlbkFJq8ZxWvTyRmPqLsNdBgHj", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}
	s := ingest.NewScrubber([]string{"messages"})
	f.Fuzz(func(t *testing.T, text []byte, where uint16, which uint8, told bool) {
		token := tokens[int(which)%len(tokens)]
		at := int(where) % (len(text) + 1)
		disguises := ways(token)
		disguise := disguises[int(which)/len(tokens)%len(disguises)]
		planted := string(text[:at]) + " " + disguise.text + " " + string(text[at:])
		if told {
			planted = string(text[:at]) + disguise.text + string(text[at:]) // glued to whatever is there
			s.Know([][]byte{[]byte("Bearer " + token)})
		} else {
			s.Know(nil)
		}
		outputs := map[string]string{"payload": s.Payload([]byte(planted)), "path": string(s.Path([]byte(planted))), "text": string(s.Text([]byte(planted)))}
		for name, output := range outputs {
			if gone(output, token) {
				continue
			}
			t.Errorf("%s, %s: %q\nbecame %q", name, disguise.name, planted, output)
		}
	})
}

// gone reports whether the token is in a text neither as it is nor behind an encoding.
func gone(text, token string) bool {
	for range 4 {
		if strings.Contains(text, token) {
			return false
		}
		text = string(unescaped([]byte(text)))
	}
	return true
}

func BenchmarkScrub(b *testing.B) {
	token := []byte("Bearer hf_QkZxWvTyRmPqLsNdBgHjKcFaEu")
	path := []byte("/v1/models/gpt-4o-mini/deployments/42?stream=true&limit=20")
	agent := []byte("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36")
	record, err := json.Marshal(map[string]string{"path": string(path), "agent": string(agent), "authorization": string(token), "request_id": "434dce18465fe02bf006b02287f40d0d"})
	if err != nil {
		b.Fatal(err)
	}
	s := ingest.NewScrubber(nil)
	s.Know([][]byte{token})
	for name, run := range map[string]func(){
		"path": func() { s.Path(path) }, "text": func() { s.Text(agent) }, "payload": func() { s.Payload(record) },
	} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}
