package ingest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

func TestRoutes(t *testing.T) {
	cases := map[string]string{
		"/":                                 "/",
		"/v1/models":                        "/v1/models",
		"/v1/models/":                       "/v1/models",
		"//v1///models":                     "/v1/models",
		"/v1/models/42":                     "/v1/models/{id}",
		"/v1/models/42/files?x=/y":          "/v1/models/{id}/files",
		"/v1/models#42":                     "/v1/models",
		"/v1/models/gpt-4o-mini-2024-07-18": "/v1/models/gpt-4o-mini-2024-07-18",
		"/v1/models/text-embedding-ada-002": "/v1/models/text-embedding-ada-002",
		"/v2/a1/users:batchGet":             "/v2/a1/users:batchGet",
		"/users/@me/index.html":             "/users/@me/index.html",
		"/users/3fa85f64-5717-4562-b3fc-2c963f66afa6/x":         "/users/{id}/x",
		"/blobs/9f86d081884c7d65":                               "/blobs/{id}",
		"/decade/facade":                                        "/decade/facade",
		"/files/file-9KLmNoPqRsTuVwXyZ123450":                   "/files/{id}",
		"/orders/2026-11-21":                                    "/orders/{id}",
		"/orders/inv0042":                                       "/orders/{id}",
		"/orders/x-12345":                                       "/orders/{id}",
		"/orders/A1234567":                                      "/orders/{id}",
		"/users/joe@example.com":                                "/users/{id}",
		"/x/01ARZ3NDEKTSV4RRFFQ69G5FAV/y":                       "/x/{id}/y",
		"/x/01arz3ndektsv4rrffq69g5fav/y":                       "/x/{id}/y",
		"/x/aGVsbG8gd29ybGQ":                                    "/x/{id}",
		"/x/QmFzZTY0VGV4dA":                                     "/x/{id}",
		"/threads/thread_abc123DEF456/messages":                 "/threads/{id}/messages",
		"/logs/2026-11-21T10:00:00Z":                            "/logs/{id}",
		"/logs/20261121":                                        "/logs/{id}",
		"/logs/report-20261121":                                 "/logs/{id}",
		"/models/claude-3-5-sonnet-20241022":                    "/models/claude-3-5-sonnet-20241022",
		"/model/anthropic.claude-3-sonnet-20240229-v1:0/invoke": "/model/anthropic.claude-3-sonnet-20240229-v1:0/invoke",
		"/models/claude-3-5-sonnet-99999999":                    "/models/{id}",
		"/models/meta-llama/Llama-3.1-8B-Instruct":              "/models/meta-llama/Llama-3.1-8B-Instruct",
		"/v1beta/models/gemini-1.5-pro:generateContent":         "/v1beta/models/gemini-1.5-pro:generateContent",
		"/models/mixtral-8x7b-instruct-v0.1":                    "/models/mixtral-8x7b-instruct-v0.1",
		"/x/x86_64/sha256/oauth2/h2/ipv4/utf8":                  "/x/x86_64/{id}/oauth2/h2/ipv4/utf8",
		"/x/hmac-sha256/rs_sha512":                              "/x/hmac-sha256/rs_sha512",
		"/x/user_2NNEqL2nrIRdJ194ndJqAHwEfxC":                   "/x/{id}",
		"/caf%C3%A9/x":                                          "/{id}/x",
		"/é":                                                    "/{id}",
		"/" + strings.Repeat("a", 49):                           "/{id}",
		"/a/b/c/d/e/f/g/h":                                      "/a/b/c/d/e/f/g/h",
		"/a/b/c/d/e/f/g/h/i/j":                                  "/a/b/c/d/e/f/g/h/{rest}",
		"/../../etc/passwd":                                     "/../../etc/passwd",
		"*":                                                     "/*",
		"https://user:pw@api.example/v1/models":                 "/v1/models",
		"https://api.example":                                   "/",
	}
	for path, want := range cases {
		if got := event(t, `"uri":"`+path+`"`).Route; got != want {
			t.Errorf("%s: have %s, want %s", path, got, want)
		}
	}
	if e := event(t, `"uri":""`); e.Route != "" || e.Path != "" {
		t.Errorf("no path: have %q and %q", e.Route, e.Path)
	}
}

