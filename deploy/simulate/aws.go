package simulate

// aws writes a request as Amazon API Gateway does in an access log of $context's variables: all values are texts, the
// key is told by its id, and nothing is said of the request's size.
func (f *Fleet) aws(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	dst = id(dst, `{"requestId":"`, r)
	dst = address(dst, `,"ip":"`, r)
	dst = text(dst, `,"userAgent":"`, r.agent)
	dst = text(dst, `,"apiKeyId":"`, t.Credential)
	dst = text(dst, `,"principalId":"`, t.consumer)
	dst = instant(dst, `,"requestTime":"`, r.began(), "02/Jan/2006:15:04:05 -0700")
	dst = count(dst, `,"requestTimeEpoch":"`, uint64(r.began()))
	dst = text(dst, `","httpMethod":"`, f.api[r.endpoint].method)
	dst = f.uri(dst, `,"resourcePath":"/{proxy+}","path":"`, r)
	dst = count(dst, `,"status":"`, uint64(r.status))
	dst = count(dst, `","protocol":"HTTP/1.1","responseLength":"`, uint64(r.out))
	dst = count(dst, `","responseLatency":"`, uint64(r.latency))
	dst = count(dst, `","integrationLatency":"`, uint64(r.latency-min(r.latency, 1)))
	return append(dst, `","stage":"prod","apiId":"asad15n3p0","domainName":"api.modelhub.example"}`...)
}
