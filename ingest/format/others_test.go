package format_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestOtherDeployments: records as deployments write them that named things their own way, or have other versions. auto has to know
// them as well.
func TestOtherDeployments(t *testing.T) {
	const key = "hf_QkZxWvTyRmPqLsNdBgHjKcFaEuZ9"
	began := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	usual := seen{Time: began, Latency: "30ms", Method: "GET", URI: "/a?b=1", Status: 200, BytesOut: 20, UserAgent: "curl/8"}
	with := func(change func(*seen)) seen {
		s := usual
		change(&s)
		return s
	}
	cases := []struct {
		name, format, record string
		want                 seen
	}{
		{"camel case", "nginx", `{"timeIso8601":"2026-11-22T20:00:00.03+00:00","remoteAddr":"203.0.113.7","requestMethod":"GET","requestUri":"/a?b=1","status":"200","bodyBytesSent":"20","requestTime":"0.030","httpUserAgent":"curl/8","requestId":"n-1","httpAuthorization":"Bearer KEY"}`,
			with(func(s *seen) { s.Token, s.Peer, s.RequestID = "Bearer "+key, "203.0.113.7", "n-1" })},
		{"short names", "nginx", `{"ts":"1795377600.030","ip":"203.0.113.7","method":"GET","uri":"/a","args":"b=1","status":200,"size":20,"rt":"0.030","ua":"curl/8","http_x_api_key":"KEY","upstream_addr":"10.0.0.1:80"}`,
			with(func(s *seen) { s.Token, s.Client = key, "203.0.113.7" })},
		{"camel case", "envoy", `{"startTime":"2026-11-22T20:00:00.000Z","method":"GET","path":"/a?b=1","responseCode":200,"bytesSent":20,"bytesReceived":10,"duration":30,"userAgent":"curl/8","requestId":"e-1","downstreamRemoteAddress":"203.0.113.7:1","xForwardedFor":"203.0.113.7","responseFlags":"-","authorization":"Bearer KEY"}`,
			with(func(s *seen) {
				s.Token, s.Peer, s.ForwardedFor, s.RequestID, s.BytesIn = "Bearer "+key, "203.0.113.7:1", "203.0.113.7", "e-1", 10
			})},
		{"named by HAProxy's variables", "haproxy", `{"client_ip":"203.0.113.7","request_date":"22/Nov/2026:20:00:00.000","frontend_name":"fe","Ta":30,"ST":200,"B":20,"U":10,"HM":"GET","HU":"/a?b=1","authorization":"Bearer KEY","user_agent":"curl/8"}`,
			with(func(s *seen) { s.Token, s.Peer, s.BytesIn = "Bearer "+key, "203.0.113.7", 10 })},
		{"Serverless Framework", "aws-apigateway", `requestId: a-1, ip: 203.0.113.7, caller: -, user: bob, requestTime: 22/Nov/2026:20:00:00 +0000, httpMethod: GET, resourcePath: /a, status: 200, protocol: HTTP/1.1, responseLength: 20`,
			seen{Time: began, Method: "GET", URI: "/a", Status: 200, BytesOut: 20, Client: "203.0.113.7", Consumer: "bob", RequestID: "a-1"}},
		{"time with an exponent", "caddy", `{"ts":1.79537760003e+09,"logger":"http.log.access.log0","request":{"remote_ip":"203.0.113.7","method":"GET","uri":"/a?b=1","headers":{"User-Agent":["curl/8"],"X-Api-Key":["KEY"]}},"duration":3e-2,"size":20,"status":200}`,
			with(func(s *seen) { s.Token, s.Peer = key, "203.0.113.7" })},
		{"use_x_forwarded_for, and tags", "litellm", `{"call_type":"acompletion","startTime":1795377600,"endTime":1795377600.03,"status":"success","requester_ip_address":"203.0.113.7, 10.0.0.1","request_tags":["team-a","User-Agent: OpenAI","User-Agent: OpenAI/Python 1.30.1"],"metadata":{"user_api_key_hash":"88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b","user_api_key_request_route":"/v1/chat/completions","usage_object":{"prompt_tokens":20,"completion_tokens":10}}}`,
			seen{Time: began, Latency: "30ms", URI: "/v1/chat/completions", Status: 200, UserAgent: "OpenAI/Python 1.30.1", ForwardedFor: "203.0.113.7, 10.0.0.1", UnitsIn: 20, UnitsOut: 10,
				Credential: "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"}},
		{"unmarked, with HAProxy's names", "haproxy", `{"timestamp":1795377600000,"src":"203.0.113.7","url":"/a?b=1","method":"GET","status":200,"duration":30,"bytes_out":20,"user_agent":"curl/8","consumer":"bob"}`,
			with(func(s *seen) { s.Consumer, s.Peer = "bob", "203.0.113.7" })},
		{"tags of the caller's own", "litellm", `{"call_type":"acompletion","startTime":1795377600,"endTime":1795377600.03,"status":"success","requester_ip_address":"203.0.113.7","request_tags":["team-a"],"metadata":{"user_api_key_alias":"bob"}}`,
			seen{Time: began, Latency: "30ms", Status: 200, Client: "203.0.113.7", Consumer: "bob"}},
	}
	for _, c := range cases {
		for _, name := range []string{c.format, format.Auto} {
			t.Run(name+"/"+c.format+" "+c.name, func(t *testing.T) {
				f := lookup(t, name)
				entries, err := decode(t, f, []byte(strings.ReplaceAll(c.record, "KEY", key)))
				if err != nil || len(entries) != 1 {
					t.Fatalf("%d entries, %v", len(entries), err)
				}
				if f.Name() != c.format {
					t.Errorf("taken for %s", f.Name())
				}
				have := entries[0]
				have.Secrets = nil
				if have.Time.Sub(c.want.Time).Abs() > time.Microsecond {
					t.Errorf("began at %s, want %s", have.Time, c.want.Time)
				}
				if have.Time = c.want.Time; jsonOf(t, have) != jsonOf(t, c.want) {
					t.Errorf("have %s\nwant %s", jsonOf(t, have), jsonOf(t, c.want))
				}
			})
		}
	}
}

func jsonOf(t *testing.T, s seen) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
