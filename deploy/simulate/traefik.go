package simulate

// traefik writes a request as Traefik 3 does in JSON with the headers kept: durations in nanoseconds, ClientHost as
// X-Forwarded-For has it.
func (f *Fleet) traefik(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	dst = peer(dst, `{"ClientAddr":"`, r)
	dst = address(dst, `,"ClientHost":"`, r)
	dst = count(dst, `,"ClientPort":"`, r.port())
	dst = count(dst, `","ClientUsername":"-","DownstreamContentSize":`, uint64(r.out))
	dst = count(dst, `,"DownstreamStatus":`, uint64(r.status))
	dst = count(dst, `,"Duration":`, uint64(r.latency)*1e6)
	dst = count(dst, `,"OriginContentSize":`, uint64(r.out))
	dst = count(dst, `,"OriginDuration":`, uint64(r.latency)*1e6-30_000)
	dst = count(dst, `,"OriginStatus":`, uint64(r.status))
	dst = count(dst, `,"Overhead":30000,"RequestAddr":"api.modelhub.example","RequestContentSize":`, uint64(r.in-min(r.in, requestHead)))
	dst = count(dst, `,"RequestCount":`, r.draw>>40)
	dst = text(dst, `,"RequestHost":"api.modelhub.example","RequestMethod":"`, f.api[r.endpoint].method)
	dst = f.uri(dst, `,"RequestPath":"`, r)
	dst = instant(dst, `,"RequestPort":"-","RequestProtocol":"HTTP/2.0","RequestScheme":"https","RetryAttempts":0,"RouterName":"hub@docker","ServiceAddr":"10.12.0.8:8080","ServiceName":"hub@docker","StartUTC":"`, r.began(), "2006-01-02T15:04:05.000000000Z")
	dst = t.sent(append(dst, `,"entryPointName":"https","level":"info","msg":"",`...), `"request_Authorization":"`, `"request_X-Api-Key":"`)
	dst = text(dst, `,"request_User-Agent":"`, r.agent)
	dst = text(dst, `,"request_X-Consumer-Username":"`, t.consumer)
	return append(instant(dst, `,"time":"`, r.end, "2006-01-02T15:04:05Z"), '}')
}
