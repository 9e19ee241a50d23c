package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// epoch is a time as NGINX and LiteLLM write it: seconds since 1970.
func epoch(at time.Time) string { return fmt.Sprintf("%d.%03d", at.Unix(), at.Nanosecond()/1e6) }

func nginxRecord(at time.Time, token, ip string) string {
	return fmt.Sprintf(`{"msec":"%s","request_id":"n-%d","remote_addr":"%s","http_authorization":"Bearer %s","request_method":"GET","request_uri":"/v1/models?limit=5","status":"200","bytes_sent":"166","request_length":"233","request_time":"0.010","http_user_agent":"curl/8.7.1"}`,
		epoch(at), at.UnixMilli(), ip, token)
}

func kongRecord(at time.Time, credential, ip string) string {
	return fmt.Sprintf(`{"request":{"method":"POST","uri":"/v1/items","size":138,"headers":{"user-agent":"python-requests/2.32.3"}},"response":{"status":201,"size":827},"latencies":{"request":12,"kong":2,"proxy":10},"client_ip":"%s","authenticated_entity":{"id":"%s"},"consumer":{"id":"ae974d6c","username":"crm"},"started_at":%d}`,
		ip, credential, at.UnixMilli())
}

func litellmRecord(at time.Time, hash, ip string) string {
	return fmt.Sprintf(`{"id":"chatcmpl-1","status":"success","startTime":%s,"endTime":%s,"response_time":0.25,"metadata":{"user_api_key_hash":"%s","user_api_key_alias":"ci-prod","requester_ip_address":"%s","user_api_key_request_route":"/v1/chat/completions"},"response_cost":2.25e-4,"prompt_tokens":10,"completion_tokens":20}`,
		epoch(at), epoch(at.Add(250*time.Millisecond)), hash, ip)
}

func ownRecord(at time.Time, token, ip string) string {
	return fmt.Sprintf(`{"time":"%s","token":"%s","consumer":"acme","client_ip":"%s","method":"GET","uri":"/v1/me","status":200,"user_agent":"acme-sdk/2.1","request_id":"r-%d"}`,
		at.UTC().Format(time.RFC3339Nano), token, ip, at.UnixNano())
}

