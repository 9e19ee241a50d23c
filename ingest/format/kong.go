package format

// kongTable reads what Kong's log plugins write (kong.pdk.log.serialize, 2.x and 3.x),
// one object or an array of them when they are queued.
//
// The identity is authenticated_entity.id, the id of the credential: it stays the same
// whether the key came in a header, in the query or as a JWT. Only requests that Kong did
// not authenticate are told by the key they tried. Kong redacts authorization, but
// neither the apikey header nor the query string, unless hide_credentials is set.
// latencies.proxy is -1 when no upstream was reached. The AI plugins add their usage
// under a name of their own.
func kongTable() table {
	return table{name: "kong", private: kongPrivate(), marks: kongMarks(), logging: "an authentication plugin on the route makes it log authenticated_entity and the consumer", rows: append([]row{
		{"authenticated_entity.id", credential, plain},
		{"request.headers.apikey", token, plain},
		{"request.headers.x-api-key", token, plain},
		{"request.headers.api-key", token, plain},
		{"request.headers.api_key", token, plain},
		{"request.headers.authorization", token, plain},
		{"request.headers.x-auth-token", token, plain},
		{"request.headers.x-access-token", token, plain},
		{"request.headers.x-goog-api-key", token, plain},
		{"request.headers.ocp-apim-subscription-key", token, plain},
		{"request.querystring.apikey", token, plain},
		{"request.querystring.api_key", token, plain},
		{"request.querystring.api-key", token, plain},
		{"request.querystring.access_token", token, plain},
		{"request.querystring.token", token, plain},
		{"request.querystring.key", token, plain},
		{"request.querystring.jwt", token, plain},
		{"request.headers.proxy-authorization", secret, plain},
		{"request.headers.cookie", secret, plain},

		{"consumer.username", consumer, plain},
		{"consumer.custom_id", consumer, plain},
		{"consumer.id", consumer, plain},
		{"authenticated_entity.consumer_id", consumer, plain},
		{"request.headers.x-consumer-username", consumer, plain},
		{"request.headers.x-consumer-custom-id", consumer, plain},

		{"started_at", started, millis},
		{"latencies.request", latency, millis},
		{"latencies.proxy", latency, millis},

		{"client_ip", client, plain},
		{"request.headers.x-forwarded-for", forwardedFor, plain},
		{"request.headers.forwarded", forwarded, plain},

		{"request.method", method, plain},
		{"request.uri", uri, plain},
		{"response.status", status, plain},
		{"request.size", bytesIn, plain},
		{"response.size", bytesOut, plain},
		{"request.headers.user-agent", userAgent, plain},
		{"request.id", requestID, plain},
		{"request.headers.x-request-id", requestID, plain},
		{"request.headers.x-kong-request-id", requestID, plain},
		{"correlation_id", requestID, plain},
	}, kongUsage()...)}
}

// kongUsage are the LLM tokens and the cost, in US dollars, that AI plugins log: under
// ai.<plugin>.usage, and in the first version under ai.usage.
func kongUsage() []row {
	var rows []row
	for _, at := range []string{"ai.proxy", "ai.ai-proxy", "ai.ai-proxy-advanced", "ai.ai-request-transformer", "ai.ai-response-transformer", "ai"} {
		at += ".usage."
		rows = append(rows,
			row{at + "prompt_tokens", unitsIn, plain}, row{at + "prompt_token", unitsIn, plain},
			row{at + "completion_tokens", unitsOut, plain}, row{at + "completion_token", unitsOut, plain},
			row{at + "cost", costUSD, plain})
	}
	return rows
}

// kongPrivate: payloads are logged where log_payloads is set.
func kongPrivate() []string { return []string{"body", "payload", "messages", "prompt"} }

func kongMarks() []string {
	return []string{"latencies", "authenticated_entity", "tries", "upstream_uri", "workspace", "workspace_name", "started_at"}
}
