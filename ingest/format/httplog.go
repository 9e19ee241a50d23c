package format

import "bytes"

// httplog reads the lines of HAProxy's option httplog, and of httpslog, which has more
// behind it. What stands before the client's address, such as a syslog header, is skipped:
//
//	haproxy[4711]: 203.0.113.7:51234 [21/Nov/2026:21:11:12.843] api~ be/s1 0/0/1/12/13 200 155
//	  - - ---- 1/1/0/0/0 0/0 {acme|curl/8} {} "GET /v1/models HTTP/1.1"
func httplog(obj, line []byte) ([]byte, bool) {
	open := clock(line)
	if open < 0 {
		return obj, false
	}
	address := line[:open-1]
	address = address[bytes.LastIndexByte(address, ' ')+1:]
	end := open + bytes.IndexByte(line[open:], ']')
	when, rest := line[open+1:end], line[end+1:]
	if len(rest) < 2 || rest[0] != ' ' {
		return obj, false
	}
	return httplogFields(obj, address, when, rest[1:])
}

// clock is where the time stands in brackets, behind a word, or -1.
func clock(line []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return -1
		}
		i += from
		if i >= 2 && line[i-1] == ' ' && len(line) > i+25 && line[i+25] == ']' && isCLF(line[i+1:i+25]) {
			return i
		}
		from = i + 1
	}
}

// The fields between the time and the headers, each a word.
const (
	frontend = iota
	server
	timers
	code
	size
	requestCookie
	responseCookie
	termination
	connections
	queues
	words
)

func httplogFields(obj, address, when, rest []byte) ([]byte, bool) {
	var fields [words][]byte
	for i := range fields {
		fields[i], rest = word(rest)
	}
	if bytes.Count(fields[timers], []byte("/")) != 4 || !isStatus(fields[code]) && string(fields[code]) != "-1" || bytes.Count(fields[connections], []byte("/")) != 4 {
		return obj, false
	}
	captured, request, ok := httplogTail(rest)
	if !ok {
		return obj, false
	}
	obj = appendField(obj, "client_ip", withoutPort(address))
	obj = appendField(obj, "request_date", when)
	obj = appendField(obj, "frontend_name", fields[frontend])
	obj = appendField(obj, "time_active", bytes.TrimPrefix(fields[timers][bytes.LastIndexByte(fields[timers], '/')+1:], []byte("+")))
	if string(fields[code]) != "-1" {
		obj = appendField(obj, "status_code", fields[code])
	}
	obj = appendField(obj, "bytes_read", bytes.TrimPrefix(fields[size], []byte("+")))
	obj = appendField(obj, "captured_request_cookie", fields[requestCookie])
	obj = appendField(obj, "captured_request_headers", captured)
	return appendField(obj, "http_request", request), true
}

// withoutPort is the address in front of HAProxy's port. IPv6 has no brackets there, so that
// nobody else could tell its last group from a port.
func withoutPort(address []byte) []byte {
	if end := bytes.LastIndexByte(address, ':'); end > 0 && address[0] != '[' && bytes.IndexByte(address, ':') < end {
		return address[:end]
	}
	return address
}

// httplogTail reads the captured headers, those of the request first, and the request line.
// Of braces only one pair may stand there, of which nobody can tell whose it is: it is
// taken for the request's, whose headers are what people capture.
func httplogTail(rest []byte) (captured, request []byte, ok bool) {
	for pair := 0; len(rest) > 0 && rest[0] == '{'; pair++ {
		end := bytes.Index(rest, []byte("} "))
		if end < 0 || pair == 2 {
			return nil, nil, false
		}
		if pair == 0 {
			captured = rest[1:end]
		}
		rest = rest[end+2:]
	}
	request, _, ok = quoted(rest)
	if !ok && len(rest) > 1 && rest[0] == '"' {
		return captured, rest[1:], true // cut off, as long lines are
	}
	return captured, request, ok
}
