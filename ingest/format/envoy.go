package format

// envoyTable reads Envoy's access log, and with it Envoy Gateway's and Istio's: JSON,
// typed or all texts ("-" or null when unset), under keys that the operator chooses, of
// which it knows the usual ones; or lines in the default formats of Envoy and Istio.
//
// By default no log of Envoy's says who called: add %REQ(X-API-KEY)%, a header that
// authentication sets, or the claims of %DYNAMIC_METADATA(envoy.filters.http.jwt_authn)%.
// What the gRPC access log service is sent is read in protobuf's JSON (commonProperties, ...).
// downstream_remote_address is already worked out of X-Forwarded-For where Envoy trusts
// hops; downstream_direct_remote_address is the peer. Durations are milliseconds.
func envoyTable() table {
	t := table{name: "envoy", names: chosen, marks: envoyMarks(), layouts: envoyLayouts(), shapes: "Envoy's and Istio's default formats", logging: `in json_format: authorization: "%REQ(AUTHORIZATION)%"`, rows: []row{
		{"authorization", token, plain},
		{"x-api-key", token, plain},
		{"x_api_key", token, plain},
		{"api_key", token, plain},
		{"api-key", token, plain},
		{"apikey", token, plain},
		{"x-auth-token", token, plain},
		{"x_auth_token", token, plain},
		{"x-access-token", token, plain},
		{"x-goog-api-key", token, plain},
		{"ocp-apim-subscription-key", token, plain},
		{"req_authorization", token, plain},
		{"request_authorization", token, plain},
		{"http_authorization", token, plain},
		{"cookie", secret, plain},
		{"api_key_id", credential, plain},
		{"x-api-key-id", credential, plain},
		{"credential_id", credential, plain},

		{"consumer", consumer, plain},
		{"consumer_id", consumer, plain},
		{"consumer_username", consumer, plain},
		{"x-consumer-username", consumer, plain},
		{"x-consumer-id", consumer, plain},
		{"x_consumer_username", consumer, plain},
		{"x_consumer_id", consumer, plain},
		{"x-client-id", consumer, plain},
		{"client_id", consumer, plain},
		{"jwt_payload.sub", consumer, plain},
		{"jwt_claims.sub", consumer, plain},
		{"jwt.sub", consumer, plain},
		{"jwt_sub", consumer, plain},
		{"jwt_subject", consumer, plain},
		{"x-jwt-sub", consumer, plain},
		{"x-user-id", consumer, plain},
		{"user_id", consumer, plain},
		{"user", consumer, plain},
		{"principal", consumer, plain},
		{"downstream_peer_subject", consumer, plain},
		{"downstream_peer_uri_san", consumer, plain},
		{"environment", environment, plain},

		{"start_time", started, guess},
		{"startTime", started, guess},
		{"timestamp", started, guess},
		{"@timestamp", started, guess},
		{"time", started, guess},
		{"duration", latency, millis},
		{"duration_ms", latency, millis},
		{"upstream_service_time", latency, millis},
		{"x-envoy-upstream-service-time", latency, millis},
		{"x_envoy_upstream_service_time", latency, millis},

		{"downstream_direct_remote_address", peer, plain},
		{"downstream_direct_remote_address_without_port", peer, plain},
		{"downstream_remote_address", peer, plain},
		{"downstream_remote_address_without_port", peer, plain},
		{"remote_address", peer, plain},
		{"source_address", peer, plain},
		{"client_ip", client, plain},
		{"x-envoy-external-address", client, plain},
		{"x-forwarded-for", forwardedFor, plain},
		{"x_forwarded_for", forwardedFor, plain},
		{"forwarded_for", forwardedFor, plain},
		{"forwarded", forwarded, plain},

		{"method", method, plain},
		{":method", method, plain},
		{"http_method", method, plain},
		{"request_method", method, plain},
		{"x-envoy-origin-path", uri, plain},
		{"x-envoy-original-path", uri, plain},
		{"x_envoy_original_path", uri, plain},
		{"x_envoy_origin_path", uri, plain},
		{"path", uri, plain},
		{":path", uri, plain},
		{"request_path", uri, plain},
		{"uri", uri, plain},
		{"request", requestLine, plain},
		{"response_code", status, plain},
		{"status", status, plain},
		{"status_code", status, plain},
		{"response_status", status, plain},
		{"bytes_received", bytesIn, plain},
		{"bytes_sent", bytesOut, plain},
		{"user-agent", userAgent, plain},
		{"user_agent", userAgent, plain},
		{"x-request-id", requestID, plain},
		{"x_request_id", requestID, plain},
		{"request_id", requestID, plain},
		{"trace_id", requestID, plain},
		{"http_x_forwarded_for", forwardedFor, plain},
		{"request_uri", uri, plain},
		{"request_time", latency, millis},
		{"request_length", bytesIn, plain},
		{"http_user_agent", userAgent, plain},

		{"request.requestHeaders.authorization", token, plain},
		{"request.requestHeaders.x-api-key", token, plain},
		{"commonProperties.startTime", started, guess},
		{"commonProperties.duration", latency, spelt},
		{"commonProperties.timeToLastDownstreamTxByte", latency, spelt},
		{"commonProperties.downstreamDirectRemoteAddress.socketAddress.address", peer, plain},
		{"commonProperties.downstreamRemoteAddress.socketAddress.address", peer, plain},
		{"request.forwardedFor", forwardedFor, plain},
		{"request.requestMethod", method, plain},
		{"request.originalPath", uri, plain},
		{"request.path", uri, plain},
		{"request.userAgent", userAgent, plain},
		{"request.requestId", requestID, plain},
		{"response.responseCode", status, plain},
		{"response.responseBodyBytes", bytesOut, plain},

		{`gen_ai\.usage\.input_tokens`, unitsIn, plain},
		{"genai_tokens_input", unitsIn, plain},
		{"llm_input_token", unitsIn, plain},
		{"llm_input_tokens", unitsIn, plain},
		{`gen_ai\.usage\.output_tokens`, unitsOut, plain},
		{"genai_tokens_output", unitsOut, plain},
		{"llm_output_token", unitsOut, plain},
		{"llm_output_tokens", unitsOut, plain},
	}}
	t.rows = append(t.rows, envoyCamelCase()...)
	return t
}

