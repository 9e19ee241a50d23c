package format_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// one decodes a record of one entry.
func one(t *testing.T, f format.Format, record string) seen {
	t.Helper()
	entries, err := decode(t, f, []byte(record))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%s: %d entries, %v", record, len(entries), err)
	}
	return entries[0]
}

func TestLookupNamesWhatThereIs(t *testing.T) {
	_, err := format.Lookup("ngnix")
	if err == nil || !strings.Contains(err.Error(), `format "ngnix": want auto or one of tokenwatch, nginx, kong, apisix, envoy, traefik, caddy, haproxy, aws-apigateway, cloudflare, litellm`) {
		t.Errorf("have %v", err)
	}
	for _, name := range format.Names() {
		if got := lookup(t, name).Name(); got != name {
			t.Errorf("%s calls itself %s", name, got)
		}
	}
}

func TestConfigReplacesFields(t *testing.T) {
	const record = `{"msec":"1795295472.5","http_x_team_key":"team-key-value","http_authorization":"Bearer other","team":"search","consumer":"acme","a.b":{"c":"dotted"},"request_uri":"/?api_key=from-query&tk=mine"}`
	cases := map[string]struct {
		cfg             format.Config
		token, consumer string
	}{
		"the format's own":   {format.Config{}, "Bearer other", "acme"},
		"another field":      {format.Config{Token: []string{"http_x_team_key"}}, "team-key-value", "acme"},
		"first with a value": {format.Config{Token: []string{"absent", "http_x_team_key", "http_authorization"}}, "team-key-value", "acme"},
		"order counts":       {format.Config{Token: []string{"http_authorization", "http_x_team_key"}}, "Bearer other", "acme"},
		"query parameter":    {format.Config{Token: []string{"?tk"}}, "mine", "acme"},
		"field, not query":   {format.Config{Token: []string{"absent"}}, "", "acme"},
		"a dot in a key":     {format.Config{Token: []string{`a\.b.c`}}, "dotted", "acme"},
		"consumer":           {format.Config{Consumer: []string{"team"}}, "Bearer other", "search"},
		"no such consumer":   {format.Config{Consumer: []string{"absent"}}, "Bearer other", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f, err := format.Open("nginx", c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			got := one(t, f, record)
			if got.Token != c.token || got.Consumer != c.consumer {
				t.Errorf("have %q of %q, want %q of %q", got.Token, got.Consumer, c.token, c.consumer)
			}
			if !slices.Contains(got.Secrets, "Bearer other") {
				t.Errorf("secrets %q lack what the format itself calls a token", got.Secrets)
			}
		})
	}
}

func TestConfigRefuses(t *testing.T) {
	cases := map[string]struct {
		cfg  format.Config
		want string
	}{
		"empty field": {format.Config{Token: []string{" "}}, "token_fields: an empty field"},
		"empty name":  {format.Config{Consumer: []string{"a..b"}}, `field "a..b": empty name between dots`},
		"twice":       {format.Config{Consumer: []string{"who", "who"}}, `field "who": named twice`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := format.Open("nginx", c.cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("have %v, want %s", err, c.want)
			}
		})
	}
}

