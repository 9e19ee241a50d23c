package format_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
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
	all := readers(f)
	f.Fuzz(func(t *testing.T, record []byte) {
		for name, reader := range all {
			againstOracle(t, name, reader, record)
		}
	})
}

func TestScannerAgreesWithEncodingJSON(t *testing.T) {
	all := readers(t)
	for name, reader := range all {
		for _, record := range awkward() {
			againstOracle(t, name, reader, []byte(record))
		}
	}
	if len(oracles()) != len(all) {
		t.Errorf("%d oracles for %d formats", len(oracles()), len(all))
	}
}

// readers has one of each format, which reads what its table names to the letter.
func readers(t testing.TB) map[string]format.Format {
	t.Helper()
	all := map[string]format.Format{}
	for _, name := range format.Names() {
		f, err := format.OpenExact(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = f
	}
	return all
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
		`{"x":"` + "\x01" + `"}`, `{"x":"` + "\x7f" + `"}`, "{\"x\":\"\t\"}", "{\"x\":\"\n\"}", `{"x":"\`, `{"x":"\"`, `{"x":"\u"}`, `{"x":"\u12"}`, `{"x":"\u12G4"}`, `{"x":"\x41"}`, `{"client_ip":"a\x22b\\x22\xc3\xA9\xff"}`, `{"client_ip":"\x2"}`, `{"client_ip":"\xG0\x41"}`, `{"client_ip":"\xF0\x9f\x98\x80\xe2\x82"}`, `{\x22a":1}`, `{"client_ip":\x31}`, `[{"client_ip":"1"},{"client_ip":"\x41"}]`,
		"{\"client_ip\":\"1\"}\n{\"client_ip\":\"\\x41\"}\n{\"client_ip\":\"\\x42\\\"}", `\{"client_ip":"\x22"}`,
		`{"x":"\'"}`, `{"x":"\u00e9"}`,
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

func againstOracle(t *testing.T, name string, f format.Format, record []byte) {
	t.Helper()
	have, err := decode(t, f, record)
	record = withoutBytes(record)
	want, entries, valid := oracle(name, record)
	switch {
	case len(bytes.Trim(record, "\ufeff\x1e \t\r\n")) == 0:
		wantReason(t, record, err, format.Empty)
	case !valid && err == nil:
		sameDocuments(t, name, record, have)
	case !valid && errors.Is(err, format.BadLine) && text(record):
		// to a format that reads lines too
	case !valid && errors.Is(err, format.Empty) && record[0] == '<':
		// the header of a syslog message without one
	case !valid:
		wantReason(t, record, err, format.BadJSON)
	case !utf8.Valid(record) && errors.Is(err, format.BadLine) && text(record):
	case entries == 0:
		wantReason(t, record, err, format.Empty)
	case err != nil:
		t.Fatalf("%.200q: refused (%v), but encoding/json reads it", record, err)
	default:
		sameValues(t, name, record, have, want)
	}
}

// byteEscapes are runs of NGINX's \xHH, or any other escape.
var byteEscapes = regexp.MustCompile(`(?s)\\(?:x[0-9a-fA-F]{2}(?:\\x[0-9a-fA-F]{2})*|.)`)

// withoutBytes is what encoding/json is shown of a record that is no JSON because of NGINX's escapes.
func withoutBytes(record []byte) []byte {
	if json.Valid(record) {
		return record
	}
	return byteEscapes.ReplaceAllFunc(record, func(escape []byte) []byte {
		if len(escape) < 4 {
			return escape
		}
		raw, _ := hex.DecodeString(strings.ReplaceAll(string(escape), `\x`, "")) // the expression lets nothing else through
		var out []byte
		for _, r := range string(raw) {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		return out
	})
}

// text reports whether a record does not begin as JSON objects and arrays of them do.
func text(record []byte) bool {
	record = bytes.TrimLeft(record, " \t\r\n")
	return record[0] != '{' && (record[0] != '[' || len(record) > 1 && ('0' <= record[1] && record[1] <= '9' || 'A' <= record[1] && record[1] <= 'Z') || bytes.HasPrefix(record, []byte("[pod/")))
}

// wraps reports whether a record may wrap another, which is then read in its place.
func wraps(record []byte) bool {
	for _, key := range []string{"message", "log", "MESSAGE", "msg", "line", "raw", "original", "event", "body", "data", "text", "content", "json", "parsed", "structured", "payload", "_source", "fields", "standard", "records", "Records", "entries", "items", "nginx", "access", "attributes", "httpLogs", "logEntry", "resourceLogs", "streams", `"{`, `"[`} {
		if bytes.Contains(record, []byte(key)) {
			return true
		}
	}
	return bytes.Contains(record, []byte(`\u`)) // escaped keys are not looked for
}

// sameDocuments: what is no JSON as a whole may be several documents, each of which begins
// in a line of its own. If all can be read, encoding/json reads the same one by one.
func sameDocuments(t *testing.T, name string, record []byte, have []seen) {
	t.Helper()
	if text(record) {
		return // lines
	}
	if bytes.IndexByte(record, '\n') < 0 {
		t.Fatalf("%.200q: encoding/json refuses it", record)
	}
	var want []values
	dec := json.NewDecoder(bytes.NewReader(record))
	for {
		var doc json.RawMessage
		if err := dec.Decode(&doc); err == io.EOF {
			break
		} else if err != nil {
			return // one of them is broken: the others are read all the same
		}
		entries, _, _ := oracle(name, doc)
		want = append(want, entries...)
	}
	for _, h := range have {
		if strings.HasPrefix(h.Err, "bad_") || strings.HasPrefix(h.Err, "empty") {
			return
		}
	}
	sameValues(t, name, record, have, want)
}

func wantReason(t *testing.T, record []byte, err error, reason format.Reason) {
	t.Helper()
	if !errors.Is(err, reason) {
		t.Fatalf("%.200q: have %v, want %s", record, err, reason)
	}
}

// values are what a format's table reads from rows that nothing else fills.
type values struct{ peer, client, agent, id string }

// aText stands for an entry that is a text: it may hold a record.
var aText = values{peer: "a text"}

// oracles say where these stand, the first that says something going before the others.
func oracles() map[string][4][]string {
	return map[string][4][]string{
		"tokenwatch":     {{"peer_ip"}, {"client_ip"}, {"user_agent"}, {"request_id"}},
		"kong":           {nil, {"client_ip"}, {"request.headers.user-agent"}, {"request.id", "request.headers.x-request-id", "request.headers.x-kong-request-id", "correlation_id"}},
		"apisix":         {{"remote_addr", "remote_ip", "remoteIP"}, {"client_ip", "http_x_real_ip", "x_real_ip"}, {"request.headers.user-agent", "http_user_agent", "user_agent", "userAgent"}, {"request.headers.x-request-id", "request_id", "req_id", "http_x_request_id", "x_request_id"}},
		"envoy":          {{"downstream_direct_remote_address", "downstream_direct_remote_address_without_port", "downstream_remote_address", "downstream_remote_address_without_port", "remote_address", "source_address", "commonProperties.downstreamDirectRemoteAddress.socketAddress.address", "commonProperties.downstreamRemoteAddress.socketAddress.address", "downstreamDirectRemoteAddress", "downstreamRemoteAddress"}, {"client_ip", "x-envoy-external-address"}, {"user-agent", "user_agent", "http_user_agent", "request.userAgent", "userAgent"}, {"x-request-id", "x_request_id", "request_id", "trace_id", "request.requestId", "requestId"}},
		"traefik":        {{"ClientAddr"}, {"request_X-Real-Ip"}, {"request_User-Agent", "request_user-agent"}, {"request_X-Request-Id", "request_x-request-id", "TraceId", "trace_id"}},
		"caddy":          {{"request.remote_ip", "request.remote_addr", "remote_ip"}, {"request.client_ip", "request.headers.X-Real-Ip"}, {"request.headers.User-Agent"}, {"request.headers.X-Request-Id", "request_id", "uuid", "err_id"}},
		"haproxy":        {{"client_ip", "client_address", "client", "source_ip", "src_ip", "src", "ci", "remote_addr"}, nil, nil, {"unique_id", "request_id"}},
		"aws-apigateway": {nil, {"ip", "sourceIp", "source_ip", "identity.sourceIp", "identitySourceIp", "clientIp", `identity\.sourceIp`, "identity_sourceIp", "identity_source_ip"}, {"userAgent", "user_agent", "user-agent", "identity.userAgent", `identity\.userAgent`, "identity_userAgent"}, {"requestId", "request_id", "extendedRequestId", "extended_request_id"}},
		"cloudflare":     {{"ClientIP", "SourceIP"}, nil, {"ClientRequestUserAgent", "UserAgent"}, {"RayID", "RequestID", "RequestHeaders.x-request-id"}},
		"litellm":        {nil, {"requester_ip_address", "metadata.requester_ip_address"}, nil, {"id", "request_id", "litellm_call_id", "trace_id"}},
		"nginx":          {{"remote_addr", "remote_ip", "remoteIP", "remoteAddr"}, {"client_ip", "http_x_real_ip", "x_real_ip", "ip", "clientIp"}, {"http_user_agent", "user_agent", "userAgent", "httpUserAgent", "ua", "agent"}, {"request_id", "req_id", "http_x_request_id", "x_request_id", "requestId"}},
	}
}

func sameValues(t *testing.T, name string, record []byte, have []seen, want []values) {
	t.Helper()
	if len(have) != len(want) && wraps(record) {
		return
	}
	if len(have) != len(want) {
		t.Fatalf("%s: %.200q: %d entries, want %d", name, record, len(have), len(want))
	}
	for i, h := range have {
		got, of := values{h.Peer, h.Client, h.UserAgent, h.RequestID}, oracles()[name]
		if of[2] == nil {
			got.agent = ""
		}
		if name == "litellm" && strings.Contains(want[i].client, ",") {
			want[i].client = "" // it is a forwarding header
		}
		if got != want[i] && want[i] != aText && !wraps(record) {
			t.Fatalf("%s: %.200q: entry %d: have %+v, want %+v", name, record, i, got, want[i])
		}
	}
}

func oracle(name string, record []byte) (all []values, entries int, valid bool) {
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
	of := oracles()[name]
	for _, entry := range list {
		if _, ok := entry.(string); ok {
			all = append(all, aText)
			continue
		}
		all = append(all, values{first(entry, of[0]), first(entry, of[1]), first(entry, of[2]), first(entry, of[3])})
	}
	return all, len(list), true
}

func first(entry any, paths []string) string {
	for _, path := range paths {
		keys := strings.Split(strings.ReplaceAll(path, `\.`, "\x00"), ".")
		for i := range keys {
			keys[i] = strings.ReplaceAll(keys[i], "\x00", ".")
		}
		if v := at(entry, keys...); v != "" {
			return v
		}
	}
	return ""
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
