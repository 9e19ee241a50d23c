package ingest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

var update = flag.Bool("update", false, "write testdata/decode/*.want.json anew; read what changed before you commit it")

func at() time.Time { return time.Date(2026, 11, 21, 21, 12, 0, 0, time.UTC) }

func position() ingest.Position {
	return ingest.Position{Topic: "gateway.access", Partition: 3, Offset: 42, At: at()}
}

func pepper(t testing.TB) ingest.Pepper {
	t.Helper()
	p, err := ingest.ParsePepper("000102030405060708090a0b0c0d0e0f")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// atlas knows one address.
type atlas struct{}

func (atlas) Locate(ip netip.Addr) schema.Place {
	if ip == netip.MustParseAddr("203.0.113.7") {
		return schema.Place{Country: "DE", City: "Berlin", ASN: 64500}
	}
	return schema.Place{}
}

func newDecoder(t testing.TB, name string, change ...func(*ingest.DecodeConfig)) *ingest.Decoder {
	t.Helper()
	cfg := ingest.DefaultDecodeConfig()
	cfg.Format = name
	for _, c := range change {
		c(&cfg)
	}
	d, err := ingest.NewDecoder(cfg, pepper(t), atlas{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decode(d *ingest.Decoder, record string) *schema.Block {
	var b schema.Block
	d.Decode(&b, []byte(record), position())
	return &b
}

// event decodes a record in tokenwatch's own format, of which only some fields are given.
func event(t *testing.T, fields string) schema.Event {
	t.Helper()
	b := decode(newDecoder(t, "tokenwatch"), `{"time":"2026-11-21T21:11:12.856Z","consumer":"acme",`+fields+`}`)
	if len(b.Events) != 1 || len(b.DeadLetters) != 0 {
		t.Fatalf("%s: %d events, dead letters %+v", fields, len(b.Events), b.DeadLetters)
	}
	return b.Events[0]
}

func letter(t *testing.T, d *ingest.Decoder, record string) schema.DeadLetter {
	t.Helper()
	b := decode(d, record)
	if len(b.Events) != 0 || len(b.DeadLetters) != 1 {
		t.Fatalf("%.100s: %d events, %d dead letters", record, len(b.Events), len(b.DeadLetters))
	}
	return b.DeadLetters[0]
}

// TestGolden decodes the samples of every format into events and dead letters.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("format/testdata/*/*.json")
	lines, _ := filepath.Glob("format/testdata/*/*.log")
	if err != nil || len(paths) == 0 || len(lines) == 0 {
		t.Fatalf("%d records, %d lines, %v", len(paths), len(lines), err)
	}
	for _, path := range append(paths, lines...) {
		if strings.HasSuffix(path, ".want.json") {
			continue
		}
		name := strings.TrimPrefix(path, "format/testdata/")
		t.Run(name, func(t *testing.T) { golden(t, path, filepath.Dir(name), filepath.Base(name)) })
	}
}

func golden(t *testing.T, path, gateway, name string) {
	record, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b := decode(newDecoder(t, gateway), string(record))
	var have bytes.Buffer
	enc := json.NewEncoder(&have)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(b); err != nil {
		t.Fatal(err)
	}
	wanted := filepath.Join("testdata", "decode", gateway, strings.TrimSuffix(name, ".json")+".want.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(wanted), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(wanted, have.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(wanted)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have.Bytes(), want) {
		t.Errorf("have\n%s\nwant\n%s", have.Bytes(), want)
	}
}

func TestDeadLetters(t *testing.T) {
	d := newDecoder(t, "nginx", func(c *ingest.DecodeConfig) { c.MaxRecordBytes = 2 << 20 })
	cases := []struct{ record, reason, detail string }{
		{"", "empty", ""},
		{" \n", "empty", ""},
		{"[]", "empty", "array"},
		{`{"consumer":"acme"`, "bad_json", "byte 18"},
		{"{\"consumer\":\"acme\xff\"}", "no_time", "msec"},
		{"{\"consumer\":\"acme\xff\"", "bad_json", "cut off"},
		{"{}", "unknown_format", "nginx"},
		{`"text"`, "unknown_format", "nginx"},
		{`{"msec":1795295472}`, "no_token", "token_fields"},
		{`{"msec":1795295472,"authorization":"Basic Og=="}`, "no_token", "empty behind its scheme"},
		{`{"consumer":"acme"}`, "no_time", "msec"},
		{`{"consumer":"acme","msec":"x"}`, "bad_time", "msec"},
		{`{"consumer":"acme","msec":1795295472,"status":"x"}`, "bad_status", "status"},
		{`{"consumer":"` + strings.Repeat("x", 10<<20) + `"}`, "too_large", "max_record_bytes allows 2097152"},
		{`{"consumer":"` + strings.Repeat("x", 1<<20), "bad_json", "cut off"},
	}
	for _, c := range cases {
		got := letter(t, d, c.record)
		if got.Reason != c.reason || !strings.Contains(got.Detail, c.detail) {
			t.Errorf("%.60s: have %s (%s), want %s (%s)", c.record, got.Reason, got.Detail, c.reason, c.detail)
		}
		if got.Size != uint32(len(c.record)) || got.Topic != "gateway.access" || got.Partition != 3 || got.Offset != 42 ||
			got.Source != "nginx" || !got.Ingested.Equal(at()) {
			t.Errorf("%.60s: provenance %+v", c.record, got)
		}
		if len(got.Payload) > 4<<10 {
			t.Errorf("%.60s: %d bytes of payload", c.record, len(got.Payload))
		}
	}
}

func TestEveryReasonIsReached(t *testing.T) {
	seen := map[string]bool{}
	d := newDecoder(t, "nginx")
	for _, record := range []string{
		"", strings.Repeat(" ", 2<<20), "{", "no line of NGINX's", "{}", `{"status":200}`, `{"consumer":"a"}`, `{"consumer":"a","msec":"x"}`,
		`{"consumer":"a","msec":1795295472,"status":"x"}`,
	} {
		seen[letter(t, d, record).Reason] = true
	}
	for _, reason := range format.Reasons() {
		if !seen[string(reason)] {
			t.Errorf("%s was not reached", reason)
		}
	}
}

func TestBatchKeepsGoodEntries(t *testing.T) {
	b := decode(newDecoder(t, "tokenwatch"), `[{"time":1795295472,"consumer":"a"},{"consumer":"b"},{"time":1795295472,"consumer":"c"},7]`)
	if len(b.Events) != 2 || b.Events[0].Item != 0 || b.Events[1].Item != 2 || b.Events[1].Consumer != "c" {
		t.Errorf("events %+v", b.Events)
	}
	if len(b.DeadLetters) != 2 || b.DeadLetters[0].Item != 1 || b.DeadLetters[1].Item != 3 {
		t.Errorf("dead letters %+v", b.DeadLetters)
	}
	if got := b.DeadLetters[0].Payload; got != `{"consumer":"b"}` {
		t.Errorf("payload %s, want the entry alone", got)
	}
}

func TestBrokenBatchIsRefusedWhole(t *testing.T) {
	d := newDecoder(t, "tokenwatch")
	b := schema.Block{Events: make([]schema.Event, 2), DeadLetters: make([]schema.DeadLetter, 1)}
	d.Decode(&b, []byte(`[{"time":1795295472,"consumer":"a"},{"consumer":"b"},{"time"`), position())
	if len(b.Events) != 2 || len(b.DeadLetters) != 2 || b.DeadLetters[1].Reason != "bad_json" || b.DeadLetters[1].Item != 0 {
		t.Errorf("%d events, dead letters %+v", len(b.Events), b.DeadLetters[1:])
	}
}

func TestTimeIsClamped(t *testing.T) {
	const layout = "2006-01-02T15:04:05.999999Z07:00"
	earliest, latest := at().Add(-7*24*time.Hour), at().Add(5*time.Minute)
	cases := map[string]struct {
		logged  time.Time
		time    time.Time
		clamped bool
	}{
		"now":            {at(), at(), false},
		"to the ms":      {at().Add(-1500 * time.Microsecond), at().Add(-2 * time.Millisecond), false},
		"just in":        {earliest, earliest, false},
		"too old":        {earliest.Add(-time.Millisecond), earliest, true},
		"of another age": {time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC), earliest, true},
		"ahead":          {latest, latest, false},
		"too far ahead":  {latest.Add(time.Second), latest, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := decode(newDecoder(t, "tokenwatch"), `{"consumer":"a","time":"`+c.logged.Format(layout)+`"}`)
			e := b.Events[0]
			if !e.Time.Equal(c.time) {
				t.Errorf("time %s, want %s", e.Time, c.time)
			}
			if e.TimeRaw.IsZero() == c.clamped || c.clamped && !e.TimeRaw.Equal(c.logged) {
				t.Errorf("raw time %s", e.TimeRaw)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	cases := map[string]string{
		`"consumer":"acme-prod"`: "prod", `"consumer":"acme.Production.eu"`: "prod", `"consumer":"live/acme"`: "prod", `"consumer":"qa_bot"`: "test",
		`"consumer":"staging"`: "staging", `"consumer":"a-dev"`: "dev", `"consumer":"developer"`: "fallback", `"consumer":"reproduction"`: "fallback",
		`"consumer":"a-dev","environment":"canary"`: "canary", `"token_id":"x"`: "fallback",
	}
	d := newDecoder(t, "tokenwatch", func(c *ingest.DecodeConfig) { c.Environment = "fallback" })
	for fields, want := range cases {
		if got := decode(d, `{"time":1795295472,`+fields+`}`).Events[0].Environment; got != want {
			t.Errorf("%s: have %q, want %q", fields, got, want)
		}
	}
}

func TestPlaceIsOfTheClient(t *testing.T) {
	if e := event(t, `"peer_ip":"10.0.0.1","forwarded_for":"203.0.113.7"`); e.Country != "DE" || e.ASN != 64500 {
		t.Errorf("place %+v of %s", e.Place, e.IP)
	}
	if e := event(t, `"peer_ip":"unix:"`); e.IP.IsValid() || e.IPFrom != schema.IPFromNone {
		t.Errorf("address %s from %s", e.IP, e.IPFrom)
	}
}

func TestTextsAreBounded(t *testing.T) {
	long := strings.Repeat("é ", 40_000)
	e := event(t, `"consumer":"`+long+`","environment":"`+long+`","user_agent":"`+long+`","request_id":"`+long+`","uri":"/`+long+`","method":"`+long+`"`)
	for column, c := range map[string]struct {
		text  string
		bound int
	}{
		"consumer": {e.Consumer, 256}, "environment": {e.Environment, 64}, "user_agent": {e.UserAgent, 512}, "client": {e.Client, 40},
		"request_id": {e.RequestID, 128}, "path": {e.Path, 2048}, "route": {e.Route, 256}, "method": {e.Method, 32}, "token_hint": {e.TokenHint, 32},
	} {
		if len(c.text) > c.bound || strings.ToValidUTF8(c.text, "") != c.text {
			t.Errorf("%s: %d bytes, at most %d allowed: %q", column, len(c.text), c.bound, c.text)
		}
	}
}

func TestMethods(t *testing.T) {
	for method, want := range map[string]string{`GET`: "GET", `M-SEARCH`: "M-SEARCH", `\u0016\u0003\u0001`: "OTHER", `G3T`: "OTHER", ``: ""} {
		if got := event(t, `"method":"`+method+`"`).Method; got != want {
			t.Errorf("%q: have %q, want %q", method, got, want)
		}
	}
}

// TestTopicsHaveFormatsOfTheirOwn: what the configuration says of a topic holds for its
// records and no others.
func TestTopicsHaveFormatsOfTheirOwn(t *testing.T) {
	d := newDecoder(t, "tokenwatch", func(c *ingest.DecodeConfig) {
		c.Environment, c.ConsumerFields = "prod", []string{"who"}
		c.Custom = map[string]format.Custom{"mine": {Time: format.Fields{"at"}, Consumer: format.Fields{"name"}}}
		c.Topics = map[string]ingest.TopicConfig{
			"edge":  {Format: "haproxy", TimeZone: "Europe/Berlin", Environment: "test"},
			"own":   {Format: "mine"},
			"other": {ConsumerFields: []string{"whom"}},
		}
	})
	const line = `203.0.113.7:33317 [21/Nov/2026:21:11:12.843] api be/s1 0/0/0/12/13 200 155 - - ---- 1/1/0/0/0 0/0 {acme} {} "GET / HTTP/1.1"`
	for _, c := range []struct{ topic, record, source, consumer, environment, clock string }{
		{"gateway.access", `{"time":1795295472,"who":"a","whom":"b"}`, "tokenwatch", "a", "prod", "21:11:12"},
		{"other", `{"time":1795295472,"who":"a","whom":"b"}`, "tokenwatch", "b", "prod", "21:11:12"},
		{"edge", line, "haproxy", "acme", "test", "20:11:12"},
		{"own", `{"at":1795295472,"name":"n","who":"a"}`, "mine", "n", "prod", "21:11:12"},
		{"gateway.access", `{"time":1795295472,"who":"c"}`, "tokenwatch", "c", "prod", "21:11:12"},
	} {
		pos := position()
		pos.Topic = c.topic
		var b schema.Block
		d.Decode(&b, []byte(c.record), pos)
		if len(b.Events) != 1 {
			t.Fatalf("%s: %+v", c.topic, b.DeadLetters)
		}
		e := b.Events[0]
		if e.Source != c.source || e.Consumer != c.consumer || e.Environment != c.environment || e.Time.Format(time.TimeOnly) != c.clock || e.Topic != c.topic {
			t.Errorf("%s: have %s, %s, %s, %s", c.topic, e.Source, e.Consumer, e.Environment, e.Time)
		}
	}
	pos := position()
	pos.Topic = "edge"
	var b schema.Block
	d.Decode(&b, []byte(`{"time":1795295472,"who":"a"}`), pos)
	if len(b.DeadLetters) != 1 || b.DeadLetters[0].Source != "haproxy" {
		t.Errorf("a record of another format in edge: %+v", b)
	}
}

func TestDecoderIsSafeForConcurrentUse(t *testing.T) {
	d := newDecoder(t, "nginx")
	var group sync.WaitGroup
	for g := range 4 {
		group.Go(func() {
			for i := range 300 {
				record := fmt.Sprintf(`{"msec":1795295472,"http_x_api_key":"hf_EXAMPLEexample%d%06d","request_uri":"/g%d/i%d?api_key=hf_EXAMPLEexample%d%06d"}`, g, i, g, i, g, i)
				b := decode(d, record)
				if want := fmt.Sprintf("/g%d/i%d?api_key=***", g, i); b.Events[0].Path != want {
					t.Errorf("path %s, want %s", b.Events[0].Path, want)
				}
			}
		})
	}
	group.Wait()
}

func TestDecodeConfigNamesTheKey(t *testing.T) {
	cases := map[string]func(*ingest.DecodeConfig){
		`format "nginxx": want `:       func(c *ingest.DecodeConfig) { c.Format = "nginxx" },
		"token_fields: an empty field": func(c *ingest.DecodeConfig) { c.TokenFields = []string{""} },
		`trusted_proxies: "10.0.0/8"`:  func(c *ingest.DecodeConfig) { c.TrustedProxies = []string{"10.0.0.1", "::1", "10.0.0/8"} },
		"max_record_bytes: 0":          func(c *ingest.DecodeConfig) { c.MaxRecordBytes = 0 },
		"max_age: 0s":                  func(c *ingest.DecodeConfig) { c.MaxAge = 0 },
		"max_skew: -1s":                func(c *ingest.DecodeConfig) { c.MaxSkew = -time.Second },
		"environment: longer":          func(c *ingest.DecodeConfig) { c.Environment = strings.Repeat("x", 65) },
		"time_zone: \"Mars\"":          func(c *ingest.DecodeConfig) { c.TimeZone = "Mars" },
		"topics.edge.format \"x\"":     func(c *ingest.DecodeConfig) { c.Topics = map[string]ingest.TopicConfig{"edge": {Format: "x"}} },
		"custom.mine.time: missing":    func(c *ingest.DecodeConfig) { c.Custom = map[string]format.Custom{"mine": {Token: format.Fields{"k"}}} },
	}
	for want, change := range cases {
		cfg := ingest.DefaultDecodeConfig()
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
		if _, err := ingest.NewDecoder(cfg, pepper(t), nil); err == nil {
			t.Errorf("%s: a decoder was made", want)
		}
	}
	if err := ingest.DefaultDecodeConfig().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if _, err := ingest.NewDecoder(ingest.DefaultDecodeConfig(), ingest.Pepper{}, nil); err == nil || !strings.Contains(err.Error(), "pepper_file") {
		t.Errorf("without a pepper: %v", err)
	}
}