func TestBlankNamesCredentialsAndPrompts(t *testing.T) {
	f, err := format.Open("litellm", format.Config{Token: []string{"metadata.Team-Key"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"team-key", "authorization", "messages", "response"} {
		if !slices.Contains(f.Blank(), name) {
			t.Errorf("%s is not in %q", name, f.Blank())
		}
	}
}

func TestFaultsNeverQuoteTheRecord(t *testing.T) {
	const secret = "hf_EXAMPLEexampleEXAMPLE"
	records := []string{
		`{"` + secret + `":` + secret + `}`, `{"http_authorization":"` + secret, `{"http_authorization":"` + secret + "\xff" + `"}`,
		`{"http_authorization":"` + secret + `"}`, `{"http_authorization":"` + secret + `","msec":"` + secret + `"}`,
		`{"http_authorization":"` + secret + `","msec":1795295472,"status":"` + secret + `"}`, `["` + secret + `"]`, secret,
	}
	f := lookup(t, "nginx")
	for _, record := range records {
		entries, err := decode(t, f, []byte(record))
		text := ""
		if err != nil {
			text = err.Error()
		} else if text = entries[0].Err; text == "" {
			t.Errorf("%s: no fault", record)
		}
		if strings.Contains(text, "hf_") {
			t.Errorf("%s: %s", record, text)
		}
	}
}

func TestFaultsSayWhere(t *testing.T) {
	cases := map[string]string{
		`{"a":1,}`:               "bad_json: at byte 7: want a key in quotes",
		`{"a":"b`:                "bad_json: ends at byte 7, want the end of a string: was the record cut off?",
		`{} {}`:                  "bad_json: at byte 3: want the end: one record holds one object or one array",
		"{\"a\":\"b\xffc\",}":    "bad_json: at byte 13: want a key in quotes", // of the text in which U+FFFD stands for the byte
		"  ":                     "empty: nothing in it: is the producer sending tombstones?",
		`[{"a":1},{"consumer":]`: "bad_json: at byte 21: want a value",
	}
	f := lookup(t, "nginx")
	for record, want := range cases {
		if _, err := decode(t, f, []byte(record)); err == nil || err.Error() != want {
			t.Errorf("%s: have %v, want %s", record, err, want)
		}
	}
}

func TestEmitEndsDecode(t *testing.T) {
	enough := errors.New("enough")
	calls := 0
	err := lookup(t, "kong").Decode([]byte(`[{},{},{}]`), func(*format.Record) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestEntriesDoNotLeakIntoEachOther(t *testing.T) {
	entries, err := decode(t, lookup(t, "tokenwatch"), []byte(`[{"time":1795295472,"token":"a\u0062c","status":500,"cost_usd":1},{"time":1795295472,"consumer":"x"}]`))
	if err != nil {
		t.Fatal(err)
	}
	if got := entries[1]; got.Token != "" || got.Status != 0 || got.CostUSD != 0 || len(got.Secrets) != 0 {
		t.Errorf("the second entry has something of the first: %+v", got)
	}
}

func TestRedactedIsNoToken(t *testing.T) {
	f := lookup(t, "tokenwatch")
	for _, token := range []string{"REDACTED", "[redacted]", "<masked>", "***", "Bearer ***", "Bearer REDACTED", "Bearer", "basic ", "-", "",
		"null", "Bearer undefined", "Bearer null", "None", "hf_***", "sk-...9Qzw", "Bearer hf_****************x9Qz", "ghp_••••x9Qz", "AKIA…9Qzw"} {
		if got := one(t, f, `{"time":1795295472,"consumer":"x","token":"`+token+`"}`); got.Token != "" {
			t.Errorf("%q became the token %q", token, got.Token)
		}
	}
	for _, token := range []string{"tokens", "Bearer x", "redacted-1", "a**", "nullable", "a.b..c"} {
		if got := one(t, f, `{"time":1795295472,"token":"`+token+`"}`); got.Token != token {
			t.Errorf("%q became %q", token, got.Token)
		}
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2026, 11, 21, 21, 11, 12, 0, time.UTC)
	good := []string{
		`"2026-11-21T21:11:12Z"`, `"2026-11-21t21:11:12z"`, `"2026-11-21 21:11:12"`, `"2026-11-21T22:11:12+01:00"`, `"2026-11-21T22:11:12+0100"`,
		`"2026-11-21T14:41:12.000-06:30"`, `"2026-11-21 21:11:12 +0000"`, `"21/Nov/2026:21:11:12 +0000"`, `"21/Nov/2026:20:11:12 -0100"`, `"21/Nov/2026:21:11:12"`, `"21/Nov/2026:21:11:12.000"`, `"2026/11/21 21:11:12"`, `"2026/11/21 21:11:12.000"`,
		`1795295472`, `"1795295472"`, `1795295472.000`, `1.795295472e9`, `1795295472000`, `1795295472000000`, `1795295472000000000`,
	}
	bad := []string{
		`"soon"`, `"2026-11-21"`, `"2026-13-21T21:11:12Z"`, `"2026-11-31T21:11:12Z"`, `"2026-11-21T24:11:12Z"`, `"2026-11-21T21:60:12Z"`, `"2026-11-21T21:11:60Z"`,
		`"2026-11-21T21:11:12+25:00"`, `"2026-11-21T21:11:12+01:60"`, `"2026-11-21T21:11:12 CET"`, `"2026-11-21T21:11:12+1"`, `"21/Nox/2026:21:11:12 +0000"`, `"1969-12-31T23:59:59Z"`, `"9999-01-01T00:00:00Z"`,
		`-1`, `0`, `1e400`, `99999999999999999999`, `"1795295472x"`, `"2026-11-21X21:11:12Z"`, `"2026/11-21 21:11:12"`, `"2026-11/21 21:11:12"`,
	}
	f := lookup(t, "tokenwatch")
	for _, text := range good {
		if got := one(t, f, `{"consumer":"x","time":`+text+`}`); !got.Time.Equal(want) || got.Err != "" {
			t.Errorf("%s: have %s %s", text, got.Time, got.Err)
		}
	}
	for _, text := range bad {
		if got := one(t, f, `{"consumer":"x","time":`+text+`}`); !strings.HasPrefix(got.Err, string(format.BadTime)) {
			t.Errorf("%s: have %s %q, want it refused", text, got.Time, got.Err)
		}
	}
}

func TestNumbers(t *testing.T) {
	f := lookup(t, "tokenwatch")
	for text, want := range map[string]uint64{
		`12`: 12, `"12"`: 12, `12.9`: 12, `1.29e1`: 12, `"-"`: 0, `-1`: 0, `"x"`: 0, `"12x"`: 0, `"."`: 0, `""`: 0, `true`: 0, `null`: 0, `"0, 12"`: 0,
		`9223372036854775807`: 9223372036854775807, `9223372036854775808`: 0, `99999999999999999999`: 0, `"1e5000"`: 0,
	} {
		if got := one(t, f, `{"consumer":"x","time":1795295472,"bytes_out":`+text+`}`); got.BytesOut != want || got.Err != "" {
			t.Errorf("%s: have %d %s, want %d", text, got.BytesOut, got.Err, want)
		}
	}
	for text, want := range map[string]uint16{`200`: 200, `"000"`: 0, `"502, 200"`: 200, `"502 : 404"`: 404, `999`: 999} {
		if got := one(t, f, `{"consumer":"x","time":1795295472,"status":`+text+`}`); got.Status != want || got.Err != "" {
			t.Errorf("status %s: have %d %s, want %d", text, got.Status, got.Err, want)
		}
	}
	for _, text := range []string{`1000`, `-1`, `"OK"`, `"200, -"`} {
		if got := one(t, f, `{"consumer":"x","time":1795295472,"status":`+text+`}`); !strings.HasPrefix(got.Err, string(format.BadStatus)) {
			t.Errorf("status %s: have %d %q, want it refused", text, got.Status, got.Err)
		}
	}
}