// One topic with the records of four gateways, and everything that can be wrong with a
// record: each becomes a row, or a dead letter with its reason, and those behind it go on.
func TestRecordsOfAllKinds(t *testing.T) {
	t.Parallel()
	p := start(t, quick(t.TempDir()))
	now := time.Now()
	good := ownRecord(now, "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7")
	records := []string{
		nginxRecord(now, "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "8.8.8.8"),
		"",
		kongRecord(now, "c62c1455-9b1d-4f2d-8797-509ba83b8ae8", "203.0.113.8"),
		`{"time":1795295472,"uri":"/v1/me","status":200}`,
		litellmRecord(now, "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b", "203.0.113.9"),
		"it is not JSON at all",
		good,
		strings.Replace(good, "acme-sdk", "acme\xff\xfe-sdk", 1),
		strings.Replace(good, "/v1/me", "/v1/"+strings.Repeat("x", 10<<20), 1),
		"   ",
		"[]",
		`{"time":1795295472,"token":`,
		"\x00\x01\x02\xff",
		`{"token":"sk-live-QkZxWvTyRmPqLsNd","uri":"/v1/me"}`,
		strings.Replace(good, `"status":200`, `"status":4711`, 1),
		"[" + good + "," + good + `,{"uri":"/"}]`,
		`"a text"`,
		nginxRecord(now, "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "8.8.8.8"),
	}
	for _, record := range records { // one by one: each keeps its offset
		p.produce(t, record)
	}
	p.settled(t, len(records))

	want := []string{
		"0 0 nginx", "2 0 kong", "4 0 litellm", "6 0 tokenwatch", "7 0 tokenwatch", "15 0 tokenwatch", "15 1 tokenwatch", "17 0 nginx",
	}
	if have := p.ask(t, "SELECT offset, item, source FROM events ORDER BY offset, item"); !slices.Equal(have, want) {
		t.Errorf("events:\n%s\nwant:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	want = []string{
		"1 0 empty", "3 0 no_token", "5 0 bad_line", "8 0 too_large", "9 0 empty", "10 0 empty", "11 0 bad_json",
		"12 0 bad_line", "13 0 no_time", "14 0 bad_status", "15 2 no_token", "16 0 unknown_format",
	}
	if have := p.ask(t, "SELECT offset, item, reason FROM dead_letters ORDER BY offset, item"); !slices.Equal(have, want) {
		t.Errorf("dead letters:\n%s\nwant:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	if have := p.ask(t, "SELECT min_offset, max_offset, entries, distinct_offsets, gaps, repeats FROM ingest_audit"); !slices.Equal(have, []string{"0 17 20 18 0 0"}) {
		t.Errorf("audit: %q", have)
	}
	if have := p.ask(t, "SELECT country, asn, network, client, route, token_hint FROM events WHERE offset = 0"); !slices.Equal(have, []string{"US 15169 hosting curl/8 /v1/models ghp_…8B4a"}) {
		t.Errorf("the first event: %q", have)
	}
	showsInMetrics(t, p, len(records))
}

func showsInMetrics(t *testing.T, p *program, records int) {
	t.Helper()
	if status, body := get(t, p.url("/healthz")); status != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	eventually(t, 10*time.Second, "/readyz is ready", func() bool {
		status, reasons := waiting(t, "http://"+p.listener.Addr().String())
		return status == http.StatusOK && len(reasons) == 0
	})
	_, page := get(t, p.url("/metrics"))
	for _, c := range []struct {
		name  string
		parts []string
		want  float64
	}{
		{"tokenwatch_records_total", []string{`topic="gateway.access"`}, float64(records)},
		{"tokenwatch_rows_total", []string{`table="events"`}, 8},
		{"tokenwatch_rows_total", []string{`table="dead_letters"`}, 12},
		{"tokenwatch_dead_letters_total", nil, 12},
		{"tokenwatch_dead_letters_total", []string{`reason="too_large"`}, 1},
		{"tokenwatch_dead_letters_total", []string{`reason="bad_json"`}, 1},
		{"tokenwatch_dead_letters_total", []string{`reason="bad_line"`}, 2},
		{"tokenwatch_lag", nil, 0},
		{"tokenwatch_next_offset", nil, float64(records)},
		{"tokenwatch_insert_retries_total", nil, 0},
		{"tokenwatch_profiles", nil, 4},
		{"tokenwatch_open_incidents", nil, 0},
	} {
		if have := metric(page, c.name, c.parts...); have != c.want {
			t.Errorf("%s%v = %v, want %v", c.name, c.parts, have, c.want)
		}
	}
	for _, name := range []string{"tokenwatch_insert_seconds_count", "tokenwatch_detect_seconds_count", "tokenwatch_append_to_stored_seconds_count", "tokenwatch_record_bytes_total"} {
		if metric(page, name) <= 0 {
			t.Errorf("%s is not there", name)
		}
	}
	if metric(page, "tokenwatch_record_bytes_total") < 10<<20 {
		t.Error("the large record is not in tokenwatch_record_bytes_total")
	}
}

// The embedded ClickHouse is killed while records flow: it is started again, and nothing
// is lost or stored twice.
func TestClickHouseKilled(t *testing.T) {
	t.Parallel()
	p := start(t, quick(t.TempDir()))
	const rounds, each = 3, 400
	for round := range rounds {
		var values []string
		for i := range each {
			values = append(values, ownRecord(time.Now().Add(-time.Duration(i)*time.Millisecond), fmt.Sprintf("sk-live-QkZxWvTyRmPqLs%02d", i%10), "203.0.113.7"))
		}
		p.produce(t, values[:each/2]...)
		pid := p.childPID()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		p.produce(t, values[each/2:]...)
		eventually(t, 30*time.Second, "another ClickHouse runs", func() bool { return p.childPID() != pid })
		p.settled(t, (round+1)*each)
	}
	want := []string{fmt.Sprintf("0 %d %d 0 0", rounds*each-1, rounds*each)}
	if have := p.ask(t, "SELECT min_offset, max_offset, entries, gaps, repeats FROM ingest_audit"); !slices.Equal(have, want) {
		t.Errorf("audit: %q, want %q", have, want)
	}
	if n := strings.Count(p.log.String(), "the embedded ClickHouse ended; starting it again"); n != rounds {
		t.Errorf("the log tells of %d restarts", n)
	}
	eventually(t, 40*time.Second, "/readyz is ready again", func() bool {
		status, _ := waiting(t, "http://"+p.listener.Addr().String())
		return status == http.StatusOK
	})
}

func (p *program) childPID() int {
	p.engines.mu.Lock()
	defer p.engines.mu.Unlock()
	return p.engines.child.PID()
}
