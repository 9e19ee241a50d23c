package simulate_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// TestRecordsAreGatewayRecords parses a part of the records as a stranger would.
func TestRecordsAreGatewayRecords(t *testing.T) {
	f := fleet(t, small(11))
	tokens, n, seen := f.Tokens(), 0, map[string]int{}
	for r := range f.History() {
		if n++; n%37 != 0 {
			continue
		}
		token := tokens[r.Token]
		seen[token.Gateway]++
		if token.Gateway == "kong" {
			checkKong(t, r, token)
		} else {
			checkNginx(t, r, token)
		}
		if t.Failed() {
			t.Fatalf("record: %s", r.Value)
		}
	}
	if seen["kong"] < 500 || seen["nginx"] < 500 {
		t.Errorf("looked at %v", seen)
	}
}

func checkNginx(t *testing.T, r simulate.Record, token simulate.Token) {
	t.Helper()
	var f map[string]string
	if err := json.Unmarshal(r.Value, &f); err != nil {
		t.Fatalf("not JSON of strings: %v", err)
	}
	for _, name := range []string{
		"time_iso8601", "msec", "request_id", "remote_addr", "remote_user", "http_x_forwarded_for", "request_method", "request_uri",
		"server_protocol", "host", "status", "bytes_sent", "body_bytes_sent", "request_length", "request_time", "upstream_addr",
		"upstream_status", "upstream_response_time", "http_user_agent", "http_referer", "consumer", "http_authorization", "http_x_api_key",
	} {
		if _, ok := f[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
	if bearer := f["http_authorization"]; bearer != "Bearer "+token.Secret && f["http_x_api_key"] != token.Secret {
		t.Error("carries another token")
	}
	at, err := time.Parse(time.RFC3339, f["time_iso8601"])
	if err != nil || r.Time.Unix() != at.Unix() {
		t.Errorf("time_iso8601: %v %v, logged %v", at, err, r.Time)
	}
	if ms := strings.Replace(f["msec"], ".", "", 1); ms != strconv.FormatInt(r.Time.UnixMilli(), 10) {
		t.Errorf("msec %s, logged %d", f["msec"], r.Time.UnixMilli())
	}
	checkRequest(t, f["remote_addr"], f["request_uri"], f["status"], f["request_length"])
	if body, _ := strconv.Atoi(f["body_bytes_sent"]); strconv.Itoa(body+238) != f["bytes_sent"] {
		t.Errorf("bytes_sent %s, body %d", f["bytes_sent"], body)
	}
	if f["consumer"] != slug(token) {
		t.Errorf("consumer %q, token of %q", f["consumer"], slug(token))
	}
}

func slug(token simulate.Token) string {
	return strings.ToLower(strings.ReplaceAll(token.Owner, " ", "-")) + "-" + token.Environment
}

func checkKong(t *testing.T, r simulate.Record, token simulate.Token) {
	t.Helper()
	var f struct {
		Service, Route struct{ ID string }
		Request        struct {
			Size        int
			URI, Method string
			Headers     map[string]string
			Querystring map[string]string
		}
		Response      struct{ Status, Size int }
		Latencies     struct{ Request, Kong, Proxy int }
		ClientIP      string              `json:"client_ip"`
		Authenticated struct{ ID string } `json:"authenticated_entity"`
		Consumer      struct{ ID, Username string }
		StartedAt     int64 `json:"started_at"`
	}
	if err := json.Unmarshal(r.Value, &f); err != nil {
		t.Fatalf("not a Kong record: %v", err)
	}
	if f.Authenticated.ID != token.Credential || f.Consumer.Username != slug(token) {
		t.Errorf("credential %s of %s, not %s of %s", f.Authenticated.ID, f.Consumer.Username, token.Credential, slug(token))
	}
	if bytes.Contains(r.Value, []byte(token.Secret)) {
		t.Error("contains the token")
	}
	if f.StartedAt+int64(f.Latencies.Request) != r.Time.UnixMilli() || f.Latencies.Kong+f.Latencies.Proxy != f.Latencies.Request {
		t.Errorf("started %d, latencies %+v, logged %d", f.StartedAt, f.Latencies, r.Time.UnixMilli())
	}
	if strings.Contains(f.Request.URI, "?") == (len(f.Request.Querystring) == 0) {
		t.Errorf("URI %s with query %v", f.Request.URI, f.Request.Querystring)
	}
	for _, id := range []string{f.Service.ID, f.Route.ID, f.Consumer.ID} {
		if len(id) != 36 {
			t.Errorf("id %q", id)
		}
	}
	if f.Request.Headers["user-agent"] == "" {
		t.Error("no user agent")
	}
	checkRequest(t, f.ClientIP, f.Request.URI, strconv.Itoa(f.Response.Status), strconv.Itoa(f.Request.Size))
}

func checkRequest(t *testing.T, address, uri, status, size string) {
	t.Helper()
	if a, err := netip.ParseAddr(address); err != nil || a.IsPrivate() || !a.IsGlobalUnicast() {
		t.Errorf("client address %q", address)
	}
	if !strings.HasPrefix(uri, "/") || strings.ContainsAny(uri, "{} ") {
		t.Errorf("URI %q", uri)
	}
	if code, err := strconv.Atoi(status); err != nil || code < 200 || code > 504 {
		t.Errorf("status %q", status)
	}
	if n, err := strconv.Atoi(size); err != nil || n < 100 {
		t.Errorf("request of %q bytes", size)
	}
}

func TestKeyNamesTheTokenWithoutBeingIt(t *testing.T) {
	f := fleet(t, small(4))
	tokens, keys := f.Tokens(), map[string]int{}
	for r := range f.History() {
		if first, known := keys[string(r.Key)]; known && first != r.Token {
			t.Fatalf("tokens %d and %d share the key %s", first, r.Token, r.Key)
		}
		keys[string(r.Key)] = r.Token
		token := tokens[r.Token]
		if len(r.Key) != 16 || strings.Contains(token.Secret+" "+token.Credential, string(r.Key)) {
			t.Fatalf("key %q of token %d", r.Key, r.Token)
		}
	}
	if len(keys) < 150 {
		t.Errorf("%d keys", len(keys))
	}
	perToken := map[int]bool{}
	for _, i := range keys {
		if perToken[i] {
			t.Fatalf("token %d has two keys", i)
		}
		perToken[i] = true
	}
}

// TestRecordsStayAsTheyAre: a reader may keep records while it reads on.
func TestRecordsStayAsTheyAre(t *testing.T) {
	f := fleet(t, small(4))
	var kept []simulate.Record
	var copies []string
	for r := range f.Live() {
		kept, copies = append(kept, r), append(copies, string(r.Value))
	}
	for i, r := range kept {
		if string(r.Value) != copies[i] {
			t.Fatalf("record %d was written over", i)
		}
	}
}

func TestMemoryIsOneHour(t *testing.T) {
	f := fleet(t, small(6))
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, peak := 0, uint64(0)
	for range f.History() {
		if n++; n%20_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
	}
	runtime.ReadMemStats(&now)
	if peak > before.HeapAlloc+8<<20 {
		t.Errorf("held %d kB more than before", (peak-before.HeapAlloc)>>10)
	}
	if each := float64(now.Mallocs-before.Mallocs) / float64(n); each > 0.5 {
		t.Errorf("%.2f allocations a record", each)
	}
}

func BenchmarkHistory(b *testing.B) {
	f := fleet(b, config(1))
	b.ReportAllocs()
	size, n := 0, 0
	for n < b.N {
		for r := range f.History() {
			size += len(r.Value)
			if n++; n == b.N {
				break
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
	b.SetBytes(int64(size / n))
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		fleet(b, config(1))
	}
}
