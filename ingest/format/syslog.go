package format

import "bytes"

// message takes off what a syslog daemon, or a container's runtime, puts before a line:
//
//	<134>Nov 21 21:11:12 edge-1 haproxy[4711]: ...              RFC 3164
//	<134>1 2026-11-21T21:11:12.856Z edge-1 nginx 4711 - - ...   RFC 5424
//	Nov 21 21:11:12 edge-1 nginx: ...                           as it stands in a file
//	2026-11-21T21:11:12.856123+00:00 edge-1 nginx[4711]: ...    likewise, of today's rsyslog and journald
//	2026-11-21T21:11:12.856123456Z stdout F ...                 CRI, of Kubernetes
//	nginx-1  | ...                                              docker compose logs
//	[pod/edge-7d4b9/nginx] ...                                  kubectl logs --prefix
//
// A line without any of it is the message.
func message(line []byte) []byte {
	rest := line
	if number, after, found := bytes.Cut(line, []byte(">")); found && len(number) > 1 && number[0] == '<' && digits(number[1:]) {
		rest = after
		if bytes.HasPrefix(rest, []byte("1 ")) {
			return afterHeader(rest[2:])
		}
	}
	if isCRI(rest) {
		_, rest = word(rest) // time
		_, rest = word(rest) // stream
		_, rest = word(rest) // F or P
		return rest
	}
	switch {
	case isStamp(rest):
		return afterTag(rest, 16)
	case len(rest) > 25 && isISO(rest[:19]) && rest[10] == 'T':
		return afterTag(rest, bytes.IndexByte(rest, ' ')+1)
	case bytes.HasPrefix(rest, []byte("[pod/")):
		if end := bytes.Index(rest, []byte("] ")); end > 0 {
			return message(rest[end+2:])
		}
	}
	return afterService(rest)
}

// afterService is the message behind the name of a service, which blanks and a bar follow.
func afterService(line []byte) []byte {
	name := bytes.IndexByte(line, ' ')
	if name < 1 || name > 128 {
		return line
	}
	if rest := bytes.TrimLeft(line[name:], " "); len(rest) > 2 && rest[0] == '|' && rest[1] == ' ' {
		return rest[2:]
	}
	return line
}

// afterHeader is the message behind RFC 5424's time, host, program, process, message id
// and structured data.
func afterHeader(rest []byte) []byte {
	for range 5 {
		_, rest = word(rest)
	}
	for len(rest) > 0 && rest[0] == '[' {
		end := bytes.Index(rest, []byte("]"))
		if end < 0 {
			return rest
		}
		rest = rest[end+1:]
	}
	rest = bytes.TrimPrefix(rest, []byte("-"))
	return bytes.TrimPrefix(bytes.TrimLeft(rest, " "), []byte("\ufeff"))
}

// isStamp tells "Nov 21 21:11:12 ".
func isStamp(line []byte) bool {
	return len(line) > 16 && line[3] == ' ' && line[6] == ' ' && line[9] == ':' && line[12] == ':' && line[15] == ' '
}

// afterTag is the message behind a time that takes so much, a host and a tag. Without a colon
// there is no tag, and the line stays as it is.
func afterTag(line []byte, time int) []byte {
	tag := bytes.Index(line[time:], []byte(": "))
	if tag < 0 || tag > 128 || bytes.ContainsAny(line[time:time+tag], `"{`) {
		return line
	}
	host, program := word(line[time : time+tag])
	if isIP(host) || bytes.IndexByte(program, ' ') >= 0 {
		return line // of a log_format that begins with a time
	}
	return bytes.TrimLeft(line[time+tag+2:], " ")
}

// isCRI tells "2026-11-21T21:11:12.856123456Z stdout F ".
func isCRI(line []byte) bool {
	if len(line) < 30 || line[4] != '-' || line[10] != 'T' {
		return false
	}
	_, rest := word(line)
	return bytes.HasPrefix(rest, []byte("stdout ")) || bytes.HasPrefix(rest, []byte("stderr "))
}
