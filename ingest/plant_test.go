package ingest_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// issuedTokens are of issuers' making, or look like nothing but chance.
func issuedTokens() map[string]string {
	return map[string]string{
		"hugging face": "hf_QkZxWvTyRmPqLsNdBgHjKcFaEuOiYtRe", "openai": "sk-T3BlbkFJq8ZxWvTyRmPqLsNdBgHjQkZx",
		"anthropic": "sk-ant-api03-QkZxWvTyRmPq_LsNdBgHj-KcFaEuOiYtRe4r5t6y7u8i9o0p-AAAA", "openrouter": "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",
		"github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "fine-grained": "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789ABCDEFGHIJKL",
		"gitlab": "glpat-q8ZxWvTyRmPqLsNdBgHj", "slack": "xoxb-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1", "aws": "AKIAIOSFODNN7EXAMPLE", "aws session": "ASIAY34FZKBOKMUTVV7A",
		"google": "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe", "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
		"pem line": "MIIEpAIBAAKCAQEAx4UbaDzY5xjW6hc9jwN0mX33XpTDVW8WqHFyAPjWy9qQ", "npm": "npm_abcdefghijklmnopqrstuvwxyz0123456789", "telegram": "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
		"sendgrid": "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", "stripe": "sk_live_4eC39HqLyjWDarjtT1zdp7dc", "vault": "hvs.CAESIJlU2T7Ky0kPqZxWvTyRmPqLsNdBgHj",
		"age": "AGE-SECRET-KEY-1QKZXWVTYRMPQLSNDBGHJKCFAEUOIYTRE234567", "base62": "qZ8xK2mN7vB4cR9tY3wE6uI1oP5aS0dF", "lower": "k3j9x2m7q8w4e1r6t5y0u2i8o3p7a9s4",
		"letters": "qkzxwvtyrmpqlsndbghjkcfaeuoiytre", "capitals": "QWRTYPSDFGHJKLZXCVBNMQWRTYPSDFGH",
	}
}

func unicodeEscaped(s string) string {
	var b strings.Builder
	for _, c := range s {
		fmt.Fprintf(&b, `\u%04x`, c)
	}
	return b.String()
}

func percentEncoded(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// hideouts are where a token may stand in a record that cannot be read.
func hideouts(k string) map[string]string {
	half := len(k) / 2
	b64, b64url := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"value": `{"x":"` + k + `"}`, "key": `{"` + k + `":1}`, "sentence": `{"x":"used ` + k + ` today"}`, "in a name": `{"x":"a_` + k + `_b"}`, "behind a dash": `{"x":"key-` + k + `"}`,
		"\\u": `{"x":"` + unicodeEscaped(k) + `"}`, "half \\u": `{"x":"` + unicodeEscaped(k[:half]) + k[half:] + `"}`, "\\u in a key": `{"` + unicodeEscaped(k) + `":1}`,
		"percent": `{"x":"/a?b=` + percentEncoded(k) + `"}`, "percent twice": `{"x":"/a?b=` + strings.ReplaceAll(percentEncoded(k), "%", "%25") + `"}`, "percent in \\u": `{"x":"` + strings.ReplaceAll(percentEncoded(k), "%", `\u0025`) + `"}`,
		"base64": `{"x":"` + b64([]byte(k)) + `"}`, "base64 of JSON": `{"x":"` + b64([]byte(`{"a":"`+k+`"}`)) + `"}`, "base64url as a key": `{"` + b64url([]byte(k)) + `":true}`, "Basic": `{"x":"Basic ` + b64([]byte("u:"+k)) + `"}`,
		"cookie": `{"x":"theme=dark; sid=` + k + `; b=c"}`, "password in a URL": `{"x":"https://user:` + k + `@host/p"}`, "user of a URL": `{"x":"https://` + k + `@host/p"}`, "referer": `{"x":"https://host/cb?state=1&next=%2Fa%3Fb%3D` + k + `"}`,
		"path": `{"x":"/v1/` + k + `/y"}`, "line": "GET /x " + k + " 200", "cut off": `{"x":"` + k, "cut off in a key": `{"x":1,"` + k, "JSON in JSON": `{"x":"{\"y\":\"` + k + `\"}"}`, "JSON in JSON in JSON": `{"x":"{\\\"y\\\":\\\"` + k + `\\\"}"}`,
		"array": `[["` + k + `"]]`, "commas": "a," + k + ",b", "brackets": "(" + k + ")", "\\x22": `{\x22x\x22:\x22` + k + `\x22}`, "HTML": "<a href=&quot;" + k + "&quot;>", "request id": `{"request_id":"` + k + `"}`, "trace, cut off": `{"trace_id":"` + k + `","a":`,
		"PEM": "-----BEGIN RSA PRIVATE KEY-----\\n" + k + "\\n-----END", "not UTF-8": "\xff" + k + "\xfe", "number of it": `{"x":1e5,"y":[` + k + `]}`, "header lines": "X-Custom: " + k + "\r\nHost: a",
	}
}

