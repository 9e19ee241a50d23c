package format

import "bytes"

// message takes off what a syslog daemon, or a container's runtime, puts before a line:
//
//	<134>Nov 21 21:11:12 edge-1 haproxy[4711]: ...              RFC 3164
//	<134>1 2026-11-21T21:11:12.856Z edge-1 nginx 4711 - - ...   RFC 5424
//	Nov 21 21:11:12 edge-1 nginx: ...                           as it stands in a file
//	2026-11-21T21:11:12.856123456Z stdout F ...                 CRI, of Kubernetes
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
	if isStamp(rest) {
		return afterTag(rest)
	}
	return rest
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

// afterTag is the message behind RFC 3164's time, host and tag. Without a colon there is
// no tag, and the line stays as it is.
func afterTag(line []byte) []byte {
	tag := bytes.Index(line[16:], []byte(": "))
	if tag < 0 || tag > 128 || bytes.ContainsAny(line[16:16+tag], `"{`) {
		return line
	}
	return bytes.TrimLeft(line[16+tag+2:], " ")
}

// isCRI tells "2026-11-21T21:11:12.856123456Z stdout F ".
func isCRI(line []byte) bool {
	if len(line) < 30 || line[4] != '-' || line[10] != 'T' {
		return false
	}
	_, rest := word(line)
	return bytes.HasPrefix(rest, []byte("stdout ")) || bytes.HasPrefix(rest, []byte("stderr "))
}
