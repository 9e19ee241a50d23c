package format

// traefikTable reads Traefik's access log: JSON, or lines in its common log format.
//
// ClientAddr is the TCP peer. ClientHost is whatever X-Forwarded-For says if there is
// one: the client's claim, which counts as far as the peer is trusted. Durations are
// nanoseconds. Headers are logged only where accessLog.fields.headers keeps them, as
// request_<Header>; REDACTED ones are nobody's.
func traefikTable() table {
	return table{name: "traefik", marks: traefikMarks(), layouts: traefikLayouts(), shapes: "common log format with router, URL and milliseconds", logging: "accessLog.format: json and accessLog.fields.headers.names: {Authorization: keep}", rows: []row{
		{"request_Authorization", token, plain},
		{"request_X-Api-Key", token, plain},
		{"request_Apikey", token, plain},
		{"request_Api-Key", token, plain},
		{"request_X-Auth-Token", token, plain},
		{"request_X-Access-Token", token, plain},
		{"request_X-Goog-Api-Key", token, plain},
		{"request_Ocp-Apim-Subscription-Key", token, plain},
		{"request_authorization", token, plain},
		{"request_x-api-key", token, plain},
		{"request_apikey", token, plain},
		{"request_Proxy-Authorization", secret, plain},
		{"request_Cookie", secret, plain},

		{"request_X-Consumer-Username", consumer, plain},
		{"request_X-Consumer-Id", consumer, plain},
		{"request_X-Forwarded-User", consumer, plain},
		{"request_X-Auth-Request-User", consumer, plain},
		{"request_X-Auth-User", consumer, plain},
		{"request_Remote-User", consumer, plain},
		{"ClientUsername", consumer, plain},
		{"TLSClientSubject", consumer, plain},

		{"StartUTC", started, guess},
		{"StartLocal", started, guess},
		{"time_local", started, guess},
		{"time", ended, guess},
		{"Duration", latency, nanos},
		{"OriginDuration", latency, nanos},
		{"duration_ms", latency, millis},

		{"ClientAddr", peer, plain},
		{"request_X-Real-Ip", client, plain},
		{"request_X-Forwarded-For", forwardedFor, plain},
		{"request_x-forwarded-for", forwardedFor, plain},
		{"ClientHost", forwardedFor, plain},
		{"request_Forwarded", forwarded, plain},

		{"RequestMethod", method, plain},
		{"RequestPath", uri, plain},
		{"RequestLine", requestLine, plain},
		{"DownstreamStatus", status, plain},
		{"OriginStatus", status, plain},
		{"RequestContentSize", bytesIn, plain},
		{"DownstreamContentSize", bytesOut, plain},
		{"OriginContentSize", bytesOut, plain},
		{"request_User-Agent", userAgent, plain},
		{"request_user-agent", userAgent, plain},
		{"request_X-Request-Id", requestID, plain},
		{"request_x-request-id", requestID, plain},
		{"TraceId", requestID, plain},
		{"trace_id", requestID, plain},
	}}
}

// traefikLayouts: the address is what ClientHost is in JSON, so a claim likewise.
func traefikLayouts() []layout {
	return []layout{must(`$ClientHost - $ClientUsername [$time_local] "$RequestLine" $DownstreamStatus $DownstreamContentSize `+
		`"$request_Referer" "${request_User-Agent}" $RequestCount "$RouterName" "$ServiceURL" ${duration_ms}ms`, nil)}
}

func traefikMarks() []string {
	return []string{
		"ClientAddr", "ClientHost", "ClientUsername", "ClientPort", "DownstreamStatus", "DownstreamContentSize", "OriginStatus", "OriginDuration",
		"RequestPath", "RequestAddr", "RequestContentSize", "RouterName", "ServiceURL", "StartUTC", "StartLocal", "entryPointName", "RetryAttempts",
	}
}
