package simulate

// haproxy writes a request with a log-format in JSON such as
//
//	'{"client_ip":"%ci",...,"request_date":"%tr","request_date_ms":%Ts%ms,...,"authorization":"%[capture.req.hdr(0),json(utf8s)]"}'
//
// in which the converter escapes every slash of a header.
func (f *Fleet) haproxy(dst []byte, r *request) []byte {
	t := f.tokens[r.token]
	dst = address(dst, `{"client_ip":"`, r)
	dst = count(dst, `,"client_port":`, r.port())
	dst = instant(dst, `,"request_date":"`, r.began(), "02/Jan/2006:15:04:05.000")
	dst = count(dst, `,"request_date_ms":`, uint64(r.began()))
	dst = count(dst, `,"frontend_name":"api","backend_name":"hub","server_name":"s`, 1+r.draw>>10&7)
	dst = count(dst, `","time_request":0,"time_wait":0,"time_connect":0,"time_response":`, uint64(r.latency-min(r.latency, 1)))
	dst = count(dst, `,"time_active":`, uint64(r.latency))
	dst = count(dst, `,"status_code":`, uint64(r.status))
	dst = count(dst, `,"bytes_read":`, uint64(r.out+238))
	dst = count(dst, `,"bytes_uploaded":`, uint64(r.in))
	dst = text(dst, `,"termination_state":"--","http_method":"`, f.api[r.endpoint].method)
	var room [192]byte
	path := f.path(room[:0], r)
	at := len(path)
	for i, c := range path {
		if c == '?' {
			at = i
			break
		}
	}
	dst = append(append(dst, `,"http_path":"`...), path[:at]...)
	dst = append(append(dst, `","http_query":"`...), path[at:]...)
	dst = text(dst, `","consumer":"`, t.consumer)
	dst = append(dst, `,"user_agent":"`...)
	for i := range len(r.agent) {
		if r.agent[i] == '/' {
			dst = append(dst, '\\')
		}
		dst = append(dst, r.agent[i])
	}
	dst = t.sent(append(dst, '"'), `,"authorization":"`, `,"x_api_key":"`)
	return append(dst, '}')
}
