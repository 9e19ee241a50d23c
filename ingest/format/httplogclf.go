package format

import "bytes"

// httplogCLF reads the lines of HAProxy's option httplog clf: the common log format, port, milliseconds, and then
// what the others have, words first and quoted texts among them:
//
//	203.0.113.7 - - [21/Nov/2026:21:11:12 +0000] "GET / HTTP/1.1" 200 155 "" "" 51234 843 "api" "be" "s1"
//	  0 0 1 12 13 "----" 1 1 0 0 0 0 0 "cookie" "cookie" "acme" "curl/8"
var httplogCLF = must(`$client_ip - $user [$request_date] "$http_request" $status_code $bytes_read "$_" "$_" $_ $_ "$frontend_name" "$backend_name" "$server_name" `, clfTail)

// clfTimers is how many times stand in front: the last is that of the whole request.
const clfTimers = 5

func clfTail(obj, rest []byte) ([]byte, bool) {
	var total []byte
	for range clfTimers {
		total, rest = word(rest)
	}
	if total = bytes.TrimPrefix(total, []byte("+")); !isNumber(total) {
		return obj, false
	}
	obj = appendField(obj, "time_active", total)
	var captured []byte
	for cookies := 2; ; { // behind the counters: the cookies, and then the captured headers
		at := bytes.IndexByte(rest, '"')
		if at < 0 {
			break
		}
		value, after, ok := quoted(rest[at:])
		if !ok {
			break
		}
		rest = after
		switch {
		case isState(value):
		case cookies > 0:
			cookies--
		default:
			captured = append(append(captured, bytes.Trim(value, "{}")...), '|')
		}
	}
	return appendField(obj, "captured_request_headers", captured), true
}

// isState tells how a session ended, "SC--", which is quoted or not.
func isState(v []byte) bool {
	for _, c := range v {
		if c != '-' && c-'A' > 25 {
			return false
		}
	}
	return len(v) == 4
}