// No token, nor its base64, survives anywhere in what is stored of a record that could not be read.
func TestPlantedInPayloads(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for _, name := range slices.Sorted(maps.Keys(issuedTokens())) {
		token := issuedTokens()[name]
		for where, record := range hideouts(token) {
			s.Know(nil)
			if out := s.Payload([]byte(record)); !hidden(out, token) {
				t.Errorf("%s, %s: %s\nbecame %s", name, where, record, out)
			}
		}
	}
}

// hidden reports whether nothing of a token is to be seen but what a hint gives away.
func hidden(text, token string) bool {
	middle := token[len(token)/4 : len(token)-4]
	for _, encoded := range []string{base64.StdEncoding.EncodeToString([]byte(token)), base64.RawURLEncoding.EncodeToString([]byte(token))} {
		if !gone(text, encoded[4:len(encoded)-8]) {
			return false
		}
	}
	return gone(text, middle)
}

// In events too, where ids have to be told from tokens: paths, user agents and consumers.
func TestPlantedInEvents(t *testing.T) {
	s := ingest.NewScrubber(nil)
	b64, b64url := base64.StdEncoding.EncodeToString, base64.RawURLEncoding.EncodeToString
	for name, k := range issuedTokens() {
		for where, path := range map[string]string{
			"segment": "/v1/" + k + "/x", "query": "/v1?q=" + k, "percent": "/v1?q=" + percentEncoded(k), "base64": "/v1?q=" + b64([]byte(k)), "base64url": "/v1/" + b64url([]byte(k)) + "/x",
			"name of a parameter": "/v1?" + k + "=1", "fragment": "/v1#access=" + k, "matrix parameter": "/v1;jsession=" + k + "/a", "password": "/fetch?u=https://user:" + k + "@host/p", "list": "/v1?ids=a," + k + ",b",
		} {
			if out := string(s.Path([]byte(path))); !hidden(out, k) {
				t.Errorf("%s, %s: %s\nbecame %s", name, where, path, out)
			}
			if out := string(s.Text([]byte("agent/1.0 (+" + path + ")"))); !hidden(out, k) {
				t.Errorf("%s, %s in a user agent: became %s", name, where, out)
			}
		}
	}
	for text, want := range map[string]string{
		"/get?u=https://user:s3cret@host/p":                   "/get?u=https://user:***@host/p",
		"/get?u=https://user@host/p":                          "/get?u=https://user@host/p",
		"/get?k=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY":     "/get?k=***",
		"/v1/organizations/teams/members/permissions/audit":   "/v1/organizations/teams/members/permissions/audit",
		"/v1/task-2026112100001/desk-42":                      "/v1/task-2026112100001/desk-42",
		"/v1/internationalizationsettings/x":                  "/v1/internationalizationsettings/x",
		"/v1/models/mistralai/Mixtral-8x7B-Instruct-v0.1":     "/v1/models/mistralai/Mixtral-8x7B-Instruct-v0.1",
		"/a?next=/Users/List/ByTenant/AndRole&x=1":            "/a?next=/Users/List/ByTenant/AndRole&x=1",
		"/v1/models/claude-3-5-sonnet-20241022:beta/messages": "/v1/models/claude-3-5-sonnet-20241022:beta/messages",
	} {
		if have := string(s.Path([]byte(text))); have != want {
			t.Errorf("%s became %s, want %s", text, have, want)
		}
	}
}
