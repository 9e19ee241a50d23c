package format

// awsTable reads the access logs of Amazon API Gateway, of REST and HTTP APIs: JSON under
// keys that the operator chooses, of which it knows those of the documentation, in camel
// and snake case; or lines in the console's CLF and CSV.
//
// All values are texts, "-" when unset. apiKeyId is the id of an API key, apiKey the raw
// key. requestTimeEpoch is in milliseconds, requestTime in the common log format. Latencies
// are milliseconds. sourceIp is worked out by AWS.
func awsTable() table {
	return table{name: "aws-apigateway", marks: awsMarks(), layouts: awsLayouts(), shapes: "the console's CLF and CSV", logging: `in the stage's access log format: "apiKeyId":"$context.identity.apiKeyId" or "principalId":"$context.authorizer.principalId"`, rows: []row{
		{"apiKeyId", credential, plain},
		{"api_key_id", credential, plain},
		{"identity.apiKeyId", credential, plain},
		{"identityApiKeyId", credential, plain},
		{`identity\.apiKeyId`, credential, plain},
		{"identity_apiKeyId", credential, plain},
		{"identity_api_key_id", credential, plain},
		{"apiKey", token, plain},
		{`identity\.apiKey`, token, plain},
		{"identity_apiKey", token, plain},
		{"api_key", token, plain},
		{"identity.apiKey", token, plain},
		{"authorization", token, plain},

		{"principalId", consumer, plain},
		{"principal_id", consumer, plain},
		{"authorizer.principalId", consumer, plain},
		{"authorizerPrincipalId", consumer, plain},
		{"authorizer_principal_id", consumer, plain},
		{"authorizer.claims.sub", consumer, plain},
		{"authorizer.claims.client_id", consumer, plain},
		{"authorizer.sub", consumer, plain},
		{`authorizer\.principalId`, consumer, plain},
		{`authorizer\.claims\.sub`, consumer, plain},
		{"claims_sub", consumer, plain},
		{"sub", consumer, plain},
		{"clientId", consumer, plain},
		{"client_id", consumer, plain},
		{"cognitoIdentityId", consumer, plain},
		{"userArn", consumer, plain},
		{"user_arn", consumer, plain},
		{"identity.userArn", consumer, plain},
		{"user", consumer, plain},
		{"identity.user", consumer, plain},
		{"caller", consumer, plain},
		{"identity.caller", consumer, plain},
		{"clientCertSubjectDN", consumer, plain},
		{"environment", environment, plain},

		{"requestTimeEpoch", started, guess},
		{"request_time_epoch", started, guess},
		{"requestTime", started, guess},
		{"request_time", started, guess},
		{"timestamp", started, guess},
		{"time", started, guess},
		{"responseLatency", latency, millis},
		{"response_latency", latency, millis},
		{"integrationLatency", latency, millis},
		{"integration_latency", latency, millis},
		{"latency", latency, millis},

		{"ip", client, plain},
		{"sourceIp", client, plain},
		{"source_ip", client, plain},
		{"identity.sourceIp", client, plain},
		{"identitySourceIp", client, plain},
		{"clientIp", client, plain},
		{`identity\.sourceIp`, client, plain},
		{"identity_sourceIp", client, plain},
		{"identity_source_ip", client, plain},
		{"xForwardedFor", forwardedFor, plain},

		{"httpMethod", method, plain},
		{"http_method", method, plain},
		{"method", method, plain},
		{"path", uri, plain},
		{"rawPath", uri, plain},
		{"resourcePath", uri, plain},
		{"resource_path", uri, plain},
		{"routeKey", requestLine, plain},
		{"route_key", requestLine, plain},
		{"requestLine", requestLine, plain},
		{"status", status, plain},
		{"statusCode", status, plain},
		{"responseLength", bytesOut, plain},
		{"response_length", bytesOut, plain},
		{"userAgent", userAgent, plain},
		{"user_agent", userAgent, plain},
		{"user-agent", userAgent, plain},
		{"identity.userAgent", userAgent, plain},
		{`identity\.userAgent`, userAgent, plain},
		{"identity_userAgent", userAgent, plain},
		{"requestId", requestID, plain},
		{"request_id", requestID, plain},
		{"extendedRequestId", requestID, plain},
		{"extended_request_id", requestID, plain},
	}}
}

// awsLayouts are the CLF and CSV that the console proposes, of which HTTP APIs leave the last id out, and what the Serverless
// Framework has REST APIs write.
func awsLayouts() []layout {
	const (
		who = "$ip $caller $user [$requestTime]"
		clf = `"$requestLine" $status $responseLength $requestId`
		// as the Serverless Framework sets it
		named = "requestId: $requestId, ip: $ip, caller: $caller, user: $user, requestTime: $requestTime, httpMethod: $httpMethod, " +
			"resourcePath: $resourcePath, status: $status, protocol: $protocol, responseLength: $responseLength"
		csv = "$ip,$caller,$user,$requestTime,$httpMethod,$resourcePath,$protocol,$status,$responseLength,$requestId"
	)
	return []layout{
		must(who+clf+" $extendedRequestId", nil), must(who+clf, nil),
		must(who+" "+clf+" $extendedRequestId", nil), must(who+" "+clf, nil),
		must(csv+",$extendedRequestId", nil), must(csv, nil), must(named, nil),
	}
}

func awsMarks() []string {
	return []string{
		"requestTime", "requestTimeEpoch", "httpMethod", "resourcePath", "routeKey", "responseLength", "extendedRequestId", "apiId", "apiKeyId",
		"integrationLatency", "responseLatency", "integrationStatus", "integrationErrorMessage", "domainPrefix", "request_time_epoch",
		"resource_path", "route_key", "extended_request_id", "sourceIp",
	}
}
