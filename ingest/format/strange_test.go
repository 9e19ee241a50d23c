package format_test

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestStrangeLinesAreToldApart: what is refused says what to do, as far as its looks tell.
func TestStrangeLinesAreToldApart(t *testing.T) {
	for line, want := range map[string]string{
		"time:22/Nov/2026:20:00:00 +0000\thost:203.0.113.7\treq:GET / HTTP/1.0\tstatus:200": "LTSV",
		`time=2026-11-22T20:00:00Z remote_addr=203.0.113.7 status=200 method=GET`:           "logfmt",
		`at this hour=0 nothing=1 of=2 note`:                                                "declare your log_format",
		"2026/11/22 20:00:00 [error] 7#7: *1 upstream timed out":                            "NGINX's error log",
		`<a><b>c</b></a>`: "if it is XML",
	} {
		_, err := decode(t, lookup(t, format.Auto), []byte(line))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
