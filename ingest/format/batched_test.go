package format_test

import (
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestBatchesOfCollectors: each log record is an entry of its own, and one that is none is refused without
// keeping the others from being read.
func TestBatchesOfCollectors(t *testing.T) {
	const (
		good  = `{"timeUnixNano":"1795295472856000000","attributes":[{"key":"ClientAddr","value":{"stringValue":"203.0.113.7:1"}},{"key":"ClientUsername","value":{"stringValue":"who"}},{"key":"DownstreamStatus","value":{"intValue":"200"}},{"key":"x","value":{"arrayValue":{}}}]}`
		other = `{"timeUnixNano":"1795295472856000000","body":{"stringValue":"starting up"}}`
		alien = `{"body":{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}}]}}}`
	)
	f := lookup(t, format.Auto)
	for record, want := range map[string]string{
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + good + `]}]}]}`:                                                 "who",
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + other + `,` + good + `]},{"logRecords":[` + alien + `]}]},{}]}`: "unknown_format who unknown_format",
		`{"resourceLogs":[]}`: "unknown_format",
		`{"resourceLogs":{}}`: "unknown_format",
		`{"resourceLogs":[{"scopeLogs":[{"logRecords":[1,[],{"attributes":[{}],"body":{"stringValue":""}}]}]}]}`:             "unknown_format unknown_format unknown_format",
		`{"streams":[{"stream":{},"values":[["1795295472856000000","starting up"],[],["1"],[1,2],"x"]}]}`:                    "unknown_format unknown_format unknown_format unknown_format unknown_format",
		`{"streams":[{"values":[["1795295472856000000","{\"ClientAddr\":\"203.0.113.7:1\",\"ClientUsername\":\"who\"}"]]}]}`: "who",
	} {
		if got := outcomes(t, f, record); got != want {
			t.Errorf("%s:\nhave %q, want %q", record, got, want)
		}
	}
}

// TestTimeOfTheWrapper: what has no time of its own was written when its wrapper says, unless something else is wrong with it.
func TestTimeOfTheWrapper(t *testing.T) {
	f := lookup(t, "nginx")
	for record, want := range map[string]string{
		`{"@timestamp":"2026-11-21T21:11:12Z","@fields":{"remote_addr":"203.0.113.7","consumer":"who","status":"200"}}`:     "who",
		`{"time":1795295472,"nginx":{"access":{"remote_addr":"203.0.113.7","consumer":"who"}}}`:                             "who",
		`{"@timestamp":"2026-11-21T21:11:12Z","@fields":{"remote_addr":"203.0.113.7","consumer":"who","status":"x"}}`:       "bad_status",
		`{"@timestamp":"2026-11-21T21:11:12Z","@fields":{"remote_addr":"203.0.113.7","consumer":"who","msec":"yesterday"}}`: "bad_time",
		`{"@timestamp":"yesterday","@fields":{"remote_addr":"203.0.113.7","consumer":"who"}}`:                               "no_time",
		`{"@timestamp":"2026-11-21T21:11:12Z","@fields":{"remote_addr":"203.0.113.7"}}`:                                     "no_token",
	} {
		if got := outcomes(t, f, record); got != want {
			t.Errorf("%s: have %q, want %q", record, got, want)
		}
	}
}
