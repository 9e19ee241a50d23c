package format_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// outcomes are the entries of a record in short: the consumer of each, or why it is refused.
func outcomes(t testing.TB, f format.Format, record string) string {
	t.Helper()
	entries, err := decode(t, f, []byte(record))
	if err != nil {
		word, _, _ := strings.Cut(err.Error(), ":")
		return "refused: " + word
	}
	var words []string
	for i, e := range entries {
		if e.Item != i {
			t.Errorf("%q: entry %d is numbered %d", record, i, e.Item)
		}
		word, _, refused := strings.Cut(e.Err, ":")
		if !refused {
			word = e.Consumer
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestSeveralDocumentsInOneRecord(t *testing.T) {
	a, b := `{"time":1795295472,"consumer":"a"}`, `{"time":1795295472,"consumer":"b"}`
	pretty := "{\n  \"time\": 1795295472,\n  \"consumer\": \"p\"\n}"
	f := lookup(t, "tokenwatch")
	for record, want := range map[string]string{
		a:                                   "a",
		a + "\n":                            "a",
		a + "\n" + b:                        "a b",
		a + "\r\n\r\n" + b + "\r\n":         "a b",
		" \n" + a + "\n" + b:                "a b",
		a + "\n[" + b + "," + a + "]\n" + b: "a b a b",
		pretty + "\n" + pretty:              "p p",
		"[\n" + a + ",\n" + b + "\n]":       "a b",
		a + "\n{\"time\":\n" + b:            "a bad_json b",
		"{\"time\":\n" + a + "\n" + b:       "bad_json a b",
		a + "\n{\"time\":":                  "a bad_json",
		a + "\nnot json\n" + b:              "refused: bad_json",
		a + " " + b:                         "refused: bad_json",
		a + b:                               "refused: bad_json",
		"{\n\"time\":1795295472,\n":         "refused: bad_json",
		"[" + a + ",\n" + b:                 "refused: bad_json",
		"[\n" + a + "\n" + b + "\n]":        "refused: bad_json",
		a + "\n[]":                          "a empty",
	} {
		if got := outcomes(t, f, record); got != want {
			t.Errorf("%q: have %q, want %q", record, got, want)
		}
	}
}

func TestLinesInOneRecord(t *testing.T) {
	line := func(who string) string {
		return `203.0.113.7 - ` + who + ` [21/Nov/2026:21:11:12 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8.5.0"`
	}
	object := `{"msec":"1795295472","consumer":"o"}`
	f := lookup(t, "nginx")
	for record, want := range map[string]string{
		line("a"):                                    "a",
		line("a") + "\n" + line("b") + "\n":          "a b",
		"  " + line("a") + "\r\n\r\n" + line("b"):    "a b",
		line("a") + "\n7\n" + line("b"):              "a unknown_format b",
		line("a") + "\n1.2.3.4 is\n" + line("b"):     "a bad_line b",
		line("a") + "\n" + object + "\n" + line("b"): "a o b",
		"no line":                               "refused: bad_line",
		"203.0.113.7 - x":                       "refused: bad_line",
		"\x00\x01":                              "refused: bad_line",
		`"text"`:                                "unknown_format",
		"\ufeff" + line("a") + "\n" + line("b"): "a b",
		"\ufeff" + object + "\n" + object:       "o o",
		"\x1e" + object + "\n":                  "o",
		"[pod/edge-7d4b9/nginx] " + line("a"):   "a",
		"edge-1   | " + line("a"):               "a",
		"2026-11-21T21:11:12.856123+00:00 edge nginx: " + line("a"):                                            "a",
		"2026-11-21T21:11:12+0000 edge nginx[4711]: " + object:                                                 "o",
		"2026-11-21T21:11:12.856123+00:00 203.0.113.7 nginx: " + line("a"):                                     "203.0.113.7 - a", // of a log_format that begins so
		"[WARNING] (1) : Server be/s1 is DOWN":                                                                 "refused: bad_line",
		"<190>Nov 21 21:11:12 edge nginx: " + object:                                                           "o",
		"Nov  1 21:11:12 edge nginx: " + line("a"):                                                             "a",
		"<190>1 2026-11-21T21:11:12Z edge nginx 1 - - " + line("a"):                                            "a",
		`<190>1 2026-11-21T21:11:12Z edge nginx 1 - [x@1 a="b"][y@1] ` + line("a"):                             "a",
		"2026-11-21T21:11:12.856123456Z stdout F " + line("a"):                                                 "a",
		"2026-11-21T21:11:12.856123456Z stderr F " + object + "\n2026-11-21T21:11:12.9Z stdout F " + line("a"): "o a",
	} {
		if got := outcomes(t, f, record); got != want {
			t.Errorf("%q: have %q, want %q", record, got, want)
		}
	}
}

// TestWrappers: what agents put around a record of any format is taken off, by the format
// itself and by auto, and the dead letter is of the whole.
func TestWrappers(t *testing.T) {
	for name, inner := range map[string]string{
		"nginx":   `203.0.113.7 - who [21/Nov/2026:21:11:12 +0000] "GET / HTTP/1.1" 200 612 "-" "curl/8.5.0"`,
		"kong":    `{"started_at":1795295472000,"latencies":{"request":1},"request":{"method":"GET","uri":"/"},"response":{"status":200},"consumer":{"username":"who"}}`,
		"traefik": `{"ClientAddr":"203.0.113.7:1","ClientUsername":"who","RequestPath":"/","DownstreamStatus":200,"StartUTC":"2026-11-21T21:11:12Z"}`,
		"haproxy": `203.0.113.7:33317 [21/Nov/2026:21:11:12.843] api be/s1 0/0/0/12/13 200 155 - - ---- 1/1/0/0/0 0/0 {who} {} "GET / HTTP/1.1"`,
	} {
		text, _ := json.Marshal(inner)
		wrapped := []string{
			`{"message":%s,"host":"h","@timestamp":"2026-11-21T21:11:13Z"}`, `{"log":%s,"stream":"stdout","time":"2026-11-21T21:11:13Z"}`,
			`{"date":1795295473.5,"log":%s,"kubernetes":{"pod_name":"p"}}`, `{"@timestamp":"x","log":{"offset":1},"message":%s}`, `{"event":%s,"time":1795295473}`,
			`[%s]`, `[%s,%s]`, `{"nginx":{"access":%s}}`, `{"@fields":%s}`, `{"streams":[{"stream":{"a":"b"},"values":[["1795295472856000000",%s],["1795295472856000001",%s]]}]}`,
			`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795295472856000000","body":{"stringValue":%s},"attributes":[]}]}]}]}`,
			`{"logEvents":[{"id":"1","timestamp":1,"message":%s}]}`, `{"records":[{"value":1,"data":%s}]}`,
		}
		if inner[0] == '{' {
			wrapped = append(wrapped, `{"log_processed":%[2]s}`, `{"json":%[2]s,"agent":{}}`, `{"jsonPayload":%[2]s}`, `[{"message":%s},{"json":%[2]s}]`)
		}
		for _, reader := range []string{name, format.Auto} {
			f := lookup(t, reader)
			for _, form := range wrapped {
				record := form
				if strings.Contains(form, "%s") {
					record = strings.ReplaceAll(record, "%s", string(text))
				}
				record = strings.ReplaceAll(record, "%[2]s", inner)
				for _, who := range strings.Fields(outcomes(t, f, record)) {
					if who != "who" || f.Name() != name {
						t.Errorf("%s reads %s: have %q as %s", reader, record, who, f.Name())
					}
				}
				if outcomes(t, f, record) == "" {
					t.Errorf("%s reads nothing of %s", reader, record)
				}
			}
		}
	}
}

func TestWrappersThatHoldNothing(t *testing.T) {
	f := lookup(t, "nginx")
	deep := `{"msec":"1795295472","consumer":"deep"}`
	for range 4 {
		text, _ := json.Marshal(deep)
		deep = `{"message":` + string(text) + `}`
	}
	for record, want := range map[string]string{
		`{"message":"GET / took five minutes to answer me"}`: "unknown_format",
		`{"message":"{"}`:          "unknown_format",
		`{"message":{"a":1}}`:      "unknown_format",
		`{"message":[1,2]}`:        "unknown_format",
		`{"message":""}`:           "unknown_format",
		`{"message":7,"log":null}`: "unknown_format",
		deep:                       "unknown_format",
		`{"message":"{\"request_uri\":\"/\",\"remote_addr\":\"203.0.113.7\"}"}`:                  "no_token",
		`{"logEvents":[{"message":"x"},{"message":"{\"msec\":1795295472,\"consumer\":\"c\"}"}]}`: "unknown_format",
	} {
		if got := outcomes(t, f, record); got != want {
			t.Errorf("%s: have %q, want %q", record, got, want)
		}
	}
	// An entry of the gateway's own is not taken apart, whatever it has under such a key.
	got := outcomes(t, f, `{"msec":"1795295472","consumer":"own","message":"{\"msec\":\"1795295472\",\"consumer\":\"forged\"}"}`)
	if got != "own" {
		t.Errorf("have %q of an entry with a message of its own", got)
	}
}

// TestAutoIsPure: what a record is taken for does not depend on those before it.
func TestAutoIsPure(t *testing.T) {
	type sample struct{ path, want string }
	var samples []sample
	fresh := func(path string) string {
		f := lookup(t, format.Auto)
		return outline(f, read(t, path)) + f.Name()
	}
	for _, name := range format.Names() {
		for _, path := range records(t, name) {
			samples = append(samples, sample{path, fresh(path)})
		}
	}
	f := lookup(t, format.Auto)
	for step := range 7 {
		for i := range samples {
			s := samples[(i*(2*step+1)+step)%len(samples)]
			if got := outline(f, read(t, s.path)) + f.Name(); got != s.want {
				t.Fatalf("%s:\n%s\nalone it was\n%s", s.path, got, s.want)
			}
		}
	}
}

// TestAutoKnowsAPISIXByWhatItAdds: with NGINX's variables in a log_format of one's own, the
// order of keys is any.
func TestAutoKnowsAPISIXByWhatItAdds(t *testing.T) {
	f := lookup(t, format.Auto)
	for _, record := range []string{
		`{"remote_addr":"203.0.113.7","time_iso8601":"2026-11-21T21:11:12Z","consumer_name":"c","route_id":"1"}`,
		`{"route_id":"1","remote_addr":"203.0.113.7","time_iso8601":"2026-11-21T21:11:12Z","consumer_name":"c"}`,
	} {
		if got := outcomes(t, f, record); got != "c" || f.Name() != "apisix" {
			t.Errorf("%s: have %q as %s", record, got, f.Name())
		}
	}
}

func TestSplit(t *testing.T) {
	for file, want := range map[string][]string{
		"":                                     nil,
		"\n\n \n":                              nil,
		"{\"a\":1}\n{\"b\":2}\n":               {`1:{"a":1}`, `2:{"b":2}`},
		"{\n  \"a\": {\n  }\n}\n{\"b\":2}":     {"1:{\n  \"a\": {\n  }\n}", `5:{"b":2}`},
		"[\n{\"a\":1},\n{\"b\":2}\n]\nline":    {"1:[\n{\"a\":1},\n{\"b\":2}\n]", "5:line"},
		"one\n\n  two \r\n{\"a\":\"}{\"}":      {"1:one", "3:two", `4:{"a":"}{"}`},
		"{\"a\":\n{\"b\":2}\n{\"c\":3}":        {`1:{"a":`, `2:{"b":2}`, `3:{"c":3}`},
		"{\"a\":\"x\n{\"b\":2}\n":              {`1:{"a":"x`, `2:{"b":2}`},
		"{\"a\":\"\\\"{\"}\n{\"b\":2}":         {`1:{"a":"\"{"}`, `2:{"b":2}`},
		"[2026-11-21T21:11:12Z] \"GET\"\nb":    {`1:[2026-11-21T21:11:12Z] "GET"`, "2:b"},
		"{\"a\":\n{\n\"b\":1}\n}\n{\"c\":1}":   {"1:{\"a\":\n{\n\"b\":1}\n}", `5:{"c":1}`},
		"{\"a\":\"}{\"}{\"b\":{}}{\"c\":1}\nx": {`1:{"a":"}{"}`, `1:{"b":{}}`, `1:{"c":1}`, "2:x"},
		"\ufeff{\"a\":\n1}\nx":                 {"1:{\"a\":\n1}", "3:x"},
	} {
		var got []string
		err := format.Split(strings.NewReader(file), 1<<20, func(record []byte, line int) error {
			got = append(got, fmt.Sprintf("%d:%s", line, record))
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: have %q, %v, want %q", file, got, err, want)
		}
	}
	long := strings.Repeat("x", 5000)
	if err := format.Split(strings.NewReader("ok\n"+long), 4096, func([]byte, int) error { return nil }); err == nil || !strings.Contains(err.Error(), "line 2: too long") {
		t.Errorf("a long line: %v", err)
	}
}

// FuzzSplit: nothing of a file but white space is lost.
func FuzzSplit(f *testing.F) {
	for _, name := range format.Names() {
		for _, path := range records(f, name) {
			f.Add(read(f, path))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		var got []byte
		err := format.Split(bytes.NewReader(file), 1<<20, func(record []byte, line int) error {
			if len(record) == 0 || line < 1 {
				t.Fatalf("record %q in line %d", record, line)
			}
			got = append(got, record...)
			return nil
		})
		bare := func(b []byte) string {
			return strings.Join(strings.FieldsFunc(string(b), func(r rune) bool { return strings.ContainsRune(" \t\r\n\ufeff", r) }), "")
		}
		if err != nil || bare(got) != bare(file) {
			t.Fatalf("have %q of %q, %v", got, file, err)
		}
	})
}
