package format

// cloudflareTable reads Cloudflare's Logpush and Logpull, the datasets http_requests, firewall_events and
// gateway_http: one object a line.
//
// Timestamps are RFC 3339, or seconds or nanoseconds since the epoch, as the job says, and
// may be texts. No field names the caller: configure custom fields for the header that
// carries the key (RequestHeaders), or name the certificate of mutual TLS. ClientIP is the
// peer of Cloudflare's edge, whose country and network are logged too; X-Forwarded-For is what that peer claimed.
func cloudflareTable() table {
	return table{name: "cloudflare", marks: cloudflareMarks(), private: []string{"cookies"}, logging: "as custom field of the Logpush job: request header authorization or x-api-key", rows: []row{
		{"RequestHeaders.authorization", token, plain},
		{"RequestHeaders.x-api-key", token, plain},
		{"RequestHeaders.apikey", token, plain},
		{"RequestHeaders.api-key", token, plain},
		{"RequestHeaders.x-auth-token", token, plain},
		{"RequestHeaders.x-access-token", token, plain},
		{"RequestHeaders.x-goog-api-key", token, plain},
		{"RequestHeaders.ocp-apim-subscription-key", token, plain},
		{"RequestHeaders.Authorization", token, plain},
		{"RequestHeaders.X-Api-Key", token, plain},
		{"ClientRequestHeaders.authorization", token, plain},
		{"ClientRequestHeaders.x-api-key", token, plain},
		{"ClientRequestHeaders.apikey", token, plain},
		{"ClientRequestHeaders.Authorization", token, plain},
		{"ClientRequestHeaders.X-Api-Key", token, plain},
		{"RequestHeaders.cf-access-client-id", credential, plain},
		{"RequestHeaders.cf-access-client-secret", secret, plain},
		{"RequestHeaders.cf-access-jwt-assertion", secret, plain},
		{"RequestHeaders.cookie", secret, plain},
		{"ClientRequestHeaders.cookie", secret, plain},

		{"RequestHeaders.x-consumer-username", consumer, plain},
		{"RequestHeaders.x-consumer-id", consumer, plain},
		{"ClientRequestHeaders.x-consumer-username", consumer, plain},
		{"ClientRequestHeaders.x-consumer-id", consumer, plain},
		{"RequestHeaders.cf-access-authenticated-user-email", consumer, plain},
		{"ClientMTLSAuthCertFingerprint", consumer, plain},
		{"Email", consumer, plain},
		{"UserID", consumer, plain},

		{"EdgeStartTimestamp", started, guess},
		{"EdgeEndTimestamp", ended, guess},
		{"Datetime", started, guess},
		{"EdgeTimeToFirstByteMs", latency, millis},
		{"OriginResponseDurationMs", latency, millis},
		{"OriginResponseTime", latency, nanos},

		{"ClientIP", peer, plain},
		{"SourceIP", peer, plain},
		{"RequestHeaders.x-forwarded-for", forwardedFor, plain},
		{"ClientRequestHeaders.x-forwarded-for", forwardedFor, plain},
		{"ClientCountry", country, plain},
		{"ClientASN", asn, plain},

		{"ClientRequestMethod", method, plain},
		{"HTTPMethod", method, plain},
		{"ClientRequestURI", uri, plain},
		{"ClientRequestPath", uri, plain},
		{"ClientRequestQuery", query, plain},
		{"URL", uri, plain},
		{"EdgeResponseStatus", status, plain},
		{"OriginResponseStatus", status, plain},
		{"HTTPStatusCode", status, plain},
		{"ClientRequestBytes", bytesIn, plain},
		{"EdgeResponseBytes", bytesOut, plain},
		{"EdgeResponseBodyBytes", bytesOut, plain},
		{"ClientRequestUserAgent", userAgent, plain},
		{"UserAgent", userAgent, plain},
		{"RayID", requestID, plain},
		{"RequestID", requestID, plain},
		{"RequestHeaders.x-request-id", requestID, plain},
	}}
}

func cloudflareMarks() []string {
	return []string{
		"RayID", "EdgeStartTimestamp", "EdgeEndTimestamp", "EdgeResponseStatus", "EdgeResponseBytes", "EdgeColoCode", "EdgeColoID", "ZoneName", "ZoneID",
		"ClientIP", "ClientASN", "ClientCountry", "ClientRequestURI", "ClientRequestPath", "ClientRequestMethod", "ClientRequestHost",
		"ClientRequestUserAgent", "ClientDeviceType", "CacheCacheStatus", "BotScore", "OriginIP", "HTTPStatusCode", "HTTPHost", "ClientRequestQuery",
	}
}