func TestRoutesAreBounded(t *testing.T) {
	d := newDecoder(t, "tokenwatch")
	route := func(path string, at time.Time) string {
		var b schema.Block
		d.Decode(&b, []byte(`{"time":1795295472,"consumer":"a","uri":"`+path+`"}`), ingest.Position{At: at})
		return b.Events[0].Route
	}
	letters := func(n int) string {
		return strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprintf("%06d", n))
	}
	if got := route("/v1/models", at()); got != "/v1/models" {
		t.Fatalf("have %s", got)
	}
	distinct := map[string]bool{}
	for n := range 10_000 {
		distinct[route("/scan/"+letters(n), at())] = true
		distinct[route("/"+letters(n), at())] = true
	}
	if len(distinct) > 2300 {
		t.Errorf("%d templates", len(distinct))
	}
	if got := route("/v1/models", at()); got != "/v1/models" {
		t.Errorf("a known route became %s", got)
	}
	if got := route("/v1/files/new", at()); got != "/v1/{other}" {
		t.Errorf("a new route under a known first segment became %s", got)
	}
	if got := route("/another/files", at()); got != "/{other}" {
		t.Errorf("a new route became %s", got)
	}
	later := at().Add(25 * time.Hour)
	if got := route("/another/files", later); got != "/another/files" {
		t.Errorf("a day later a new route became %s", got)
	}
}

func TestClients(t *testing.T) {
	cases := map[string]string{
		"curl/8.7.1": "curl/8", "python-requests/2.31.0": "python-requests/2", "Go-http-client/1.1": "Go-http-client/1", "Wget/1.21 (linux-gnu)": "Wget/1",
		"Python/3.11 aiohttp/3.9.1": "aiohttp/3", "unknown/None; hf_hub/0.20.3; python/3.10.12": "hf_hub/0", "Python/3.11": "Python/3", "unknown": "unknown", "unknown/ / / /": "unknown",
		"OpenAI/NodeJS/3.2.1": "OpenAI/NodeJS/3", "OpenAI/v1 PythonBindings/0.27.8": "OpenAI/1", "GitHub-Hookshot/abc1234": "GitHub-Hookshot", "Symfony/HttpClient": "Symfony/HttpClient", "huggingface_hub/0.20.3; python/3.11": "huggingface_hub/0",
		"Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.19041.1": "PowerShell/5", "aws-cli/2.15.0 Python/3.11.6": "aws-cli/2", "kubectl/v1.29.0 (linux/amd64)": "kubectl/1", "name only;": "name",
		"OpenAI/Python 1.30.1": "OpenAI/Python/1", "okhttp 4.9": "okhttp/4", "axios/v1.6.0": "axios/1", "PostmanRuntime/7.36.1": "PostmanRuntime/7", "node": "node", "my client": "my", "": "",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36":                             "Chrome/126",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.1":                 "Edge/126",
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0":                                                                      "Firefox/128",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15":                          "Safari/17",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1":      "Chrome/126",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":                                                                    "Googlebot/2",
		"Mozilla/5.0 (Macintosh) AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot) Chrome/119 Safari/537.36": "GPTBot/1",
		"Mozilla/5.0": "Mozilla", "Mozilla/5.0 (compatible; ": "Mozilla", "Mozilla/5.0 (compatible; )": "",
		"x/99999999999999999999": "x/99999999", strings.Repeat("lane", 30) + "/12": strings.Repeat("lane", 8)[:31] + "/12", "na\\u0007me/1": "na_me/1",
	}
	for agent, want := range cases {
		e := event(t, `"user_agent":"`+agent+`"`)
		if e.Client != want {
			t.Errorf("%s: have %q, want %q", agent, e.Client, want)
		}
	}
}
