package ingest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

func newSplitter(t testing.TB, change ...func(*ingest.DecodeConfig)) *ingest.Splitter {
	t.Helper()
	cfg := ingest.DefaultDecodeConfig()
	for _, c := range change {
		c(&cfg)
	}
	s, err := ingest.NewSplitter(cfg, "gateway.access", pepper(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func small(cfg *ingest.DecodeConfig) { cfg.MaxRecordBytes = 1 << 10 }

// splitIn gives the text a piece at a time, as it would be read, and collects the records.
func splitIn(t testing.TB, s *ingest.Splitter, text []byte, size func() int) []ingest.Keyed {
	t.Helper()
	s.Reset()
	var records []ingest.Keyed
	var window []byte
	for {
		n := min(len(text), size())
		window, text = append(slices.Clone(window), text[:n]...), text[n:]
		done, err := s.Split(window, len(text) == 0, func(r ingest.Keyed) error {
			records = append(records, r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if window = window[done:]; len(text) == 0 {
			if len(window) > 0 {
				t.Fatalf("%q is left over", window)
			}
			return records
		}
		if len(window) > 2*s.Most() {
			t.Fatalf("%d bytes wait for more", len(window))
		}
	}
}

func split(t testing.TB, s *ingest.Splitter, text string) []string {
	t.Helper()
	var values []string
	for _, r := range splitIn(t, s, []byte(text), func() int { return len(text) }) {
		values = append(values, string(r.Value))
	}
	return values
}

func TestSplit(t *testing.T) {
	s := newSplitter(t)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"blanks", " \r\n\n\t", nil},
		{"an empty array", "[]", nil},
		{"an object", `{"a":1}`, []string{`{"a":1}`}},
		{"lines", "{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"one behind the other", `{"a":1}{"a":2} {"a":3}`, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"one behind the other, and a line's end", "{\"a\":1}{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		{"a text sequence", "\x1e{\"a\":1}\n\x1e{\"a\":2}\n", []string{`{"a":1}`, `{"a":2}`}},
		{"an array", `[{"a":1},{"a":[2,"]"]}]`, []string{`{"a":1}`, `{"a":[2,"]"]}`}},
		{"arrays in lines", "[{\"a\":1},{\"a\":2}]\n[{\"a\":3}]\n", []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"an array a line an element", "[\n{\"a\":1},\n{\"a\":2}\n]\n", []string{`{"a":1}`, `{"a":2}`}},
		{"over several lines", "[\n {\n  \"a\": {\n   \"b\": [\n1\n]}\n },\n {\"a\":\n2}]", []string{"{\n  \"a\": {\n   \"b\": [\n1\n]}\n }", "{\"a\":\n2}"}},
		{"elements that are none", `[{"a":1}, 5, "x", {"a":2}]`, []string{`{"a":1}`, `5`, `"x"`, `{"a":2}`}},
		{"text", "one two\n  three\r\n", []string{"one two", "three"}},
		{"a line in brackets", "[2026-11-21T20:15:00Z] \"GET / HTTP/1.1\" 200\n{\"a\":1}\n", []string{`[2026-11-21T20:15:00Z] "GET / HTTP/1.1" 200`, `{"a":1}`}},
		{"a mark of UTF-8", "\xef\xbb\xbf{\"a\":1}\n", []string{`{"a":1}`}},
		{"zeros", "\x00\x00\x00{\"a\":1}\n", []string{`{"a":1}`}},
		{"cut off in a text", "{\"a\":\"b\n{\"a\":2}\n", []string{`{"a":"b`, `{"a":2}`}},
		{"cut off behind a value", "{\"a\":1\n{\"a\":2}\n", []string{`{"a":1`, `{"a":2}`}},
		{"cut off behind a comma", "{\"a\":1,\n{\"a\":2}\n", []string{`{"a":1,`, `{"a":2}`}},
		{"cut off behind a colon", "{\"a\":\n{\"a\":2}\n{\"a\":3}\n", []string{`{"a":`, `{"a":2}`, `{"a":3}`}},
		{"the beginning cut off", "\":1}\n{\"a\":2}\n", []string{`":1}`, `{"a":2}`}},
		{"the end cut off", "{\"a\":1}\n{\"a\":", []string{`{"a":1}`, `{"a":`}},
		{"an array cut off", `[{"a":1},{"a":`, []string{`{"a":1}`, `{"a":`}},
		{"words behind", "{\"a\":1} and words\n{\"a\":2}", []string{`{"a":1}`, "and words", `{"a":2}`}},
		{"no JSON", "{not json}\n{\"a\":1}", []string{"{not json}", `{"a":1}`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if have := split(t, s, c.text); !slices.Equal(have, c.want) {
				t.Errorf("%q is split into\n%q, want\n%q", c.text, have, c.want)
			}
		})
	}
}

// In a log file a line's end ends whatever is on it.
func TestSplitLines(t *testing.T) {
	s := newSplitter(t)
	s.Lines = true
	want := []string{`{"a":`, "1}", `{"a":1}`, `{"a":2}`}
	if have := split(t, s, "{\"a\":\n1}\n[{\"a\":1},{\"a\":2}]\n"); !slices.Equal(have, want) {
		t.Errorf("have %q, want %q", have, want)
	}
}

// What is too long is cut off one byte behind the limit, once, and what follows is found again.
func TestSplitTooLong(t *testing.T) {
	long := strings.Repeat("x", 5000)
	s, decoder := newSplitter(t, small), newDecoder(t, "auto", small)
	for _, c := range []struct{ name, text, begins, next string }{
		{"an object", `{"a":"` + long + `"}` + "\n" + `{"a":1}`, `{"a":"xxx`, `{"a":1}`},
		{"an element", `[{"a":{"b":["` + long + `"]}},{"a":1}]`, `{"a":{"b":["xxx`, `{"a":1}`},
		{"over several lines", "{\"a\":[\n" + strings.Repeat("1,\n", 2000) + "1]}\n{\"a\":1}", "{\"a\":[\n1,\n", `{"a":1}`},
		{"broken", "{\"a\":\"" + long + "\n{\"a\":1}", `{"a":"xxx`, `{"a":1}`},
		{"text", long + "\n" + `{"a":1}`, "xxx", `{"a":1}`},
		{"an escape at the edge", `{"a":"` + strings.Repeat(`\"`, 2000) + `"}{"a":1}`, `{"a":"\"\"`, `{"a":1}`},
	} {
		for _, piece := range []int{1 << 20, 1025, 7} {
			t.Run(fmt.Sprint(c.name, " in pieces of ", piece), func(t *testing.T) {
				have := splitIn(t, s, []byte(c.text), func() int { return piece })
				if len(have) != 2 || !have[0].Cut || have[1].Cut || have[0].Key != nil {
					t.Fatalf("have %s", shown(have))
				}
				if len(have[0].Value) != 1025 || !bytes.HasPrefix(have[0].Value, []byte(c.begins)) || string(have[1].Value) != c.next {
					t.Errorf("have %.40q (%d bytes) and %q", have[0].Value, len(have[0].Value), have[1].Value)
				}
				b := decode(decoder, string(have[0].Value))
				if len(b.DeadLetters) != 1 || b.DeadLetters[0].Reason != "too_large" {
					t.Errorf("it becomes %+v", b)
				}
			})
		}
	}
}

// A record's key is its event's token, whichever way the gateway names it.
func TestSplitKeys(t *testing.T) {
	records := []string{
		`{"time":1795295472,"token":"Bearer hf_QkZxWvTyRmPqLsNd","uri":"/"}`,
		`{"time":1795295472,"token":"hf_QkZxWvTyRmPqLsNd","uri":"/"}`,
		`{"time":1795295472,"token_id":"42","token":"hf_QkZxWvTyRmPqLsNd"}`,
		`{"time":1795295472,"consumer":"acme"}`,
		`{"msec":"1795295472.101","http_x_api_key":"sk-live-QkZxWvTy","request_uri":"/","status":"200"}`,
		`{"started_at":1795295472101,"authenticated_entity":{"id":"c62c1455"},"request":{"uri":"/"}}`,
		`{"id":"x","status":"success","startTime":1795295472.5,"metadata":{"user_api_key_hash":"88dc28d0f030c55e"}}`,
	}
	decoder := newDecoder(t, "auto")
	for _, r := range splitIn(t, newSplitter(t), []byte("["+strings.Join(records, ",")+"]"), func() int { return 100 }) {
		b := decode(decoder, string(r.Value))
		if len(b.Events) != 1 || b.Events[0].Token.String() != string(r.Key) || !b.Events[0].Time.Equal(r.Time.Truncate(time.Millisecond)) {
			t.Errorf("%s has the key %s and the time %s, and becomes %+v", r.Value, r.Key, r.Time, b)
		}
	}
	s := newSplitter(t)
	for _, text := range []string{`{"uri":"/"}`, "words", `{"time":1,"token":"Bearer "}`, `{"a"`} {
		for _, r := range splitIn(t, s, []byte(text), func() int { return 100 }) {
			if r.Key != nil {
				t.Errorf("%s has the key %s", r.Value, r.Key)
			}
		}
	}
}

// However the text is cut into pieces, the records are the same, and none of it is missing.
func TestSplitInPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{
		`{"time":1795295472,"token":"hf_QkZxWvTyRmPqLsNd","uri":"/"}`, `{"a":{"b":[1,2,{"c":"}"}]}}`, "[", "]", ",", "\n", "\n", "\r\n", " ",
		"words and more", `"a"`, "5", `{"a":`, `{"a`, "}", "\"", "\\", "\x00\x00", "\x1e", "{\n\"a\":\n[1,\n2]}", strings.Repeat("y", 1100), `{"a":"` + strings.Repeat("z", 1200) + `"}`,
	}
	one, other := newSplitter(t, small), newSplitter(t, small)
	for round := range 3000 {
		var text []byte
		for range 1 + random.IntN(12) {
			text = append(text, parts[random.IntN(len(parts))]...)
		}
		whole := splitIn(t, one, text, func() int { return len(text) })
		pieces := splitIn(t, other, text, func() int { return 1 + random.IntN(40) })
		if have, want := shown(pieces), shown(whole); have != want {
			t.Fatalf("round %d: %q is split into\n%s\nin pieces, and into\n%s\nas a whole", round, text, have, want)
		}
		covers(t, text, whole)
	}
}

func shown(records []ingest.Keyed) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%q %s %v %d\n", r.Value, r.Key, r.Cut, r.Time.Unix())
	}
	return b.String()
}

// covers checks that what stands between the records is nothing but separators.
func covers(t testing.TB, text []byte, records []ingest.Keyed) {
	t.Helper()
	at := 0
	for i, r := range records {
		from := bytes.Index(text[at:], r.Value)
		if from < 0 {
			t.Fatalf("%q is not in %q", r.Value, text[at:])
		}
		if between := bytes.Trim(text[at:at+from], " \t\r\n,[]\x1e\x00\xef\xbb\xbf"); len(between) > 0 && (i == 0 || !records[i-1].Cut) {
			t.Fatalf("%q of %q is in no record", between, text)
		}
		at = r.End
	}
	if rest := bytes.Trim(text[at:], " \t\r\n,[]\x1e\x00\xef\xbb\xbf"); len(rest) > 0 && !records[len(records)-1].Cut {
		t.Fatalf("%q at the end of %q is in no record", rest, text)
	}
}

// Text that looks like the beginnings of many records costs little more than as many broken lines do.
func TestSplitHostile(t *testing.T) {
	const size = 1 << 18
	s := newSplitter(t)
	cost := func(text string) time.Duration {
		s.Reset()
		begun := time.Now()
		if _, err := s.Split([]byte(strings.Repeat(text, size/len(text))), true, func(ingest.Keyed) error { return nil }); err != nil {
			t.Fatal(err)
		}
		return time.Since(begun)
	}
	broken := cost("{x:1}\n")
	for name, text := range map[string]string{
		"openings":         "{\"a\":\n",
		"openings in line": `{"a":`,
		"objects in line":  `{"a":1}`,
		"long lists":       "{\"a\":[\n" + strings.Repeat("1,\n", 1000),
		"lists of objects": "{\"a\":[\n" + strings.Repeat("{\"b\":[\n", 200),
		"brackets":         "[",
		"quotes":           "{\"\n",
	} {
		if took := cost(text); took > 20*broken {
			t.Errorf("%s: %d bytes take %s, broken lines %s", name, size, took, broken)
		}
	}
}

// FuzzSplitter: nothing is lost, records are bounded, and what the decoder takes as a whole is not torn apart.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("[{\"a\":1},\n{\"b\":2}]"), uint8(3))
	f.Add([]byte("{\"token\":\"x\"}{\"a\":\"}\"}\nwords\n"), uint8(1))
	f.Add([]byte("{\"a\":\n[1,{\"b\":2}\n]}\n{\"a\":\"b\n"), uint8(200))
	s := newSplitter(f, small)
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		whole := splitIn(t, s, text, func() int { return len(text) })
		covers(t, text, whole)
		if have, want := shown(splitIn(t, s, text, func() int { return 1 + int(size) })), shown(whole); have != want {
			t.Fatalf("in pieces:\n%s\nas a whole:\n%s", have, want)
		}
		for _, r := range whole {
			if len(r.Value) == 0 || len(r.Value) > 1025 || (len(r.Value) > 1024) != r.Cut {
				t.Fatalf("a record of %d bytes, cut: %v", len(r.Value), r.Cut)
			}
			if r.Key != nil {
				if _, err := schema.ParseTokenID(string(r.Key)); err != nil {
					t.Fatal(err)
				}
			}
		}
		var object map[string]json.RawMessage
		if json.Unmarshal(text, &object) == nil && object != nil && len(text) < 1000 && len(whole) != 1 {
			t.Fatalf("%q becomes %d records", text, len(whole))
		}
	})
}
