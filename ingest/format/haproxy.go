package format

import (
	"bytes"
	"strconv"
	"strings"
)

// haproxyTable reads HAProxy's log: JSON made with log-format, under the names that
// HAProxy's own examples use (2.x by hand, 3.x by %{+json}o), or the default lines of
// option httplog and httpslog.
//
// Times are local and have no zone: time_zone names it, the epoch in milliseconds goes
// before. Phases that were not reached are -1. Captured headers stand in braces without
// their names, {acme|curl/8}: see captures.
func haproxyTable() table {
	return table{name: "haproxy", names: chosen, marks: haproxyMarks(), layouts: []layout{httplog, httplogCLF}, shapes: "option httplog, httpslog, httplog clf", adapt: namedCaptures, logging: "in the frontend: http-request capture req.hdr(authorization) len 256", rows: []row{
		{"http_authorization", token, plain},
		{"authorization", token, plain},
		{"http_x_api_key", token, plain},
		{"x_api_key", token, plain},
		{"x-api-key", token, plain},
		{"api_key", token, plain},
		{"apikey", token, plain},
		{"token", token, plain},
		{"captured_request_cookie", secret, plain},
		{"captured_response_cookie", secret, plain},

		{"consumer", consumer, plain},
		{"consumer_username", consumer, plain},
		{"x_consumer_username", consumer, plain},
		{"http_x_consumer_username", consumer, plain},
		{"x_consumer_id", consumer, plain},
		{"user", consumer, plain},
		{"username", consumer, plain},
		{"ssl_c_s_dn", consumer, plain},
		{"environment", environment, plain},

		{"request_date_ms", started, guess},
		{"accept_date_ms", started, guess},
		{"timestamp_ms", started, guess},
		{"request_date", started, guess},
		{"request_date_time", started, guess},
		{"t", started, guess},
		{"tr", started, guess},
		{"accept_date", started, guess},
		{"date_time", started, guess},
		{"timestamp", started, guess},
		{"@timestamp", started, guess},
		{"time", started, guess},
		{"date", started, guess},
		{"time_active", latency, millis},
		{"time_total", latency, millis},
		{"total_time", latency, millis},
		{"time_duration", latency, millis},
		{"duration_ms", latency, millis},
		{"duration", latency, millis},
		{"Ta", latency, millis},
		{"Tt", latency, millis},
		{"session_duration", latency, millis},
		{"session_duration_ms", latency, millis},
		{"time_response", latency, millis},

		{"client_ip", peer, plain},
		{"client_address", peer, plain},
		{"client", peer, plain},
		{"source_ip", peer, plain},
		{"src_ip", peer, plain},
		{"src", peer, plain},
		{"ci", peer, plain},
		{"remote_addr", peer, plain},
		{"x_forwarded_for", forwardedFor, plain},
		{"x-forwarded-for", forwardedFor, plain},
		{"http_x_forwarded_for", forwardedFor, plain},
		{"forwarded_for", forwardedFor, plain},
		{"xff", forwardedFor, plain},
		{"forwarded", forwarded, plain},

		{"http_method", method, plain},
		{"request_method", method, plain},
		{"method", method, plain},
		{"HM", method, plain},
		{"http_verb", method, plain},
		{"http_uri", uri, plain},
		{"request_uri", uri, plain},
		{"uri", uri, plain},
		{"url", uri, plain},
		{"HU", uri, plain},
		{"http_path", uri, plain},
		{"path", uri, plain},
		{"HP", uri, plain},
		{"http_query", query, plain},
		{"query", query, plain},
		{"HQ", query, plain},
		{"http_request", requestLine, plain},
		{"request_line", requestLine, plain},
		{"request", requestLine, plain},
		{"r", requestLine, plain},
		{"status_code", status, answered},
		{"http_status", status, answered},
		{"http_status_code", status, answered},
		{"status", status, answered},
		{"ST", status, answered},
		{"bytes_uploaded", bytesIn, plain},
		{"bytes_received", bytesIn, plain},
		{"bytes_in", bytesIn, plain},
		{"U", bytesIn, plain},
		{"bytes_read", bytesOut, plain},
		{"bytes_sent", bytesOut, plain},
		{"bytes_out", bytesOut, plain},
		{"B", bytesOut, plain},
		{"bytes", bytesOut, plain},
		{"user_agent", userAgent, plain},
		{"http_user_agent", userAgent, plain},
		{"unique_id", requestID, plain},
		{"request_id", requestID, plain},
		{"captured_request_headers", captured, plain},
		{"capture_request", captured, plain},
		{"hr", captured, plain},
	}}
}

