package format

import "bytes"

// labelled tells a line that begins with several names and their values.
func labelled(line []byte, between, behind byte) bool {
	const enough = 3
	n := 0
	for more := true; more && n < enough; n++ {
		var field []byte
		field, line, more = bytes.Cut(line, []byte{between})
		if at := bytes.IndexByte(field, behind); at < 1 || at > 40 || bytes.IndexByte(field[:at], ' ') >= 0 {
			return false
		}
	}
	return n == enough
}

// strange says what to do about a line in no layout that is known, as far as its looks tell: what programs
// write beside their access logs, and formats that cannot be read but need not be used. It quotes nothing of it.
func strange(line []byte) string {
	switch {
	case bytes.HasPrefix(line, []byte("\xff\xfe")), bytes.HasPrefix(line, []byte("\xfe\xff")), len(line) > 3 && line[1] == 0 && line[3] == 0:
		return "it is UTF-16, have it written as UTF-8"
	case len(line) > 22 && line[4] == '/' && line[7] == '/' && line[20] == '[':
		return "it looks like NGINX's error log, send the access log only"
	case line[0] == '[' && line[len(line)-1] != ']' && bytes.Contains(line[:min(len(line), 120)], []byte("] ")) && line[1]-'A' < 26:
		return "it looks like an error log, send the access log only"
	case clock(line) >= 0:
		return "if HAProxy wrote it, it is no HTTP request, or option tcplog is set, which knows neither requests nor headers: set mode http and option httplog"
	case bytes.Contains(line, []byte(": Connect from ")) || bytes.HasPrefix(line, []byte("Connect from ")):
		return "HAProxy's default lines know neither requests nor headers: set option httplog"
	case bytes.HasSuffix(line, []byte(" HTTP/1.1")) || bytes.HasSuffix(line, []byte(" HTTP/1.0")):
		return "it looks like the request itself: if APISIX sent it, set meta_format to default, and else declare your log_format in ingest.custom"
	case line[0] == '<':
		return "if it is XML, have the gateway write JSON"
	case bytes.Count(line, []byte(",")) >= 2 && bytes.IndexByte(line, ' ') < 0:
		return "if it is CSV, have the gateway write JSON (Cloudflare: output_type ndjson)"
	case labelled(line, '\t', ':'):
		return "it looks like LTSV, have the gateway write JSON"
	case labelled(line, ' ', '='):
		return "it looks like logfmt, have the gateway write JSON"
	case bytes.HasPrefix(line, []byte("CWL CONTROL MESSAGE")):
		return "CloudWatch sends such messages to see whether somebody listens"
	}
	return "declare your log_format in ingest.custom"
}
