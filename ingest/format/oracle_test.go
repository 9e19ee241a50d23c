package format_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// FuzzScanner holds the scanner against encoding/json: the same records are refused, and
// of the others the same values are read.
func FuzzScanner(f *testing.F) {
	for _, name := range format.Names() {
		for _, path := range records(f, name) {
			f.Add(read(f, path))
		}
	}
	for _, s := range awkward() {
		f.Add([]byte(s))
	}
	kong := lookup(f, "kong")
	f.Fuzz(func(t *testing.T, record []byte) { againstOracle(t, kong, record) })
}

func TestScannerAgreesWithEncodingJSON(t *testing.T) {
	kong := lookup(t, "kong")
	for _, record := range awkward() {
		againstOracle(t, kong, []byte(record))
	}
}

// awkward are the corners of JSON.
func awkward() []string {
	deep := func(n int, open, inner, end string) string {
		return string(bytes.Repeat([]byte(open), n)) + inner + string(bytes.Repeat([]byte(end), n))
	}
	all := []string{
		"", " ", "\n\t\r ", "\ufeff{}", "{}", "[]", "[{}]", "[[]]", "[[{}]]", "{},", "{}{}", "[{}],", "[{},]", "[,{}]", "[{}", "{", "[", "]", "}",
		`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{a:1}`, `{'a':1}`, `{"a":1}x`, `null`, `true`, `"x"`, `1`, `nul`, `nullx`, `truefalse`,
		`{"x":tru}`, `{"x":True}`, `{"x":nan}`, `{"x":Infinity}`, `{"x":/**/1}`,
		`{"x":-}`, `{"x":-0}`, `{"x":00}`, `{"x":01}`, `{"x":-01}`, `{"x":1.}`, `{"x":.5}`, `{"x":1e}`, `{"x":1e+}`, `{"x":1E-2}`, `{"x":+1}`, `{"x":0x1}`, `{"x":1_0}`, `{"x":1e9999}`,
		`{"x":"` + "\x01" + `"}`, `{"x":"` + "\x7f" + `"}`, "{\"x\":\"\t\"}", "{\"x\":\"\n\"}", `{"x":"\`, `{"x":"\"`, `{"x":"\u"}`, `{"x":"\u12"}`, `{"x":"\u12G4"}`, `{"x":"\x41"}`, `{"x":"\'"}`, `{"x":"\u00e9"}`,
		`{"client_ip":"\ud83d\ude00"}`, `{"client_ip":"\ud83d"}`, `{"client_ip":"\ude00\ud83d"}`, `{"client_ip":"\ud83d\u0041"}`, `{"client_ip":"\ud83dx\ude00"}`, `{"client_ip":"\uD83D\\ude00"}`,
		`{"client_ip":"\b\f\n\r\t\"\\\/"}`, `{"client_\u0069p":"escaped key"}`, `{"client_ip":"1","client_ip":"2"}`, `{"client_ip":"1","client_ip":null}`, `{"client_ip":"1","client_ip":{}}`,
		`{"request":{"method":"GET"},"request":{"uri":"/"}}`, `{"request":{"method":"GET"},"request":1}`, `{"request":1,"request":{"method":"GET"}}`, `{"request":{"headers":{"user-agent":"a"},"headers":{}}}`,
		`{"request":{"headers":{"user-agent":["","-","a","b"]}}}`, `{"request":{"headers":{"user-agent":[1,{"x":["y"]},[],null,"a\u0062"]}}}`, `{"request":{"method":["\"]"]}}`,
		"{\"x\":\"\xff\"}", "{\"x\":\"\xc3\"}", "{\"\xff\":1}", "{\"x\":\"\xed\xa0\x80\"}", "{\"x\":\"\xc0\xaf\"}", "{\xff}", "\xff", "{\"client_ip\":\"1234567\xff\"}", "{\"client_ip\":\"é1234567é\"}",
		`{"a":` + deep(9999, "[", "", "]") + `}`, `{"a":` + deep(10000, "[", "", "]") + `}`, deep(10000, "[", "{}", "]"),
		deep(9998, `{"a":`, `{"client_ip":"x"}`, "}"), deep(10001, `{"request":`, "1", "}"), `{"request":` + deep(9999, "[", "", "]") + `}`, `[{"a":` + deep(9998, "[", "", "]") + `}]`, `[{"a":` + deep(9999, "[", "", "]") + `}]`,
	}
	for _, s := range []string{"", "1234567", "12345678", "123456789012345"} { // around the eight bytes that are read at once
		all = append(all, `{"client_ip":"`+s+`"}`, `{"client_ip":"`+s+"\x1f\"}", `{"client_ip":"`+s+`\n"}`, `{"client_ip":"`+s, `{"client_ip":"`+s+`é"}`)
	}
	return all
}

func againstOracle(t *testing.T, f format.Format, record []byte) {
	t.Helper()
	have, err := decode(t, f, record)
	want, entries, valid := oracle(record)
	switch {
	case len(bytes.TrimLeft(record, " \t\r\n")) == 0:
		wantReason(t, record, err, format.Empty)
	case !valid && !utf8.Valid(record):
		if !errors.Is(err, format.BadJSON) && !errors.Is(err, format.BadUTF8) {
			t.Fatalf("%.200q: have %v, want it refused", record, err)
		}
	case !valid:
		wantReason(t, record, err, format.BadJSON)
	case !utf8.Valid(record):
		wantReason(t, record, err, format.BadUTF8)
	case entries == 0:
		wantReason(t, record, err, format.Empty)
	case err != nil:
		t.Fatalf("%.200q: refused (%v), but encoding/json reads it", record, err)
	default:
		sameValues(t, record, have, want)
	}
}

func wantReason(t *testing.T, record []byte, err error, reason format.Reason) {
	t.Helper()
	if !errors.Is(err, reason) {
		t.Fatalf("%.200q: have %v, want %s", record, err, reason)
	}
}

// values are what Kong's table reads from one path each.
type values struct{ client, method, agent, credential string }

func sameValues(t *testing.T, record []byte, have []seen, want []values) {
	t.Helper()
	if len(have) != len(want) {
		t.Fatalf("%.200q: %d entries, want %d", record, len(have), len(want))
	}
	for i, h := range have {
		if got := (values{h.Client, h.Method, h.UserAgent, h.Credential}); got != want[i] {
			t.Fatalf("%.200q: entry %d: have %+v, want %+v", record, i, got, want[i])
		}
	}
}

func oracle(record []byte) (all []values, entries int, valid bool) {
	if !json.Valid(record) {
		return nil, 0, false
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(record))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil, 0, false
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, entry := range list {
		all = append(all, values{
			client: at(entry, "client_ip"), method: at(entry, "request", "method"),
			agent: at(entry, "request", "headers", "user-agent"), credential: at(entry, "authenticated_entity", "id"),
		})
	}
	return all, len(list), true
}

func at(v any, path ...string) string {
	for _, key := range path {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	if list, ok := v.([]any); ok {
		return firstOf(list)
	}
	return said(v)
}

func firstOf(list []any) string {
	for _, element := range list {
		if s, ok := element.(string); ok && said(s) != "" {
			return s
		}
	}
	return ""
}

func said(v any) string {
	var s string
	switch v := v.(type) {
	case string:
		s = v
	case json.Number:
		s = v.String()
	}
	if s == "-" {
		return ""
	}
	return s
}
