package format_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

func custom(t testing.TB, c format.Custom, cfg format.Config) format.Format {
	t.Helper()
	if err := c.Validate("mine"); err != nil {
		t.Fatal(err)
	}
	cfg.Custom = map[string]format.Custom{"mine": c}
	f, err := format.Open("mine", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestCustomFields(t *testing.T) {
	f := custom(t, format.Custom{
		Token: format.Fields{"auth.key", "?k"}, Credential: format.Fields{"auth.id"}, Consumer: format.Fields{"team", "org"}, Environment: format.Fields{"stage"},
		Time: format.Fields{"when"}, TimeLayout: "%d.%m.%Y %H:%M:%S", TimeZone: "Europe/Berlin", Latency: format.Fields{"took"}, LatencyUnit: "us",
		PeerIP: format.Fields{"net.peer"}, ClientIP: format.Fields{"net.client"}, ForwardedFor: format.Fields{"net.xff"}, Method: format.Fields{"verb"},
		URI: format.Fields{"path"}, Query: format.Fields{"query"}, Status: format.Fields{"code"}, BytesIn: format.Fields{"in"}, BytesOut: format.Fields{"out"},
		UserAgent: format.Fields{"ua"}, RequestID: format.Fields{"rid"}, UnitsIn: format.Fields{"llm.in"}, UnitsOut: format.Fields{"llm.out"}, CostUSD: format.Fields{"llm.usd"},
		Secrets: format.Fields{"session"},
	}, format.Config{})
	got := one(t, f, `{"auth":{"id":"id-1"},"team":"-","org":"acme","stage":"prod","when":"21.11.2026 22:11:12.5","took":1500,
		"net":{"peer":"10.0.0.5:4","client":"203.0.113.7","xff":["203.0.113.7","10.0.0.9"]},"verb":"GET","path":"/v1/x","query":"a=1&k=hf_EXAMPLEexample0001","code":"200",
		"in":1,"out":2,"ua":"curl/8","rid":"r","llm":{"in":3,"out":4,"usd":0.5},"session":"sEcReT-99"}`)
	if got.Err != "" || !got.Time.Equal(time.Date(2026, 11, 21, 21, 11, 12, 5e8, time.UTC)) || got.Latency != "1.5ms" {
		t.Errorf("have %s, %s, %s", got.Time, got.Latency, got.Err)
	}
	if got.Credential != "id-1" || got.Token != "hf_EXAMPLEexample0001" || got.Consumer != "acme" || got.Environment != "prod" || len(got.Secrets) != 2 {
		t.Errorf("who: %+v", got)
	}
	if got.Peer != "10.0.0.5:4" || got.Client != "203.0.113.7" || got.ForwardedFor != "203.0.113.7, 10.0.0.9" {
		t.Errorf("where: %+v", got)
	}
	if got.Method != "GET" || got.URI != "/v1/x?a=1&k=hf_EXAMPLEexample0001" || got.Status != 200 || got.BytesIn != 1 || got.BytesOut != 2 || got.UserAgent != "curl/8" || got.RequestID != "r" {
		t.Errorf("what: %+v", got)
	}
	if got.UnitsIn != 3 || got.UnitsOut != 4 || got.CostUSD != 0.5 {
		t.Errorf("units: %+v", got)
	}
	for record, want := range map[string]string{
		`{"team":"a","when":"soon"}`: "bad_time", `{"team":"a"}`: "no_time", `{"when":"21.11.2026 22:11:12"}`: "no_token", `{}`: "unknown_format",
		`{"team":"a","when":"21.11.1921 22:11:12"}`: "bad_time", `{"message":"{\"team\":\"a\",\"when\":\"21.11.2026 22:11:12\"}"}`: "a",
	} {
		if got := outcomes(t, f, record); got != want {
			t.Errorf("%s: have %s, want %s", record, got, want)
		}
	}
}

func TestCustomTimes(t *testing.T) {
	want := time.Date(2026, 11, 21, 21, 11, 12, 0, time.UTC)
	for _, c := range []struct{ layout, zone, is, time string }{
		{"", "", "", `"2026-11-21T21:11:12Z"`}, {"s", "", "", "1795295472"}, {"ms", "", "", `"1795295472000"`}, {"us", "", "", "1795295472000000"}, {"ns", "", "", "1795295472000000000"},
		{"2006-01-02 15:04:05", "", "", `"2026-11-21 21:11:12"`}, {"2006-01-02 15:04:05", "Asia/Kolkata", "", `"2026-11-22 02:41:12"`},
		{time.RFC1123Z, "Asia/Kolkata", "", `"Sat, 21 Nov 2026 22:11:12 +0100"`}, {"%b %e %Y %I:%M:%S %p", "", "", `"Nov 21 2026 09:11:12 PM"`}, {"%y%m%dT%H%M%S%z", "", "", `"261121T211112+0000"`},
		{"%F %T.%f", "", "", `"2026-11-21 21:11:12.000"`}, {"", "Europe/Berlin", "", `"2026-11-21 22:11:12"`}, {"", "Europe/Berlin", "", `"21/Nov/2026:22:11:12"`}, {"", "Europe/Berlin", "", `"2026-11-21T21:11:12Z"`},
		{"", "", "end", `"2026-11-21T21:11:14Z"`}, {"%F %T", "Europe/Berlin", "end", `"2026-11-21 22:11:14"`}, {"s", "", "end", "1795295474"},
	} {
		f := custom(t, format.Custom{Time: format.Fields{"t"}, Consumer: format.Fields{"c"}, TimeLayout: c.layout, TimeZone: c.zone, TimeIs: c.is, Latency: format.Fields{"l"}, LatencyUnit: "s"}, format.Config{})
		if got := one(t, f, `{"c":"x","l":2,"t":`+c.time+`}`); got.Err != "" || !got.Time.Equal(want) {
			t.Errorf("%+v: have %s %s", c, got.Time, got.Err)
		}
	}
}

// TestZone: a time without a zone is a local one, twice a year too.
func TestZone(t *testing.T) {
	f, err := format.Open("haproxy", format.Config{Zone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	for clock, want := range map[string]string{
		`"21/Nov/2026:21:11:12.843"`: "2026-11-21T20:11:12.843Z", `"21/Jul/2026:21:11:12.843"`: "2026-07-21T19:11:12.843Z",
		`"29/Mar/2026:02:30:00"`: "2026-03-29T01:30:00Z", `"21/Nov/2026:21:11:12 +0000"`: "2026-11-21T21:11:12Z", `"2026-11-21T21:11:12.843Z"`: "2026-11-21T21:11:12.843Z", `1795295472843`: "2026-11-21T21:11:12.843Z",
	} {
		if got := one(t, f, `{"consumer":"a","request_date":`+clock+`}`); got.Time.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: have %s, want %s", clock, got.Time, want)
		}
	}
}

func TestCustomLine(t *testing.T) {
	f := custom(t, format.Custom{Line: `$remote_addr [$time_local] "$request" $status ${request_time}s "$http_user_agent" key=$http_x_api_key up=$upstream_response_time end`}, format.Config{})
	got := one(t, f, `203.0.113.7 [21/Nov/2026:21:11:12 +0000] "GET /a\x22b HTTP/1.1" 200 0.250s "agent \"x\" y" key=hf_EXAMPLEexample0001 up=0.1, 0.2 end`)
	if got.Token != "hf_EXAMPLEexample0001" || got.URI != `/a"b` || got.UserAgent != `agent "x" y` || got.Latency != "250ms" || got.Status != 200 || got.Peer != "203.0.113.7" || got.Err != "" {
		t.Errorf("have %+v", got)
	}
	named := custom(t, format.Custom{Line: "$who|$at|$_|$path|$code", Consumer: format.Fields{"who"}, Time: format.Fields{"at"}, TimeLayout: "ms", URI: format.Fields{"path"}, Status: format.Fields{"code"}}, format.Config{})
	if got := one(t, named, "acme|1795295472000|whatever|/x|204"); got.Consumer != "acme" || got.URI != "/x" || got.Status != 204 || got.Time.IsZero() {
		t.Errorf("have %+v", got)
	}
	for _, line := range []string{"acme|1795295472000|/x|204", "", "||||", "{}"} {
		if got := outcomes(t, named, line); got == "acme" {
			t.Errorf("%q was read", line)
		}
	}
}

func TestCustomRefuses(t *testing.T) {
	at, key := format.Fields{"at"}, format.Fields{"key"}
	for want, c := range map[string]format.Custom{
		"time: missing":                           {Token: key},
		"token: missing":                          {Time: at},
		`uri: "at" stands for something else`:     {Time: at, Token: key, URI: at},
		"uri: an empty field":                     {Time: at, Token: key, URI: format.Fields{" "}},
		`uri: "?x": only token`:                   {Time: at, Token: key, URI: format.Fields{"?x"}},
		`time_is: "middle": want start or end`:    {Time: at, Token: key, TimeIs: "middle"},
		`latency_unit: "m": want s, ms, us or ns`: {Time: at, Token: key, LatencyUnit: "m"},
		`time_layout: "15:04": want s, ms`:        {Time: at, Token: key, TimeLayout: "15:04"},
		`time_layout: "%Y-%q": %q is not known`:   {Time: at, Token: key, TimeLayout: "%Y-%q"},
		`time_zone: "Moon" is no zone`:            {Time: at, Token: key, TimeZone: "Moon"},
		`field "a..b": empty name`:                {Time: at, Token: format.Fields{"a..b"}},
		"line: no variable in it":                 {Line: "nothing"},
		"line: a $ without the name":              {Line: "$remote_addr $ x"},
		"line: $status: named twice":              {Line: "$status $time_local $status"},
		"line: has no variable with the time":     {Line: "$remote_addr $http_authorization"},
		"line: has no variable that says who":     {Line: "$remote_addr $msec"},
		"line: has no variable $key":              {Line: "$remote_addr $msec $request", Token: key},
	} {
		if err := c.Validate("mine"); err == nil || !strings.Contains(err.Error(), "custom.mine") || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
	}
	good := format.Custom{Time: at, Token: key}
	for _, name := range []string{"", "kong", "auto", "apache", "A", "a b", strings.Repeat("x", 41)} {
		if err := good.Validate(name); err == nil {
			t.Errorf("the name %q is accepted", name)
		}
	}
}

func TestFieldsAreOneOrSeveral(t *testing.T) {
	var f format.Fields
	text := func(into any) error {
		if s, ok := into.(*string); ok {
			*s = "a"
			return nil
		}
		return errors.New("no")
	}
	if err := f.UnmarshalYAML(text); err != nil || len(f) != 1 || f[0] != "a" {
		t.Errorf("have %q, %v", f, err)
	}
	neither := func(any) error { return errors.New("no") }
	if err := f.UnmarshalYAML(neither); err == nil || !strings.Contains(err.Error(), "want a field") {
		t.Errorf("have %v", err)
	}
}

// TestCaptures: the configuration can name HAProxy's captured headers by their number.
func TestCaptures(t *testing.T) {
	line := func(captured string) string {
		return `203.0.113.7:1 [21/Nov/2026:21:11:12.843] api be/s1 0/0/0/12/13 200 155 - - ---- 1/1/0/0/0 0/0 {` + captured + `} {} "GET / HTTP/1.1"`
	}
	f, err := format.Open("haproxy", format.Config{Token: []string{"captured_request_headers.1"}, Consumer: []string{"captured_request_headers.0"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, f, line("api.example.com|plain-key")); got.Token != "plain-key" || got.Consumer != "api.example.com" || len(got.Secrets) != 1 {
		t.Errorf("have %+v", got)
	}
	if got := one(t, f, line("a")); got.Token != "" || got.Consumer != "a" {
		t.Errorf("have %+v", got)
	}
	guess := lookup(t, "haproxy")
	for captured, want := range map[string]string{
		"api.example.com|acme|curl/8.5.0": "acme", "localhost|acme": "acme", "api.example.com": "", "": "", "|": "", "203.0.113.7|4000a69d-3db6-404c-8892-4f8023e008f0": "", "text/html|12": "",
	} {
		if got := one(t, guess, line(captured)); got.Consumer != want {
			t.Errorf("{%s}: have %q, want %q", captured, got.Consumer, want)
		}
	}
}

// FuzzCustomLine: whatever a line is, reading it ends, in time.
func FuzzCustomLine(f *testing.F) {
	formats := []string{`$remote_addr [$time_local] "$request" $status "$http_user_agent" $http_x_api_key`, `$http_a $http_b $http_c $http_d $msec $http_authorization`, "${remote_user}x$msec"}
	for i := range formats {
		f.Add(uint8(i), `203.0.113.7 [21/Nov/2026:21:11:12 +0000] "GET / HTTP/1.1" 200 "a\"b" key`)
	}
	readers := make([]format.Format, len(formats))
	for i, line := range formats {
		readers[i] = custom(f, format.Custom{Line: line}, format.Config{})
	}
	f.Fuzz(func(t *testing.T, which uint8, line string) {
		entries, _ := decode(t, readers[int(which)%len(readers)], []byte(line))
		for i, entry := range entries {
			checkEntry(t, i, entry)
		}
	})
}
