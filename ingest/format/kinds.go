package format

import (
	"bytes"
	"strings"
)

// holds is what a variable of a log format can be, by its name.
func holds(name string, quoted bool) func([]byte) bool {
	switch name {
	case "status", "response_code", "status_code":
		return isStatus
	case "time_local", "request_date", "requestTime":
		return isCLF
	case "time_iso8601", "start_time":
		return isISO
	case "remote_ip":
		return isIP
	case "xff":
		return isList
	case "bytes_sent", "body_bytes_sent", "bytes_received", "request_length", "responseLength", "duration", "msec", "Duration":
		return isNumber
	}
	if quoted || spaced(name) {
		return isAnything
	}
	return isWord
}

// single tells variables that hold no blanks.
func single(name string) bool {
	switch name {
	case "time_local", "request_date", "requestTime", "time_iso8601", "start_time", "xff":
		return false
	}
	return !spaced(name)
}

// spaced tells variables that may hold blanks: what requests bring along, and lists.
func spaced(name string) bool {
	for _, prefix := range []string{"http_", "sent_http_", "upstream_", "arg_", "cookie_", "remote_user", "request_body"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return name == "request"
}

func isEmpty(b []byte) bool { return len(b) == 0 }

func isAnything([]byte) bool { return true }

// isWord: without blanks, and without a quote, which begins a variable of another kind.
func isWord(b []byte) bool { return bytes.IndexByte(b, ' ') < 0 && (len(b) == 0 || b[0] != '"') }

func isStatus(b []byte) bool {
	return len(b) == 3 && digits(b) || len(b) == 1 && (b[0] == '-' || b[0] == '0')
}

// isNumber takes lists of numbers too, as NGINX writes them of requests that were tried again.
func isNumber(b []byte) bool {
	for _, c := range b {
		if c-'0' > 9 && c != '.' && c != ',' && c != ':' && c != '-' && c != ' ' {
			return false
		}
	}
	return len(b) > 0
}

// isIP tells an address from the dash and the names that may stand in its place.
func isIP(b []byte) bool {
	for _, c := range b {
		if unhex(c) > 15 && c != '.' && c != ':' {
			return false
		}
	}
	return bytes.IndexByte(b, '.') > 0 || bytes.IndexByte(b, ':') >= 0
}

// isList tells several addresses.
func isList(b []byte) bool {
	last := bytes.LastIndexByte(b, ',')
	return last > 0 && isChain(b[:last]) && isChain(b[last+1:])
}

// isCLF tells 21/Nov/2026:21:11:12, with or without fraction and zone.
func isCLF(b []byte) bool {
	return len(b) >= 20 && len(b) <= 34 && b[2] == '/' && b[6] == '/' && b[11] == ':' && b[14] == ':' && b[17] == ':'
}

// isISO tells 2026-11-21T21:11:12, likewise.
func isISO(b []byte) bool {
	return len(b) >= 19 && len(b) <= 35 && b[4] == '-' && b[7] == '-' && b[13] == ':' && b[16] == ':'
}
