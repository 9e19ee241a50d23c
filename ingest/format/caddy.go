package format

import "bytes"

// caddyTable reads Caddy's access log: JSON, or lines of format console.
//
// Headers are arrays. ts is taken at the end of the request: seconds with a fraction, or
// whatever time_format says; duration likewise (duration_format). client_ip is the address
// that Caddy worked out with trusted_proxies, remote_ip the TCP peer; versions before 2.5
// have remote_addr with its port. Caddy writes REDACTED in place of Authorization and
// Cookie unless log_credentials is set, but logs other headers with keys as they are.
func caddyTable() table {
	return table{name: "caddy", marks: caddyMarks(), layouts: []layout{console}, shapes: "format console", logging: "global option: servers { log_credentials }", rows: []row{
		{"request.headers.Authorization", token, plain},
		{"request.headers.X-Api-Key", token, plain},
		{"request.headers.Apikey", token, plain},
		{"request.headers.Api-Key", token, plain},
		{"request.headers.X-Auth-Token", token, plain},
		{"request.headers.X-Access-Token", token, plain},
		{"request.headers.X-Goog-Api-Key", token, plain},
		{"request.headers.Ocp-Apim-Subscription-Key", token, plain},
		{"api_key", token, plain},
		{"token", token, plain},
		{"request.headers.Proxy-Authorization", secret, plain},
		{"request.headers.Cookie", secret, plain},

		{"consumer", consumer, plain},
		{"user_id", consumer, plain},
		{"request.headers.X-Consumer-Username", consumer, plain},
		{"request.headers.X-Consumer-Id", consumer, plain},
		{"request.headers.X-Forwarded-User", consumer, plain},
		{"request.headers.Remote-User", consumer, plain},
		{"request.tls.client_subject", consumer, plain},
		{"request.tls.client_common_name", consumer, plain},
		{"environment", environment, plain},

		{"ts", ended, guess},
		{"timestamp", ended, guess},
		{"@timestamp", ended, guess},
		{"time", ended, guess},
		{"duration", latency, spelt},
		{"duration_ms", latency, millis},
		{"latency", latency, spelt},

		{"request.remote_ip", peer, plain},
		{"request.remote_addr", peer, plain},
		{"remote_ip", peer, plain},
		{"request.client_ip", client, plain},
		{"request.headers.X-Real-Ip", client, plain},
		{"request.headers.X-Forwarded-For", forwardedFor, plain},
		{"request.headers.Forwarded", forwarded, plain},

		{"request.method", method, plain},
		{"request.uri", uri, plain},
		{"status", status, plain},
		{"bytes_read", bytesIn, plain},
		{"size", bytesOut, plain},
		{"request.headers.User-Agent", userAgent, plain},
		{"request.headers.X-Request-Id", requestID, plain},
		{"request_id", requestID, plain},
		{"uuid", requestID, plain},
		{"err_id", requestID, plain},
	}}
}

// console reads the lines of Caddy's format console, which is what it writes to a terminal: time, level,
// logger, message, and the rest as JSON, with tabs between them.
func console(obj, line []byte) ([]byte, bool) {
	var parts [4][]byte
	for i := range parts {
		var tab bool
		if parts[i], line, tab = bytes.Cut(line, []byte("\t")); !tab {
			return obj, false
		}
	}
	line = bytes.TrimSpace(line)
	if !bytes.HasPrefix(parts[2], []byte("http.log.")) || len(line) < 3 || line[0] != '{' || line[len(line)-1] != '}' {
		return obj, false
	}
	obj = appendField(appendField(obj, "logger", parts[2]), "ts", parts[0])
	return append(append(obj, ','), line[1:len(line)-1]...), true
}

func caddyMarks() []string {
	return []string{"resp_headers", "logger", "common_log", "err_trace"}
}
