package push_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/push"
)

// ledger is a topic: what was appended to it, in order. It fails at the record that it is told to fail at.
type ledger struct {
	values []string
	failAt int // negative: never
}

func (l *ledger) Produce(_ context.Context, records []ingest.Keyed) error {
	for _, r := range records {
		if len(l.values) == l.failAt {
			return errors.New("away")
		}
		l.values = append(l.values, string(r.Value))
	}
	return nil
}

// intake is the handler with what stands behind it in the program, but for the broker.
func intake(t testing.TB, l *ledger) *push.Handler {
	t.Helper()
	pepper, err := ingest.ParsePepper("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	splitter, err := ingest.NewSplitter(ingest.DefaultDecodeConfig(), "main", pepper)
	if err != nil {
		t.Fatal(err)
	}
	h, err := push.New(config(func(c *push.Config) { c.MaxBodyBytes, c.MaxInFlightBytes = 1<<20, 11<<20 }), []string{"main"}, &answers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h.Open(func(ctx context.Context, _ string, body []byte) (push.Result, error) {
		defer splitter.Reset()
		sender := &ingest.Sender{Splitter: splitter, Producer: l}
		_, err := sender.Send(ctx, body, true)
		return push.Result{Records: sender.Tally.Records, Unkeyed: sender.Tally.Unkeyed, Cut: sender.Tally.Cut}, err
	})
	return h
}

func hand(h *push.Handler, body []byte, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, push.Path, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// The bodies that agents make of three records hold three records.
func TestRecordsOfAgents(t *testing.T) {
	record := func(n int) string {
		return fmt.Sprintf(`{"time":17000000%02d,"token":"sk-live-QkZxWvTyRmPqLsN%d","uri":"/a?b=[1,2]","user_agent":"a\"}{[","status":200}`, n, n)
	}
	three := []string{record(1), record(2), record(3)}
	kong := `{"request":{"headers":{"authorization":"REDACTED"},"uri":"/v1","tls":{"cipher":"x"}},"tries":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}],"started_at":1700000001000}`
	lines := strings.Join(three, "\n")
	for _, c := range []struct {
		name, kind, body string
		want             []string
	}{
		{"Kong's http-log", "application/json", kong, []string{kong}},
		{"Kong's http-log, queued", "application/json; charset=utf-8", "[" + kong + "," + kong + "]", []string{kong, kong}},
		{"Fluent Bit json", "application/json", "[" + strings.Join(three, ",") + "]", three},
		{"Fluent Bit json_lines", "application/json", lines + "\n", three},
		{"Fluent Bit json_stream", "application/json", strings.Join(three, ""), three},
		{"Vector JSON", "application/json", "[" + strings.Join(three, ",\n") + "]", three},
		{"Vector NDJSON", "application/x-ndjson", lines, three},
		{"Vector without framing", "application/octet-stream", strings.Join(three, " "), three},
		{"lines as Windows ends them", "text/plain", strings.Join(three, "\r\n") + "\r\n", three},
		{"a mark of UTF-8", "application/json", "\xef\xbb\xbf" + three[0], three[:1]},
		{"a mark of UTF-8 before an array", "application/json", "\xef\xbb\xbf[" + three[0] + "]", three[:1]},
		{"JSON text sequences", "application/json-seq", "\x1e" + strings.Join(three, "\n\x1e") + "\n", three},
		{"an empty array", "application/json", "[]", nil},
		{"words among them", "text/plain", three[0] + "\nwords\n" + three[1], []string{three[0], "words", three[1]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &ledger{failAt: -1}
			w := hand(intake(t, l), []byte(c.body), "Content-Type", c.kind)
			if want := fmt.Sprintf(`{"accepted":%d`, len(c.want)); w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), want) {
				t.Errorf("%d %s, want %s", w.Code, w.Body, want)
			}
			if !slices.Equal(l.values, c.want) {
				t.Errorf("have %q\nwant %q", l.values, c.want)
			}
		})
	}
}

// At whichever record the brokers fail, the answer is no 200, and sending everything again brings everything.
func TestFailureAtEachRecord(t *testing.T) {
	body := []byte("{\"a\":0}\n{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n")
	for at := range 5 {
		l := &ledger{failAt: at}
		h := intake(t, l)
		w := hand(h, body)
		if (w.Code == http.StatusOK) != (at == 4) || (w.Header().Get("Retry-After") != "") != (at < 4) {
			t.Errorf("failing at record %d: %d %v %s", at, w.Code, w.Header(), w.Body)
		}
		if at == 4 {
			continue
		}
		l.failAt, l.values = -1, nil
		if w := hand(h, body); w.Code != http.StatusOK || len(l.values) != 4 {
			t.Errorf("the second time: %d %s, %q", w.Code, w.Body, l.values)
		}
	}
}

// framings are the ways in which records stand in a body.
var framings = []func(records []string, random *rand.Rand) string{
	func(records []string, _ *rand.Rand) string { return strings.Join(records, "\n") },
	func(records []string, _ *rand.Rand) string { return strings.Join(records, "\r\n") + "\r\n" },
	func(records []string, _ *rand.Rand) string { return strings.Join(records, "") },
	func(records []string, _ *rand.Rand) string { return "[" + strings.Join(records, ",") + "]" },
	func(records []string, _ *rand.Rand) string {
		return "\xef\xbb\xbf[\n" + strings.Join(records, ",\n") + "\n]\n"
	},
	func(records []string, random *rand.Rand) string { // arrays, objects and blank lines mixed
		var b strings.Builder
		for _, r := range records {
			fmt.Fprintf(&b, []string{"%s\n", "[%s]\n", "[ %s ]", "\n\n%s", " \t%s\r\n", "[%s,\n]\n"}[random.IntN(6)], r)
		}
		return b.String()
	},
}

var packings = []func(t testing.TB, body []byte) (packed []byte, encoding string){
	func(_ testing.TB, body []byte) ([]byte, string) { return body, "" },
	func(_ testing.TB, body []byte) ([]byte, string) { return body, "identity" },
	func(t testing.TB, body []byte) ([]byte, string) { return packed(t, "gzip", body), "gzip" },
	func(t testing.TB, body []byte) ([]byte, string) { return packed(t, "gzip", body), "" },
	func(t testing.TB, body []byte) ([]byte, string) { return packed(t, "deflate", body), "Deflate" },
	func(t testing.TB, body []byte) ([]byte, string) { return bare(t, body), "deflate" },
	func(t testing.TB, body []byte) ([]byte, string) { return packed(t, "zstd", body), "zstd" },
	func(t testing.TB, body []byte) ([]byte, string) { return packed(t, "zstd", body), "" },
	func(t testing.TB, body []byte) ([]byte, string) {
		return packed(t, "gzip", packed(t, "zstd", body)), "zstd, gzip"
	},
	func(t testing.TB, body []byte) ([]byte, string) { // several members, as files that were put together
		at := len(body) / 2
		return append(packed(t, "gzip", body[:at]), packed(t, "gzip", body[at:])...), "x-gzip"
	},
}

// bare is deflate without zlib's frame.
func bare(t testing.TB, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 6)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(w, bytes.NewReader(body))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// anyRecord is a JSON object with what may stand in one, the given text included.
func anyRecord(t testing.TB, random *rand.Rand, n int, text string) string {
	t.Helper()
	fields := map[string]any{"n": n, text: text}
	for range random.IntN(4) {
		key := fmt.Sprint("k", random.IntN(10))
		switch random.IntN(5) {
		case 0:
			fields[key] = random.NormFloat64() * 1e9
		case 1:
			fields[key] = []any{nil, true, map[string]any{text: []any{}}, "]},{["}
		case 2:
			fields[key] = map[string]any{"deep": map[string]any{"deeper": text}, "none": map[string]any{}}
		case 3:
			fields["token"], fields["time"] = "sk-live-"+text, 1700000000+n
		default:
			fields[key] = strings.Repeat("\\\"{[\n", random.IntN(300))
		}
	}
	record, err := json.Marshal(fields)
	if random.IntN(4) == 0 {
		record, err = json.MarshalIndent(fields, "", "\t")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(record)
}

// FuzzRecords: of every body that is well formed, each record reaches the topic once, in order, however the records
// stand in it and whatever it is compressed with; of a body that is damaged on the way, all or nothing.
func FuzzRecords(f *testing.F) {
	for seed := range uint64(len(packings) * len(framings)) {
		f.Add(seed, uint8(seed), uint8(seed/uint64(len(framings))), `a"}]{[,`+"\n\x00\u2028\\", uint16(seed*37))
	}
	l := &ledger{failAt: -1}
	h := intake(f, l)
	kinds := []string{"application/json", "", "application/x-ndjson", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "application/octet-stream"}
	f.Fuzz(func(t *testing.T, seed uint64, framing, packing uint8, text string, cut uint16) {
		random := rand.New(rand.NewPCG(seed, 1))
		text = strings.ToValidUTF8(text[:min(len(text), 2000)], "?")
		records := make([]string, 1+random.IntN(12))
		for i := range records {
			records[i] = anyRecord(t, random, i, text)
		}
		plain := framings[int(framing)%len(framings)](records, random)
		body, encoding := packings[int(packing)%len(packings)](t, []byte(plain))
		kind := kinds[random.IntN(len(kinds))]
		l.values = nil
		w := hand(h, body, "Content-Type", kind, "Content-Encoding", encoding)
		if want := fmt.Sprintf(`{"accepted":%d`, len(records)); w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), want) {
			t.Fatalf("%d %s, want %s of %q", w.Code, w.Body, want, plain)
		}
		if !slices.Equal(l.values, records) {
			t.Fatalf("%q\nbecomes %q\nwant    %q", plain, l.values, records)
		}
		if encoding == "" || encoding == "identity" {
			return // what is cut off of text, nobody can tell
		}
		l.values = nil
		half := body[:int(cut)%len(body)]
		if w := hand(h, half, "Content-Type", kind, "Content-Encoding", encoding); w.Code == http.StatusOK && encoding != "x-gzip" || len(l.values) > 0 && encoding != "x-gzip" {
			t.Fatalf("%d of %d bytes: %d %s, %q", len(half), len(body), w.Code, w.Body, l.values)
		}
	})
}
