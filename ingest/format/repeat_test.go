package format_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// A reader remembers how the last records were written, to read the next ones faster. What
// it remembers must change nothing: each record is read as if it were the first.

// FuzzRemembering has one reader read two records in turns, and a new one each alone.
func FuzzRemembering(f *testing.F) {
	seeds := [][2]string{
		{`{"msec":"1795295472.5","token":"a","status":200}`, `{"msec":"1795295472.5","token":"a""status":200}`},
		{`{"msec":"1","token":"abc"}`, `{"msec": "1","token":"abc"}`},
		{`{"a":1,"msec":1,"bytes_sent_in_all":"1","token":"abc"}`, `{"a":1,"msec":1,"bytes_sent_on_all":"1","token":"abc"}`},
		{`{"msec":1,"token":["abc"]}`, `{"msec":1,"token":["abc","d\u0065f"],"consumer":["x" ]}`},
		{`{"msec":1,"token":"abc"}`, `{"msec":1{"msec":1,"token":"abc"}`},
		{`{"token":"abc","x":{"a":[1,2,{"b":"cdefghijklmnopqrstuvwxyz"}]}}`, `{"token":"abc","x":{"a":[1,2,{"b":"cdefghijklmnopqrstuvwxy"}]}`},
		{`{"time":1795295472, "token": "abc"}`, `{"time":1795295472, "token":{"token": "abc"}}`},
		{`{"status":200,"status":"500"}`, `{"status":200,"status":"`},
		{`[{"consumer":"x","msec":1},{"msec":1,"consumer":"x"}]`, `[{"consumer":"x","msec":1}{"msec":1,"consumer":"x"}]`},
	}
	for _, s := range seeds {
		f.Add([]byte(s[0]), []byte(s[1]))
	}
	for _, name := range format.Names() {
		paths := records(f, name)
		f.Add(read(f, paths[0]), read(f, paths[len(paths)-1]))
	}
	f.Fuzz(func(t *testing.T, one, other []byte) {
		for _, name := range []string{"nginx", "kong"} { // for auto see TestAutoIsPure
			reader := lookup(t, name)
			want := [2]string{outline(lookup(t, name), one), outline(lookup(t, name), other)}
			for turn := range 6 {
				record := [2][]byte{one, other}[turn%2]
				if have := outline(reader, record); have != want[turn%2] {
					t.Fatalf("%s, turn %d: %q: have\n%s\nwant\n%s", name, turn, record, have, want[turn%2])
				}
			}
		}
	})
}

// TestRepeatedValues: what stands under a key that the table does not know is compared with
// what stood there before. The slightest difference counts.
func TestRepeatedValues(t *testing.T) {
	const service = `{"id":"5d0a9cc4","tags":["a","b"],"retries":5,"name":"inference"}`
	record := func(service string) string { return `{"service":` + service + `,"client_ip":"203.0.113.7"}` }
	f := lookup(t, "kong")
	for range 3 {
		if have := outline(f, []byte(record(service))); !strings.Contains(have, "no_token") {
			t.Fatal(have)
		}
	}
	for i := range service {
		for _, c := range []byte("\"{}[],:x1\\\x00\xff") {
			changed := []byte(record(service[:i] + string(rune(0)) + service[i+1:]))
			changed[len(`{"service":`)+i] = c
			if have, want := outline(f, changed), outline(lookup(t, "kong"), changed); have != want {
				t.Fatalf("%q: have\n%s\nwant\n%s", changed, have, want)
			}
			outline(f, []byte(record(service)))
		}
	}
}

// TestEveryDay reads each day of the years that events may have, and what is none.
func TestEveryDay(t *testing.T) {
	f := lookup(t, "tokenwatch")
	for year := 1970; year <= 2261; year++ {
		for month := 1; month <= 12; month++ {
			for day := 0; day <= 32; day++ {
				want := time.Date(year, time.Month(month), day, 23, 59, 59, 0, time.UTC)
				text := fmt.Sprintf("%04d-%02d-%02dT23:59:59Z", year, month, day)
				have := one(t, f, `{"consumer":"x","time":"`+text+`"}`)
				if exists := want.Day() == day; exists != (have.Err == "") || exists && !have.Time.Equal(want) {
					t.Fatalf("%s: have %s %s", text, have.Time, have.Err)
				}
			}
		}
	}
}

// BenchmarkWorst reads what somebody would send to keep a reader busy. What counts is that
// no byte costs much more than another: ns/B.
func BenchmarkWorst(b *testing.B) {
	const size = 1 << 20
	fill := func(before, each, after string) []byte {
		return []byte(before + strings.Repeat(each, (size-len(before)-len(after))/len(each)) + after)
	}
	many := func(each func(i int) string) []byte {
		var s strings.Builder
		s.WriteString(`{"consumer":"x","time":1795295472`)
		for i := 0; s.Len() < size; i++ {
			s.WriteString(each(i))
		}
		return []byte(s.String() + "}")
	}
	for name, record := range map[string][]byte{
		"plain text":       fill(`{"x":"`, "abcdefgh", `"}`),
		"escapes":          fill(`{"x":"`, `\"`, `"}`),
		"surrogates":       fill(`{"request_uri":"`, `\ud83d\ude00`, `"}`),
		"not ASCII":        fill(`{"x":"`, "é漢", `"}`),
		"deep":             []byte(`{"x":` + strings.Repeat("[", 9998) + strings.Repeat("]", 9998) + "}"),
		"deep, wide":       fill(`{"x":[`, strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000)+",", "1]}"),
		"keys":             many(func(i int) string { return fmt.Sprintf(`,"k%d":1`, i) }),
		"long keys":        many(func(i int) string { return fmt.Sprintf(`,"%0100d":1`, i) }),
		"one key":          many(func(int) string { return `,"status":"200"` }),
		"digits":           fill(`{"time":1795295472,"consumer":"x","bytes_sent":1`, "0", "}"),
		"numbers":          fill(`{"x":[`, "-1.5e+10,", "1]}"),
		"white space":      fill(`{"x":`, " \n\t\r", "1}"),
		"empty entries":    fill("[", "{},", "{}]"),
		"query parameters": fill(`{"time":1795295472,"consumer":"x","request_uri":"/?`, "token=abcdefgh&", `"}`),
		"encoded query":    fill(`{"time":1795295472,"consumer":"x","request_uri":"/?token=`, "%41", `"}`),
		"forwarding chain": fill(`{"time":1795295472,"consumer":"x","http_x_forwarded_for":"`, "10.0.0.1, ", `"}`),
	} {
		b.Run(name, func(b *testing.B) {
			f := lookup(b, "nginx")
			emit := func(*format.Record) error { return nil }
			for b.Loop() {
				if err := f.Decode(record, emit); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(record)), "ns/B")
			b.ReportMetric(0, "ns/op")
		})
	}
}
