package format

import "slices"

// apisixTable reads what APISIX's loggers write (kafka-logger, http-logger, ...): an array
// of entries, or a single one when batch_max_size is 1. Numbers are written as NGINX's
// variables are, so sizes come as texts or as numbers; times are milliseconds with a fraction.
//
// There is no id of the credential, and nothing is redacted: the identity is the key that
// was sent, and else the consumer's name. With a log_format of one's own an entry is flat,
// and holds variables of NGINX and APISIX under names that one chooses; APISIX adds
// route_id and service_id to them.
func apisixTable() table {
	t := table{name: "apisix", names: chosen, private: apisixPrivate(), marks: apisixMarks(), layouts: apisixLayouts(), shapes: "its access_log_format", logging: "the authentication plugins make it log the consumer", rows: []row{
		{"request.headers.apikey", token, plain},
		{"request.headers.x-api-key", token, plain},
		{"request.headers.api-key", token, plain},
		{"request.headers.authorization", token, plain},
		{"request.headers.x-auth-token", token, plain},
		{"request.headers.x-access-token", token, plain},
		{"request.headers.x-goog-api-key", token, plain},
		{"request.headers.ocp-apim-subscription-key", token, plain},
		{"request.querystring.apikey", token, plain},
		{"request.querystring.api_key", token, plain},
		{"request.querystring.jwt", token, plain},
		{"request.querystring.access_token", token, plain},
		{"request.querystring.token", token, plain},
		{"request.querystring.key", token, plain},
		{"request_headers_apikey", token, plain},
		{"request_headers_authorization", token, plain},
		{"request_headers_x-api-key", token, plain},
		{"request.headers.proxy-authorization", secret, plain},
		{"request.headers.cookie", secret, plain},

		{"consumer.username", consumer, plain},
		{"consumer_name", consumer, plain},
		{"consumer.consumer_name", consumer, plain},
		{"request.headers.x-consumer-username", consumer, plain},
		{"consumer_group_id", consumer, plain},

		{"start_time", started, millis},
		{"latency", latency, millis},
		{"upstream_latency", latency, millis},

		{"client_ip", client, plain},
		{"request.headers.x-forwarded-for", forwardedFor, plain},
		{"request.headers.forwarded", forwarded, plain},

		{"request.method", method, plain},
		{"request.uri", uri, plain},
		{"request.url", uri, plain},
		{"request_line", requestLine, plain},
		{"response.status", status, plain},
		{"request.size", bytesIn, plain},
		{"response.size", bytesOut, plain},
		{"request.headers.user-agent", userAgent, plain},
		{"request.headers.x-request-id", requestID, plain},
		{"llm_summary.prompt_tokens", unitsIn, plain},
		{"llm_prompt_tokens", unitsIn, plain},
		{"llm_summary.completion_tokens", unitsOut, plain},
		{"llm_completion_tokens", unitsOut, plain},
	}}
	t.borrow(nginxRows())
	return t
}

// apisixLayouts is the access log that APISIX has NGINX write beside its loggers.
func apisixLayouts() []layout {
	return []layout{must(`$remote_addr - $remote_user [$time_local] $http_host "$request_line" $status $body_bytes_sent $request_time "$http_referer" "$http_user_agent" `+
		`$upstream_addr $upstream_status $upstream_response_time "$upstream_url"`, nil)}
}

// borrow appends the rows of another table that the format shares, where it has no own.
func (t *table) borrow(from []row) {
	for _, r := range from {
		taken := func(own row) bool { return own.path == r.path }
		if !r.what.isElsewhere() && !slices.ContainsFunc(t.rows, taken) {
			t.rows = append(t.rows, r)
		}
	}
}

func apisixPrivate() []string {
	return []string{"body", "llm_request", "llm_response_text", "messages", "resp_body", "request_body"}
}

func apisixMarks() []string {
	return []string{"apisix_latency", "route_id", "llm_summary"}
}
