package simulate

// cloudflare writes a request as Logpush does for http_requests, with times in nanoseconds and the header that carries the
// token as a custom field.
func (f *Fleet) cloudflare(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	dst = address(dst, `{"CacheCacheStatus":"dynamic","ClientDeviceType":"desktop","ClientIP":"`, r)
	dst = count(dst, `,"ClientRequestBytes":`, uint64(r.in))
	dst = text(dst, `,"ClientRequestHost":"api.modelhub.example","ClientRequestMethod":"`, f.api[r.endpoint].method)
	dst = f.uri(dst, `,"ClientRequestProtocol":"HTTP/2","ClientRequestScheme":"https","ClientRequestURI":"`, r)
	dst = text(dst, `,"ClientRequestUserAgent":"`, r.agent)
	dst = count(dst, `,"ClientSrcPort":`, r.port())
	dst = count(dst, `,"EdgeColoCode":"FRA","EdgeEndTimestamp":`, uint64(r.end)*1e6)
	dst = count(dst, `,"EdgeResponseBytes":`, uint64(r.out+640))
	dst = count(dst, `,"EdgeResponseBodyBytes":`, uint64(r.out))
	dst = count(dst, `,"EdgeResponseContentType":"application/json","EdgeResponseStatus":`, uint64(r.status))
	dst = count(dst, `,"EdgeStartTimestamp":`, uint64(r.began())*1e6)
	dst = count(dst, `,"EdgeTimeToFirstByteMs":`, uint64(r.latency))
	dst = count(dst, `,"OriginResponseDurationMs":`, uint64(r.latency-min(r.latency, 1)))
	dst = count(dst, `,"OriginResponseStatus":`, uint64(r.status))
	dst = id(dst, `,"RayID":"`, r)
	dst = t.sent(dst, `,"RequestHeaders":{"authorization":"`, `,"RequestHeaders":{"x-api-key":"`)
	dst = text(dst, `,"x-consumer-username":"`, t.consumer)
	return append(dst, `},"SecurityAction":"unknown","ZoneName":"modelhub.example"}`...)
}
