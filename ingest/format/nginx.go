package format

// nginxTable reads NGINX's access log, as JSON or in the combined format that Apache
// shares (see combinedLayouts). JSON's field names are chosen in log_format: the table
// knows the names of the variables, with and without the prefix http_, and what they are
// commonly called.
//
// $msec and $time_iso8601 are taken when the response has been sent, so the request
// began $request_time earlier. Retries give lists: "502, 200" and "0.000, 0.012".
func nginxTable() table {
	return table{name: "nginx", names: chosen, marks: nginxMarks(), layouts: combinedLayouts(), shapes: "common, combined, and combined with more behind it", logging: `in log_format with escape=json: "http_authorization":"$http_authorization"`, rows: append(nginxRows(), nginxOwnNames()...)}
}

// nginxRows are the variables under their own names, and the usual ones in snake case.
func nginxRows() []row {
	return []row{
		{"http_authorization", token, plain},
		{"authorization", token, plain},
		{"http_x_api_key", token, plain},
		{"http_apikey", token, plain},
		{"http_api_key", token, plain},
		{"http_x_auth_token", token, plain},
		{"http_x_access_token", token, plain},
		{"http_x_goog_api_key", token, plain},
		{"http_ocp_apim_subscription_key", token, plain},
		{"auth", token, plain},
		{"x_api_key", token, plain},
		{"x-api-key", token, plain},
		{"api_key", token, plain},
		{"apikey", token, plain},
		{"token", token, plain},
		{"access_token", token, plain},
		{"arg_api_key", token, plain},
		{"arg_apikey", token, plain},
		{"arg_access_token", token, plain},
		{"arg_token", token, plain},
		{"arg_key", token, plain},
		{"http_proxy_authorization", secret, plain},
		{"http_cookie", secret, plain},

		{"consumer", consumer, plain},
		{"consumer_username", consumer, plain},
		{"http_x_consumer_username", consumer, plain},
		{"x_consumer_username", consumer, plain},
		{"http_x_consumer_id", consumer, plain},
		{"remote_user", consumer, plain},
		{"user", consumer, plain},
		{"environment", environment, plain},

		{"msec", ended, seconds},
		{"time_iso8601", ended, seconds},
		{"time_local", ended, seconds},
		{"timestamp", ended, guess},
		{"@timestamp", ended, guess},
		{"time", ended, guess},
		{"request_time", latency, seconds},
		{"rt", latency, seconds},
		{"upstream_response_time", latency, seconds},
		{"urt", latency, seconds},

		{"remote_addr", peer, plain},
		{"remote_ip", peer, plain},
		{"remoteIP", peer, plain},
		{"client_ip", client, plain},
		{"http_x_real_ip", client, plain},
		{"x_real_ip", client, plain},
		{"http_x_forwarded_for", forwardedFor, plain},
		{"x_forwarded_for", forwardedFor, plain},
		{"xff", forwardedFor, plain},
		{"x_forward_for", forwardedFor, plain},
		{"http_forwarded", forwarded, plain},

		{"request_method", method, plain},
		{"method", method, plain},
		{"request_uri", uri, plain},
		{"uri", uri, plain},
		{"path", uri, plain},
		{"args", query, plain},
		{"query_string", query, plain},
		{"request_query", query, plain},
		{"query", query, plain},
		{"request", requestLine, plain},
		{"status", status, plain},
		{"upstream_status", status, plain},
		{"request_length", bytesIn, plain},
		{"bytes_sent", bytesOut, plain},
		{"body_bytes_sent", bytesOut, plain},
		{"http_user_agent", userAgent, plain},
		{"user_agent", userAgent, plain},
		{"userAgent", userAgent, plain},
		{"request_id", requestID, plain},
		{"req_id", requestID, plain},
		{"http_x_request_id", requestID, plain},
		{"x_request_id", requestID, plain},
		{"route_id", elsewhere, plain},       // APISIX adds it to NGINX's variables
		{"response_flags", envoysOwn, plain}, // Envoy's log, under NGINX's names
		{"termination_state", haproxysOwn, plain},
		{"resource_path", awsOwn, plain},
	}
}

// nginxOwnNames are what people call the variables who do not like them as they are: in camel case, or shorter.
func nginxOwnNames() []row {
	return []row{
		{"httpAuthorization", token, plain},
		{"httpXApiKey", token, plain},
		{"apiKey", token, plain},
		{"httpCookie", secret, plain},
		{"remoteUser", consumer, plain},
		{"timeIso8601", ended, seconds},
		{"timeLocal", ended, seconds},
		{"ts", ended, guess},
		{"requestTime", latency, seconds},
		{"upstreamResponseTime", latency, seconds},
		{"remoteAddr", peer, plain},
		{"ip", client, plain},
		{"clientIp", client, plain},
		{"httpXForwardedFor", forwardedFor, plain},
		{"xForwardedFor", forwardedFor, plain},
		{"x-forwarded-for", forwardedFor, plain},
		{"x-forward-for", forwardedFor, plain},
		{"requestMethod", method, plain},
		{"requestUri", uri, plain},
		{"requestLength", bytesIn, plain},
		{"bytesSent", bytesOut, plain},
		{"bodyBytesSent", bytesOut, plain},
		{"bytes", bytesOut, plain},
		{"size", bytesOut, plain},
		{"httpUserAgent", userAgent, plain},
		{"ua", userAgent, plain},
		{"agent", userAgent, plain},
		{"requestId", requestID, plain},
	}
}

func nginxMarks() []string {
	return []string{
		"msec", "time_iso8601", "time_local", "remote_addr", "request_uri", "request_time", "request_length",
		"body_bytes_sent", "upstream_addr", "upstream_status", "http_user_agent",
		"remoteAddr", "timeIso8601", "timeLocal", "requestUri", "bodyBytesSent", "httpUserAgent", "upstreamAddr", "upstreamStatus",
	}
}
