package format

import "bytes"

// awsTable reads the access logs of Amazon API Gateway, of REST and HTTP APIs: JSON under
// keys that the operator chooses, of which it knows those of the documentation, in camel
// and snake case; or lines in the console's CLF, CSV and XML.
//
// All values are texts, "-" when unset. apiKeyId is the id of an API key, apiKey the raw
// key. requestTimeEpoch is in milliseconds, requestTime in the common log format. Latencies
// are milliseconds. sourceIp is worked out by AWS.
func awsTable() table {
	return table{name: "aws-apigateway", names: chosen, marks: awsMarks(), layouts: awsLayouts(), shapes: "the console's CLF, CSV and XML", logging: `in the stage's access log format: "apiKeyId":"$context.identity.apiKeyId" or "principalId":"$context.authorizer.principalId"`, rows: []row{
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
		{"responseTime", latency, millis},
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

// awsLayouts are the XML, CLF and CSV that the console proposes, of which HTTP APIs leave the last id out, and what the Serverless
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
		xml,
		must(who+clf+" $extendedRequestId", nil), must(who+clf, nil),
		must(who+" "+clf+" $extendedRequestId", nil), must(who+" "+clf, nil),
		must(csv+",$extendedRequestId", nil), must(csv, nil), must(named, nil),
	}
}

// xml reads the console's XML: <request id="..."> <ip>203.0.113.7</ip> ... </request>. A name that stands there twice, as
// one would that somebody smuggled in, is no line of its.
func xml(obj, line []byte) ([]byte, bool) {
	const open, end = `<request id="`, "</request>"
	line = bytes.TrimSpace(line)
	if !bytes.HasPrefix(line, []byte(open)) || !bytes.HasSuffix(line, []byte(end)) {
		return obj, false
	}
	id, rest, ok := bytes.Cut(line[len(open):len(line)-len(end)], []byte(`">`))
	obj = appendField(obj, "requestId", id)
	for ok {
		if rest = bytes.TrimLeft(rest, " "); len(rest) == 0 {
			return obj, true
		}
		var name, value []byte
		name, rest, ok = bytes.Cut(rest, []byte(">"))
		if !ok || len(name) < 2 || name[0] != '<' || !isPlain(name) || bytes.Contains(obj, append([]byte{'"'}, append(name[1:len(name):len(name)], `":`...)...)) {
			return obj, false
		}
		name = name[1:]
		value, rest, ok = bytes.Cut(rest, append([]byte("</"), append(name[:len(name):len(name)], '>')...))
		for _, entity := range entities {
			value = bytes.ReplaceAll(value, []byte(entity[0]), []byte(entity[1]))
		}
		obj = appendField(obj, string(name), value)
	}
	return obj, false
}

var entities = [...][2]string{{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", `"`}, {"&apos;", "'"}, {"&amp;", "&"}}

func awsMarks() []string {
	return []string{
		"requestTime", "requestTimeEpoch", "httpMethod", "resourcePath", "routeKey", "responseLength", "extendedRequestId", "apiId", "apiKeyId",
		"integrationLatency", "responseLatency", "integrationStatus", "integrationErrorMessage", "domainPrefix", "request_time_epoch",
		"resource_path", "route_key", "extended_request_id", "sourceIp",
	}
}
