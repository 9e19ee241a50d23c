package simulate

// apisix writes a request as APISIX's kafka-logger does with batch_max_size 1 (apisix/utils/log-util.lua): times in ms, the
// headers as they came.
func (f *Fleet) apisix(dst []byte, r *request) []byte {
	t, e := f.tokens[r.token], &f.api[r.endpoint]
	var room [192]byte
	path := f.path(room[:0], r)
	dst = count(dst, `{"upstream":"10.12.0.`, 10+r.draw>>10&31)
	dst = count(dst, `:8080","start_time":`, uint64(r.began()))
	dst = address(dst, `,"client_ip":"`, r)
	dst = text(dst, `,"service_id":"hub","route_id":"`, e.method)
	dst = text(dst, `,"consumer":{"username":"`, t.consumer)
	dst = append(dst, `},"request":{"querystring":{`...)
	dst = query(dst, path)
	dst = count(dst, `},"size":`, uint64(r.in))
	dst = append(append(dst, `,"uri":"`...), path...)
	dst = append(append(dst, `","url":"https://api.modelhub.example:9443`...), path...)
	dst = text(dst, `","headers":{"host":"api.modelhub.example","accept":"*/*","user-agent":"`, r.agent)
	if t.owner.forwarded {
		dst = address(dst, `,"x-forwarded-for":"`, r)
	}
	dst = t.sent(dst, `,"authorization":"`, `,"apikey":"`)
	dst = text(dst, `},"method":"`, e.method)
	dst = instant(dst, `},"response":{"headers":{"content-type":"application/json","server":"APISIX/3.11.0","date":"`, r.end, "Mon, 02 Jan 2006 15:04:05 GMT")
	dst = count(dst, `},"size":`, uint64(r.out+312))
	dst = count(dst, `,"status":`, uint64(r.status))
	dst = count(dst, `},"server":{"hostname":"gw-1","version":"3.11.0"},"latency":`, uint64(r.latency))
	dst = count(dst, `,"upstream_latency":`, uint64(r.latency-min(r.latency, 1)))
	return append(dst, `,"apisix_latency":1}`...)
}