func haproxyMarks() []string {
	return []string{
		"termination_state", "termination_state_cookie", "fe_name_transport", "frontend_name", "fe_name", "be_name", "backend_name", "actconn", "feconn", "beconn",
		"srv_conn", "srvconn", "srv_queue", "backend_queue", "captured_request_headers", "captured_request_cookie", "time_active",
		"time_connect", "time_wait", "time_request", "request_date_ms", "bytes_uploaded", "http_query", "accept_date", "ssl_version", "tsc", "TR", "Tw", "Tc",
	}
}

// capture is the path by which token_fields and consumer_fields name the n-th captured
// request header, from 0: captured_request_headers.0.
const capture = "captured_request_headers."

// maxCaptures bounds how many captured headers are looked at.
const maxCaptures = 16

// namedCaptures has the configuration's captures read by their number: a line has no
// names for them, so the walker could not find them.
func namedCaptures(t *table, cfg Config) {
	tokens, consumers := numbered(cfg.Token), numbered(cfg.Consumer)
	guessing := [2]bool{len(cfg.Token) == 0, len(cfg.Consumer) == 0}
	t.finish = func(r *Record) {
		r.parts = captures(r.parts[:0], r.captured)
		list := r.parts
		for _, n := range tokens {
			if n < len(list) && !unset(list[n]) && r.setToken(list[n], len(r.Token) > 0) {
				break
			}
		}
		for _, n := range consumers {
			if n < len(list) && !unset(list[n]) && len(r.Consumer) == 0 {
				r.Consumer = list[n]
			}
		}
		r.guessCaptures(list, guessing)
	}
}

// numbered gives the numbers of the captures that the configuration names.
func numbered(fields []string) []int {
	var list []int
	for _, field := range fields {
		if number, ok := strings.CutPrefix(field, capture); ok {
			if n, err := strconv.Atoi(number); err == nil && n >= 0 && n < maxCaptures {
				list = append(list, n)
			}
		}
	}
	return list
}

// captures appends the parts of what stands between the braces.
func captures(list [][]byte, braced []byte) [][]byte {
	braced = bytes.TrimSuffix(bytes.TrimPrefix(braced, []byte("{")), []byte("}"))
	for len(braced) > 0 && len(list) < maxCaptures-1 {
		end := bytes.IndexByte(braced, '|')
		if end < 0 {
			return append(list, braced)
		}
		list = append(list, braced[:end])
		if braced = braced[end+1:]; len(braced) == 0 {
			return append(list, braced) // nothing, but a part
		}
	}
	if len(braced) > 0 {
		list = append(list, braced)
	}
	return list
}

// guessCaptures takes captured headers for what their looks leave no doubt about: a
// credential; a user agent, which has a slash in it; and, where nothing else says who
// called, a plain word that is neither a host nor an address nor an id.
func (r *Record) guessCaptures(list [][]byte, guess [2]bool) {
	for _, v := range list {
		switch {
		case unset(v):
		case isCredential(v):
			r.secret(v)
			if guess[0] && len(r.Token) == 0 {
				r.Token = v
			}
		case bytes.IndexByte(v, '/') > 0 && len(r.UserAgent) == 0 && v[0] != '*' && bytes.IndexByte(v, ':') < 0:
			r.UserAgent = v
		case guess[1] && len(r.Consumer) == 0 && isName(v):
			r.Consumer = v
		}
	}
}

// isName tells a name from hosts (api.example.com, localhost, api:8080), addresses, ids,
// sizes and media types.
func isName(v []byte) bool {
	letters := false
	for _, c := range v {
		if c == '.' || c == ':' || c == '/' || c == ' ' || c == ',' || c == ';' || c == '=' || c == '*' {
			return false
		}
		letters = letters || c|0x20-'a' < 26
	}
	return letters && !isID(v) && string(v) != "localhost"
}
