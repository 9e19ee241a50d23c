package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// soc is everybody who is told: stand-ins for Slack, Telegram and the revoke endpoint.
type soc struct {
	slack    *standin.Slack
	telegram *standin.Telegram
	revoke   *standin.Revoke
}

const revokeSecret = "whsec_c2VjcmV0IG9mIHRoZSByZXZva2Ugc3RhbmQtaW4="

// hire starts the stand-ins and points the configuration at them.
func hire(t *testing.T, cfg *Config) soc {
	t.Helper()
	slack, err := standin.StartSlack(standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	telegram, err := standin.StartTelegram(standin.Options{})
	if err != nil {
		t.Fatal(err)
	}
	revoke, err := standin.StartRevoke(standin.Options{Secret: revokeSecret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = slack.Close(), telegram.Close(), revoke.Close() })
	cfg.Slack.Token, cfg.Slack.Channel, cfg.Slack.APIURL = "xoxb-test", "#soc", slack.APIURL()
	cfg.Telegram.Token, cfg.Telegram.ChatID, cfg.Telegram.APIURL = "1:test", "-100200300", telegram.URL()
	cfg.Revoke.Mode, cfg.Revoke.Webhook.URL, cfg.Revoke.Webhook.Secret = alert.RevokeAutomatic, revoke.URL()+"/revoke", revokeSecret
	cfg.Revoke.MinSeverity, cfg.Revoke.Webhook.Allow = schema.SeverityLow, []string{"127.0.0.0/8"}
	return soc{slack, telegram, revoke}
}

// told is all that the stand-ins have received.
func (s soc) told() string {
	var all strings.Builder
	for _, m := range s.slack.Messages() {
		fmt.Fprintln(&all, m.Text, string(m.Blocks), m.Rendered)
	}
	for _, m := range s.telegram.Messages() {
		fmt.Fprintln(&all, m.Text, m.Rendered)
	}
	for _, r := range s.revoke.Requests() {
		fmt.Fprintln(&all, string(r.Body))
	}
	return all.String()
}

// planted are records with a token each, in every place where gateways log them.
func planted(now time.Time) (records []string, tokens []string) {
	serial := 0
	plant := func(format func(token string) string) {
		serial++
		token := fmt.Sprintf("sk-live-%02dQkZxWvTyRmPqLsNdBgHjKcFa%02d", serial, serial)
		tokens = append(tokens, token)
		records = append(records, format(token))
	}
	nginx := nginxRecord(now, "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "8.8.8.8")
	tokens = append(tokens, "ghp_16C7e42F292c6912E7710c838347Ae178B4a")
	with := func(record, field, value string) string {
		return strings.Replace(record, `"request_method"`, fmt.Sprintf(`"%s":"%s","request_method"`, field, value), 1)
	}
	uri := func(record, path string) string { return strings.Replace(record, "/v1/models?limit=5", path, 1) }
	kong := kongRecord(now, "c62c1455-9b1d-4f2d-8797-509ba83b8ae8", "203.0.113.8")
	own := ownRecord(now, "TOKEN", "203.0.113.7")

	plant(func(k string) string { return nginxRecord(now, k, "8.8.8.8") })
	plant(func(k string) string { return with(nginx, "http_x_api_key", k) })
	plant(func(k string) string { return with(nginx, "http_cookie", "session="+k) })
	plant(func(k string) string { return with(nginx, "http_x_internal", k) })
	plant(func(k string) string { return uri(nginx, "/v1/models?api_key="+k+"&limit=5") })
	plant(func(k string) string { return uri(nginx, "/v1/models?limit=5&session="+url.QueryEscape(k)) })
	plant(func(k string) string { return uri(nginx, "/v1/keys/"+k+"/rotate") })
	plant(func(k string) string { return uri(nginx, "/v1/x?next=%2Fcb%3Ftoken%3D"+k) })
	plant(func(k string) string { return strings.Replace(nginx, "curl/8.7.1", "bot/1.0 ("+k+")", 1) })
	plant(func(k string) string { return with(nginx, "http_x_consumer_username", "user "+k) })
	plant(func(k string) string {
		return strings.Replace(nginx, "Bearer ghp_16C7e42F292c6912E7710c838347Ae178B4a", "Basic "+base64.StdEncoding.EncodeToString([]byte("user:"+k)), 1)
	})
	plant(func(k string) string {
		return strings.Replace(kong, `"user-agent"`, `"apikey":"`+k+`","user-agent"`, 1)
	})
	plant(func(k string) string {
		return strings.Replace(strings.Replace(kong, `"authenticated_entity":{"id":"c62c1455-9b1d-4f2d-8797-509ba83b8ae8"},`, "", 1), `"user-agent"`, `"authorization":"Bearer `+k+`","user-agent"`, 1)
	})
	plant(func(k string) string { return strings.Replace(kong, "/v1/items", "/v1/items?apikey="+k, 1) })
	plant(func(k string) string {
		return strings.Replace(litellmRecord(now, "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b", "203.0.113.9"), `"metadata":{`, `"metadata":{"user_api_key":"`+k+`",`, 1)
	})
	plant(func(k string) string { return strings.Replace(own, "TOKEN", k, 1) })
	plant(func(k string) string { return strings.Replace(own, "TOKEN", k, 1)[:60+len(k)] })
	plant(func(k string) string { return "GET /v1/me Authorization: Bearer " + k + " 200" })
	plant(func(k string) string { return `{"Authorization":"Bearer ` + k + `","uri":"/` })
	plant(func(k string) string {
		return strings.Replace(strings.Replace(own, "TOKEN", k, 1), "acme-sdk", "\xff\xfe", 1)
	})
	plant(func(k string) string {
		return strings.Replace(strings.Replace(own, "TOKEN", k, 1), `"time":`, `"when":`, 1)
	})
	plant(func(k string) string { return strings.Replace(strings.Replace(own, "TOKEN", k, 1), ":200", ":4711", 1) })
	plant(func(k string) string {
		return strings.Replace(strings.Replace(own, "TOKEN", k, 1), "/v1/me", "/v1/"+strings.Repeat(k+"/", 10<<20/len(k)), 1)
	})
	elsewhere(plant, nginx, kong, own)
	return records, tokens
}

// elsewhere plants where nobody would look first: behind encodings, in names, in fields that are copied as they are, in
// records of other programs, and in those that were cut off.
func elsewhere(plant func(func(token string) string), nginx, kong, own string) {
	with := func(record, field, value string) string {
		return strings.Replace(record, `"request_method"`, fmt.Sprintf(`"%s":"%s","request_method"`, field, value), 1)
	}
	escaped := func(k string) string {
		var b strings.Builder
		for _, c := range k {
			fmt.Fprintf(&b, `\u%04x`, c)
		}
		return b.String()
	}
	filled := strings.Replace(own, "TOKEN", "hf_NobodyWvTyRmPqLsNdBgHjKcFaEu", 1)
	for _, format := range []func(string) string{
		func(k string) string { return with(nginx, "http_referer", "https://user:"+k+"@host/cb?token="+k) },
		func(k string) string { return with(nginx, "http_x_forwarded_for", k+", 8.8.8.8") },
		func(k string) string { return strings.Replace(nginx, `"request_id":"n-`, `"request_id":"`+k+`-`, 1) },
		func(k string) string { return strings.Replace(nginx, `"GET"`, `"`+k+`"`, 1) },
		func(k string) string { return strings.Replace(nginx, `"200"`, `"`+k+`"`, 1) },
		func(k string) string {
			return strings.Replace(nginx, "/v1/models?limit=5", "/v1/models?next="+escaped("/a?b="+k), 1)
		},
		func(k string) string {
			return strings.Replace(nginx, "/v1/models?limit=5", "/v1/models?state="+base64.RawURLEncoding.EncodeToString([]byte(`{"t":"`+k+`"}`)), 1)
		},
		func(k string) string { return strings.Replace(nginx, "curl/8.7.1", k, 1) },
		func(k string) string {
			return strings.Replace(kong, `"user-agent"`, `"cookie":"a=b; sid=`+k+`","x-goog-api-key":["`+k+`"],"referer":"http://h/?key=`+k+`","user-agent"`, 1)
		},
		func(k string) string {
			return strings.Replace(kong, `"username":"crm"`, `"username":"`+k+`","custom_id":"`+k+`"`, 1)
		},
		func(k string) string {
			return strings.Replace(kong, `"method":"POST"`, `"method":"POST","body":"{\"password\":\"`+k+`\"}","querystring":{"`+k+`":"1"}`, 1)
		},
		func(k string) string { return strings.Replace(filled, `"acme"`, `"`+k+`"`, 1) },
		func(k string) string { return strings.Replace(filled, `"acme"`, `"acme","environment":"`+k+`"`, 1) },
		func(k string) string {
			return strings.Replace(filled, `"acme"`, `"acme","`+k+`":{"`+k+`":["`+k+`"]}`, 1)
		},
		func(k string) string {
			return strings.Replace(filled, `"uri":"/v1/me"`, `"uri":"https://u:`+k+`@host/v1/me#`+k+`"`, 1)
		},
		func(k string) string { return `{"` + k + `":` },
		func(k string) string { return `[` + filled + `,{"x":"` + escaped(k) + `"}` },
		func(k string) string {
			return `{"log":"{\"headers\":{\"Authorization\":\"Bearer ` + k + `\"}}","stream":"stdout"}`
		},
		func(k string) string { return "-----BEGIN PRIVATE KEY-----\n" + k + "\n-----END PRIVATE KEY-----" },
		func(k string) string {
			return `8.8.8.8 - ` + k + ` [21/Nov/2026:21:11:12 +0000] "GET /v1/x?api_key=` + k + ` HTTP/1.1" 200 12 "http://h/` + k + `" "` + k + `"`
		},
		func(k string) string {
			return `time="2026" level=info msg="calling" auth="` + base64.StdEncoding.EncodeToString([]byte("u:"+k)) + `"`
		},
		func(k string) string { return strings.Repeat(`{"a":"b"},`, 500) + `"` + k },
		func(k string) string { return "\xff\xfe" + k + "\x00" },
	} {
		plant(format)
	}
	shipped(plant, filled)
}

// shipped plants in what agents and collectors make of records, and in gateways' lines.
func shipped(plant func(func(token string) string), filled string) {
	const line = `203.0.113.7 - who [21/Nov/2026:21:11:12 +0000] "GET /v1/x HTTP/1.1" 200 612 "-" "curl/8.7.1"`
	const haproxy = `haproxy[1]: 203.0.113.7:33317 [21/Nov/2026:21:11:12.843] api be/s1 0/0/0/12/13 200 155 - - ---- 1/1/0/0/0 0/0 `
	for _, format := range []func(string) string{
		func(k string) string {
			return `{"resourceLogs":[{"resource":{"attributes":[{"key":"` + k + `"}]},"scopeLogs":[{"logRecords":[{"timeUnixNano":"1795295472856000000","attributes":[{"key":"ClientAddr","value":{"stringValue":"203.0.113.7:1"}},{"key":"request_Authorization","value":{"stringValue":"Bearer ` + k + `"}},{"key":"RequestPath","value":{"stringValue":"/x?zq=` + k + `"}}]},{"body":{"stringValue":"said ` + k + `"}}]}]}]}`
		},
		func(k string) string {
			return `{"streams":[{"stream":{"key":"` + k + `"},"values":[["1795295472856000000","` + strings.ReplaceAll(line, `"`, `\"`) + ` \"` + k + `\""],["1","` + k + `"]]}]}`
		},
		func(k string) string {
			return "2026/11/21 21:11:12.856\tINFO\thttp.log.access.log0\thandled request\t" + `{"request":{"remote_ip":"203.0.113.7","method":"GET","uri":"/x?zq=` + k + `","headers":{"X-Api-Key":["` + k + `"],"Referer":["http://h/` + k + `"]}},"status":200}`
		},
		func(k string) string {
			return "2026/11/21 21:11:12.856\tERROR\thttp.handlers.reverse_proxy\tfailed\t" + `{"error":"key ` + k + `"`
		},
		func(k string) string {
			return `{"commonProperties":{"downstreamRemoteAddress":{"socketAddress":{"address":"203.0.113.7"}},"startTime":"2026-11-21T21:11:12Z"},"request":{"path":"/` + k + `","userAgent":"` + k + `","requestHeaders":{"x-api-key":"` + k + `","cookie":"` + k + `"}}}`
		},
		func(k string) string { return haproxy + `{` + k + `|x} {} "GET /` + k + ` HTTP/1.1"` },
		func(k string) string { return haproxy + `{a|b} {} "GET /x?zq=` + k },
		func(k string) string {
			return "GET /hello?zq=1 HTTP/1.1\r\nhost: h\r\nx-team: " + k + "\r\n\r\nbody " + k
		},
		func(k string) string {
			return `2026/11/21 21:11:12 [error] 31#31: *1 connect() failed, client: 203.0.113.7, request: "GET /x?zq=` + k + ` HTTP/1.1", upstream: "http://u:` + k + `@10.0.0.1/"`
		},
		func(k string) string { return "edge-1  | " + line + ` auth="Bearer ` + k + `" zq=` + k },
		func(k string) string {
			return `{"@timestamp":"2026-11-21T21:11:12Z","` + k + `":1,"@fields":{"remote_addr":"203.0.113.7","remote_user":"` + k + `","uri":"/x"}}`
		},
		func(k string) string { return "\ufeff" + strings.Replace(filled, "/v1/me", "/v1/"+k, 1) },
		func(k string) string {
			return `["` + strings.ReplaceAll(line, `"`, `\"`) + ` zq=` + k + `","` + k + `"]`
		},
	} {
		plant(format)
	}
}

// The raw token appears nowhere: not in ClickHouse's files and tables, dead letters,
// logs, metrics or messages. The embedded Kafka's files hold the records as they came.
func TestNoTokenAnywhere(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Detect.AlertNats, cfg.Alert.MinSeverity = 1, schema.SeverityInfo
	told := hire(t, &cfg)
	p := start(t, cfg)
	records, tokens := planted(time.Now())
	stolen := "hf_StolenWvTyRmPqLsNdBgHjKcFaEuQkZx"
	tokens = append(tokens, stolen)
	for at := time.Now().Add(-4 * 24 * time.Hour); time.Since(at) > 8*time.Hour; at = at.Add(time.Hour) {
		records = append(records, nginxRecord(at, stolen, home))
	}
	for range 300 {
		records = append(records, nginxRecord(time.Now(), stolen, abroad))
	}
	p.produce(t, records...)
	p.settled(t, len(records))
	eventually(t, 30*time.Second, "messages about the theft", func() bool {
		return len(told.slack.Messages()) > 0 && len(told.telegram.Messages()) > 0 && len(told.revoke.Requests()) > 0
	})

	search := func(where, text string) {
		t.Helper()
		for _, token := range tokens {
			if i := indexOf([]byte(text), token); i >= 0 {
				t.Errorf("%s holds the token %s: ...%.200q", where, token, text[max(0, i-60):])
			}
		}
	}
	for _, table := range p.ask(t, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine NOT LIKE '%View'") {
		rows := p.ask(t, "SELECT formatRow('TSVRaw', *) FROM `"+table+"`")
		search("the table "+table, strings.Join(rows, "\n"))
		if len(rows) == 0 && slices.Contains([]string{"events", "dead_letters", "findings", "incidents"}, table) {
			t.Errorf("the table %s is empty: nothing was tested", table)
		}
	}
	if have := p.ask(t, "SELECT formatRow('TSVRaw', *) FROM events WHERE source = 'nginx' ORDER BY offset LIMIT 1"); len(have) == 0 || !strings.Contains(have[0], "curl/8.7.1") {
		t.Errorf("rows do not show what they hold: %q", have)
	}
	_, page := get(t, p.url("/metrics"))
	search("/metrics", page)
	search("a message", told.told())
	if err := p.stop(); err != nil { // profiles and ClickHouse's own logs are written by now
		t.Error(err)
	}
	search("the log", p.log.String())
	searchFiles(t, filepath.Join(cfg.DataDir, "clickhouse"), search)
}

// indexOf finds what no hint gives away of a token: its middle.
func indexOf(text []byte, token string) int {
	return bytes.Index(text, []byte(token[len("sk-live-00"):len(token)-4]))
}

func searchFiles(t *testing.T, folder string, search func(where, text string)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		search(path, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("only %d files were searched", files)
	}
}
