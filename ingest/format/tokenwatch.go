package format

// tokenwatchTable reads tokenwatch's own JSON, for gateways that let one choose and for
// programs that log themselves. README.md beside this file documents it.
//
//	time           start of the request: RFC 3339, or seconds, milliseconds, microseconds
//	               or nanoseconds since the epoch, told by magnitude; required
//	token          the credential as it was sent, with or without its scheme ("Bearer ...")
//	token_id       the gateway's id or hash of the credential, not a secret; takes
//	               precedence over token
//	consumer       owner; one of token, token_id and consumer is required
//	environment    prod, dev, test, ...
//	peer_ip        address of the TCP peer, a port is ignored
//	client_ip      client address as the gateway worked it out
//	forwarded_for  X-Forwarded-For as received: text, or an array of texts
//	forwarded      Forwarded (RFC 7239), likewise
//	method, uri    as requested; uri with its query string
//	status         0 to 999
//	bytes_in       bytes received
//	bytes_out      bytes sent
//	latency_ms     milliseconds, fractions allowed
//	user_agent
//	units_in       LLM tokens of the prompt
//	units_out      LLM tokens of the answer
//	cost_usd       US dollars
//	request_id
func tokenwatchTable() table {
	return table{name: "tokenwatch", marks: []string{"token_id", "peer_ip", "latency_ms", "units_in", "units_out", "cost_usd"}, rows: []row{
		{"time", started, guess},
		{"token", token, plain},
		{"token_id", credential, plain},
		{"consumer", consumer, plain},
		{"environment", environment, plain},
		{"peer_ip", peer, plain},
		{"client_ip", client, plain},
		{"forwarded_for", forwardedFor, plain},
		{"forwarded", forwarded, plain},
		{"method", method, plain},
		{"uri", uri, plain},
		{"status", status, plain},
		{"bytes_in", bytesIn, plain},
		{"bytes_out", bytesOut, plain},
		{"latency_ms", latency, millis},
		{"user_agent", userAgent, plain},
		{"units_in", unitsIn, plain},
		{"units_out", unitsOut, plain},
		{"cost_usd", costUSD, plain},
		{"request_id", requestID, plain},
	}}
}
