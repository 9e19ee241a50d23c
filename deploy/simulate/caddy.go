package simulate

// caddy writes a request as Caddy 2 does with format json and log_credentials: headers are arrays, ts is the end of the
// request in seconds.
func (f *Fleet) caddy(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	dst = seconds(append(dst, `{"level":"info","ts":`...), uint64(r.end))
	dst = address(dst, `,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"`, r)
	dst = count(dst, `,"remote_port":"`, r.port())
	dst = address(dst, `","client_ip":"`, r)
	dst = text(dst, `,"proto":"HTTP/2.0","method":"`, f.api[r.endpoint].method)
	dst = f.uri(dst, `,"host":"api.modelhub.example","uri":"`, r)
	dst = text(dst, `,"headers":{"User-Agent":["`, r.agent)
	dst = t.sent(dst, `],"Accept":["*/*"],"Authorization":["`, `],"Accept":["*/*"],"X-Api-Key":["`)
	dst = append(dst, `]},"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"api.modelhub.example"}},`...)
	dst = count(dst, `"bytes_read":`, uint64(r.in-min(r.in, requestHead)))
	dst = text(dst, `,"user_id":"`, t.consumer)
	dst = seconds(append(dst, `,"duration":`...), uint64(r.latency))
	dst = count(dst, `,"size":`, uint64(r.out))
	dst = count(dst, `,"status":`, uint64(r.status))
	return append(dst, `,"resp_headers":{"Server":["Caddy"],"Content-Type":["application/json"]}}`...)
}