// envoyCamelCase are the keys that people choose who write the rest of their logs so.
func envoyCamelCase() []row {
	return []row{
		{"xApiKey", token, plain},
		{"consumerId", consumer, plain},
		{"upstreamServiceTime", latency, millis},
		{"downstreamDirectRemoteAddress", peer, plain},
		{"downstreamRemoteAddress", peer, plain},
		{"xForwardedFor", forwardedFor, plain},
		{"responseCode", status, plain},
		{"bytesReceived", bytesIn, plain},
		{"bytesSent", bytesOut, plain},
		{"userAgent", userAgent, plain},
		{"requestId", requestID, plain},
	}
}

// envoyLayouts are the text formats that Envoy and Istio write if nobody tells them otherwise.
func envoyLayouts() []layout {
	const (
		request = `[$start_time] "$request" $response_code $response_flags `
		sizes   = `$bytes_received $bytes_sent $duration $upstream_service_time `
		headers = `"$x_forwarded_for" "$user_agent" "$request_id" "$authority" "$upstream_host"`
		route   = ` $upstream_cluster $upstream_local_address $downstream_local_address $downstream_remote_address $requested_server_name`
		istio   = `$response_code_details $connection_termination_details "$upstream_transport_failure_reason" `
		mixer   = `"$mixer_status" "$upstream_transport_failure_reason" `
	)
	return []layout{
		must(request+istio+sizes+headers+route, further),
		must(request+mixer+sizes+headers+route, further),
		must(request+sizes+headers, further),
		must("ACCESS "+request+sizes+headers, further), // as Emissary writes it
	}
}

func envoyMarks() []string {
	return []string{
		"response_flags", "response_code_details", "upstream_cluster", "downstream_remote_address", "downstream_local_address",
		"upstream_transport_failure_reason", "requested_server_name", "connection_termination_details", ":authority", ":method", ":path",
		"x-envoy-origin-path", "x-envoy-original-path", "x-envoy-upstream-service-time", "upstream_service_time", "upstream_local_address",
		"downstream_direct_remote_address", "commonProperties", "protocolVersion", "x_envoy_original_path", "x_envoy_origin_path", "x_envoy_upstream_service_time", "authority",
		"responseFlags", "responseCodeDetails", "upstreamCluster", "downstreamRemoteAddress", "downstreamLocalAddress", "responseCode", "upstreamHost",
	}
}
