package simulate

// envoy writes a request as Envoy Gateway does in its default JSON, with the header added that carries the token.
func (f *Fleet) envoy(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	dst = count(dst, `{":authority":"api.modelhub.example","bytes_received":`, uint64(r.in-min(r.in, requestHead)))
	dst = count(dst, `,"bytes_sent":`, uint64(r.out))
	dst = peer(dst, `,"connection_termination_details":null,"downstream_local_address":"10.20.0.7:10443","downstream_remote_address":"`, r)
	dst = count(dst, `,"duration":`, uint64(r.latency))
	dst = text(dst, `,"method":"`, f.api[r.endpoint].method)
	dst = count(dst, `,"protocol":"HTTP/2","requested_server_name":"api.modelhub.example","response_code":`, uint64(r.status))
	dst = instant(dst, `,"response_code_details":"via_upstream","response_flags":"-","route_name":"httproute/hub/api/rule/0/match/0/*","start_time":"`, r.began(), "2006-01-02T15:04:05.000Z")
	dst = count(dst, `,"upstream_cluster":"httproute/hub/api/rule/0","upstream_host":"10.12.0.`, 10+r.draw>>10&31)
	dst = text(dst, `:8080","upstream_local_address":"10.12.1.3:48658","upstream_transport_failure_reason":null,"user-agent":"`, r.agent)
	dst = f.uri(dst, `,"x-envoy-origin-path":"`, r)
	dst = count(dst, `,"x-envoy-upstream-service-time":`, uint64(r.latency-min(r.latency, 1)))
	dst = address(dst, `,"x-forwarded-for":"`, r)
	dst = id(dst, `,"x-request-id":"`, r)
	dst = text(dst, `,"x-consumer-username":"`, t.consumer)
	return append(t.sent(dst, `,"authorization":"`, `,"x-api-key":"`), '}')
}
