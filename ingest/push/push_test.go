package push_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/tokenwatch/tokenwatch/ingest/push"
)

const token = "0123456789abcdef-secret"

// kafka is where records would go.
type kafka struct {
	mu     sync.Mutex
	topic  string
	bodies []string
	fail   error
	hold   chan struct{} // while not nil, nothing is acknowledged
	held   chan struct{}
}

func (k *kafka) deliver(ctx context.Context, topic string, body []byte) (push.Result, error) {
	if k.hold != nil {
		k.held <- struct{}{}
		select {
		case <-k.hold:
		case <-ctx.Done():
			return push.Result{}, ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return push.Result{}, k.fail
	}
	k.topic, k.bodies = topic, append(k.bodies, string(body))
	return push.Result{Records: len(bytes.Fields(body))}, nil
}

type answers struct {
	mu  sync.Mutex
	all []int
}

func (a *answers) Answered(status, _, _ int) {
	a.mu.Lock()
	a.all = append(a.all, status)
	a.mu.Unlock()
}

func config(change ...func(*push.Config)) push.Config {
	cfg := push.DefaultConfig()
	cfg.Token = token + ", another-token-16ch"
	cfg.MaxBodyBytes, cfg.MaxInFlightBytes, cfg.Timeout = 100_000, 10<<20, time.Second
	for _, c := range change {
		c(&cfg)
	}
	return cfg
}

func serve(t testing.TB, k *kafka, change ...func(*push.Config)) *httptest.Server {
	t.Helper()
	h, err := push.New(config(change...), []string{"main", "other"}, &answers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if k != nil {
		h.Open(k.deliver)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// post sends a body, with headers by pairs, as the holder of the token unless they name another.
func post(t testing.TB, url string, body []byte, headers ...string) (status int, header http.Header, text string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "method" {
			r.Method = headers[i+1]
		} else if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(said)
}

func packed(t testing.TB, name string, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "zstd":
		z, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	_, err := w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What gateways and agents send, as they send it.
func TestSenders(t *testing.T) {
	object, lines := `{"a":1}`, "{\"a\":1}\n{\"a\":2}\n"
	for _, c := range []struct {
		name, body string
		encoding   string
		headers    []string
	}{
		{"curl", object, "", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"Kong, single", object, "", []string{"Content-Type", "application/json", "Authorization", "", "X-API-Key", token}},
		{"Kong, batched, with a password in the URL", `[{"a":1},{"a":2}]`, "", []string{"Content-Type", "application/json; charset=utf-8", "Authorization", basic("kong", token)}},
		{"Kong with PUT", object, "", []string{"method", "PUT", "Content-Type", "application/json"}},
		{"APISIX", `[{"a":1}]`, "", []string{"Content-Type", "application/json", "Authorization", token}},
		{"Cloudflare", lines, "gzip", []string{"Content-Type", "", "Content-Encoding", "gzip", "Authorization", "Bearer " + token}},
		{"Cloudflare, saying nothing", lines, "gzip", []string{"Content-Type", "application/octet-stream"}},
		{"Fluent Bit, json", `[{"date":1,"a":1}]`, "gzip", []string{"Content-Type", "application/json", "Content-Encoding", "gzip", "Authorization", basic("fluent", token)}},
		{"Fluent Bit, json_lines", lines, "", []string{"Content-Type", "application/x-ndjson"}},
		{"Fluent Bit, json_stream", `{"a":1}{"a":2}`, "", []string{"Content-Type", "application/json"}},
		{"Vector, NDJSON", lines, "zstd", []string{"Content-Type", "application/x-ndjson", "Content-Encoding", "zstd"}},
		{"Vector, zlib", `[{"a":1}]`, "deflate", []string{"Content-Type", "application/json", "Content-Encoding", "deflate"}},
		{"Vector, text", "203.0.113.7 - - [21/Nov/2026]\n", "", []string{"Content-Type", "text/plain"}},
		{"the other token", object, "", []string{"Authorization", "bearer another-token-16ch"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &kafka{}
			s := serve(t, k)
			body := []byte(c.body)
			if c.encoding != "" {
				body = packed(t, c.encoding, body)
			}
			status, _, text := post(t, s.URL, body, c.headers...)
			if status != http.StatusOK || !strings.HasPrefix(text, `{"accepted":`) {
				t.Fatalf("%d %s", status, text)
			}
			if len(k.bodies) != 1 || k.bodies[0] != c.body || k.topic != "main" {
				t.Errorf("%s gets %q", k.topic, k.bodies)
			}
		})
	}
}

func basic(user, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// Cloudflare tries a destination before it uses it.
func TestTrial(t *testing.T) {
	k := &kafka{}
	s := serve(t, k)
	for _, body := range []string{`{"content":"test"}`, `{"content":"tests"}` + "\n"} {
		if status, _, text := post(t, s.URL, packed(t, "gzip", []byte(body)), "Content-Encoding", "gzip"); status != http.StatusOK {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	if len(k.bodies) > 0 {
		t.Errorf("it is kept: %q", k.bodies)
	}
	if post(t, s.URL, []byte(`{"content":"test","time":1}`)); len(k.bodies) != 1 {
		t.Error("a record that only looks like it is dropped")
	}
}

func TestTopics(t *testing.T) {
	k := &kafka{}
	s := serve(t, k)
	post(t, s.URL+"?topic=other", []byte("x"))
	if k.topic != "other" {
		t.Errorf("by the URL: %s", k.topic)
	}
	post(t, s.URL, []byte("x"))
	if k.topic != "main" {
		t.Errorf("by nothing: %s", k.topic)
	}
	post(t, s.URL, []byte("x"), push.TopicHeader, "other")
	if k.topic != "other" {
		t.Errorf("by the header: %s", k.topic)
	}
}

// Every refusal says what to do, and nothing of a refused body is kept.
func TestRefusals(t *testing.T) {
	whole := packed(t, "gzip", bytes.Repeat([]byte("x"), 1000))
	for _, c := range []struct {
		name, query string
		body        []byte
		headers     []string
		status      int
		says        string
	}{
		{"no token", "", []byte("x"), []string{"Authorization", ""}, 401, "Authorization: Bearer"},
		{"another token", "", []byte("x"), []string{"Authorization", "Bearer 0123456789abcdef-wrong"}, 401, "intake.token"},
		{"half a token", "", []byte("x"), []string{"Authorization", "Bearer " + token[:10]}, 401, "intake.token"},
		{"the token in the URL", "?token=" + token, []byte("x"), []string{"Authorization", ""}, 401, "URLs are logged"},
		{"GET", "", nil, []string{"method", "GET"}, 405, "POST"},
		{"a strange topic", "?topic=payments", []byte("x"), nil, 400, `"payments" is none of main, other`},
		{"MessagePack", "", []byte("x"), []string{"Content-Type", "application/msgpack"}, 415, "json_lines"},
		{"a form with files", "", []byte("x"), []string{"Content-Type", "multipart/form-data; boundary=x"}, 415, "--data-binary"},
		{"protobuf", "", []byte("x"), []string{"Content-Type", "application/x-protobuf"}, 415, "NDJSON"},
		{"brotli", "", []byte("x"), []string{"Content-Encoding", "br"}, 415, "gzip, zstd, deflate"},
		{"snappy", "", []byte("x"), []string{"Content-Encoding", "snappy"}, 415, "gzip, zstd, deflate"},
		{"no gzip", "", []byte("it is not"), []string{"Content-Encoding", "gzip"}, 400, "not decompressible"},
		{"half a gzip", "", whole[:len(whole)-2], []string{"Content-Encoding", "gzip"}, 400, "not decompressible"},
		{"nothing", "", nil, nil, 400, "no records in the body"},
		{"blanks", "", []byte(" \n"), nil, 400, "no records in the body"},
		{"broken JSON", "", []byte(`{"token":"hf_Secret",,}`), []string{"Content-Type", "application/json"}, 400, "byte 22"},
		{"JSON that ends early", "", []byte(`[{"a":`), []string{"Content-Type", "application/json"}, 400, "ends in the middle"},
		{"words as JSON", "", []byte(`hello`), []string{"Content-Type", "application/json"}, 400, "text/plain"},
		{"too large", "", bytes.Repeat([]byte("x"), 100_001), nil, 413, "intake.max_body_bytes"},
		{"a bomb", "", packed(t, "gzip", make([]byte, 2<<20)), []string{"Content-Encoding", "gzip"}, 413, "decompressed"},
		{"a bomb of zstd", "", packed(t, "zstd", make([]byte, 2<<20)), nil, 413, "decompressed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := &kafka{}
			s := serve(t, k)
			status, header, text := post(t, s.URL+c.query, c.body, c.headers...)
			var answer struct{ Error string }
			if err := json.Unmarshal([]byte(text), &answer); err != nil || status != c.status || !strings.Contains(answer.Error, c.says) {
				t.Errorf("%d %s, want %d and %q", status, text, c.status, c.says)
			}
			if (status == http.StatusUnauthorized) != (header.Get("WWW-Authenticate") != "") || (status == http.StatusMethodNotAllowed) != (header.Get("Allow") != "") {
				t.Errorf("headers: %v", header)
			}
			if strings.Contains(text, "hf_Secret") || strings.Contains(text, token) {
				t.Errorf("it repeats a secret: %s", text)
			}
			for _, body := range k.bodies {
				if len(bytes.TrimSpace([]byte(body))) > 0 {
					t.Errorf("%.100q is kept", body)
				}
			}
		})
	}
}

// A broken line among others is no reason to refuse those: it becomes a dead letter where each is decoded.
func TestBrokenLineAmongOthers(t *testing.T) {
	k := &kafka{}
	s := serve(t, k)
	if status, _, text := post(t, s.URL, []byte("{\"a\":\n{\"b\":1}\n"), "Content-Type", "application/json"); status != http.StatusOK || len(k.bodies) != 1 {
		t.Errorf("%d %s", status, text)
	}
}

func TestOffAndStarting(t *testing.T) {
	s := serve(t, &kafka{}, func(c *push.Config) { c.Token = "" })
	if status, _, text := post(t, s.URL, []byte("x")); status != http.StatusNotFound || !strings.Contains(text, "intake.token") {
		t.Errorf("off: %d %s", status, text)
	}
	s = serve(t, nil)
	if status, header, text := post(t, s.URL, []byte("x")); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(text, "starting") {
		t.Errorf("starting: %d %v %s", status, header, text)
	}
	if status, _, _ := post(t, s.URL, []byte("x"), "Authorization", ""); status != http.StatusUnauthorized {
		t.Errorf("starting, to a stranger: %d", status)
	}
}

func TestKafkaAway(t *testing.T) {
	k := &kafka{fail: errors.New("no route to 10.0.0.1")}
	s := serve(t, k)
	status, header, text := post(t, s.URL, []byte("x"))
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || strings.Contains(text, "10.0.0.1") {
		t.Errorf("%d %v %s", status, header, text)
	}
	k.hold, k.held = make(chan struct{}), make(chan struct{}, 1)
	if status, _, _ := post(t, s.URL, []byte("x")); status != http.StatusServiceUnavailable {
		t.Errorf("never acknowledged: %d", status)
	}
}

// When as many bytes wait for Kafka as may, further senders are asked to wait; nothing is lost, and room comes back.
func TestFull(t *testing.T) {
	k := &kafka{hold: make(chan struct{}), held: make(chan struct{}, 100)}
	s := serve(t, k, func(c *push.Config) {
		c.MaxBodyBytes, c.MaxInFlightBytes, c.Timeout = 4<<20, 16<<20+64<<10, time.Minute
	})
	body := bytes.Repeat([]byte("x"), 4<<20)
	var sending sync.WaitGroup
	statuses := make(chan int, 3)
	for range 3 {
		sending.Go(func() {
			status, _, _ := post(t, s.URL, body)
			statuses <- status
		})
		<-k.held
	}
	status, header, text := post(t, s.URL, body)
	if status != http.StatusTooManyRequests || header.Get("Retry-After") != "1" || !strings.Contains(text, "intake.max_in_flight_bytes") {
		t.Errorf("%d %v %s", status, header, text)
	}
	if status, _, _ := post(t, s.URL, packed(t, "gzip", body), "Content-Encoding", "gzip"); status != http.StatusTooManyRequests {
		t.Errorf("compressed: %d", status)
	}
	close(k.hold)
	sending.Wait()
	for range 3 {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("one that was in time: %d", status)
		}
	}
	if status, _, text := post(t, s.URL, body); status != http.StatusOK || len(k.bodies) != 4 {
		t.Errorf("afterwards: %d %s", status, text)
	}
}

// Whatever becomes of a body, its memory is given back.
func TestBudgetComesBack(t *testing.T) {
	k := &kafka{}
	s := serve(t, k)
	bomb, bombs := packed(t, "gzip", make([]byte, 1<<20)), packed(t, "zstd", make([]byte, 1<<20))
	for i := range 150 {
		post(t, s.URL, bomb, "Content-Encoding", "gzip")
		post(t, s.URL, []byte("broken"), "Content-Encoding", "gzip")
		post(t, s.URL, bombs)
		post(t, s.URL, []byte("{"), "Content-Type", "application/json")
		if status, _, text := post(t, s.URL, bytes.Repeat([]byte("y"), 100_000)); status != http.StatusOK {
			t.Fatalf("round %d: %d %s", i, status, text)
		}
	}
}

// A sender who does not go on sending is sent away.
func TestSlowSender(t *testing.T) {
	s := serve(t, &kafka{})
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{", token)
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(said, []byte("HTTP/1.1 408")) {
		t.Errorf("%s %v", said, err)
	}
}

func TestTokenFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte("# of the gateways\n\n  from-a-file-0123456789 \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, &kafka{}, func(c *push.Config) { c.Token, c.TokenFile = "", path })
	if status, _, text := post(t, s.URL, []byte("x"), "Authorization", "Bearer from-a-file-0123456789"); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	for content, want := range map[string]string{"short\n": "want 16 or more", "# nothing\n": "no token in it"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := push.New(config(func(c *push.Config) { c.TokenFile = path }), []string{"x"}, &answers{}, slog.Default()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := push.New(config(func(c *push.Config) { c.TokenFile = path + ".missing" }), []string{"x"}, &answers{}, slog.Default()); err == nil || !strings.HasPrefix(err.Error(), "intake.token_file: ") {
		t.Errorf("missing: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for want, change := range map[string]func(*push.Config){
		"intake.token: one has only 5":         func(c *push.Config) { c.Token = "short" },
		"intake.token: only commas":            func(c *push.Config) { c.Token = " , " },
		"intake.max_body_bytes: 1 ":            func(c *push.Config) { c.MaxBodyBytes = 1 },
		"intake.max_in_flight_bytes: 1048576 ": func(c *push.Config) { c.MaxInFlightBytes = 1 << 20 },
		"intake.timeout: 0s":                   func(c *push.Config) { c.Timeout = 0 },
	} {
		if err := config(change).Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", config(), config(), config()); strings.Contains(text, token) {
		t.Errorf("the token shows in %s", text)
	}
}

// FuzzIntake: whatever is sent, there is an answer that means something, and memory comes back.
func FuzzIntake(f *testing.F) {
	f.Add([]byte(`[{"a":1}]`), "application/json", "", "Bearer "+token)
	f.Add(packed(f, "gzip", []byte("x\ny")), "", "gzip", basic("a", token))
	f.Add(packed(f, "zstd", []byte("x")), "text/plain;;", "zstd, gzip", "Basic !")
	k := &kafka{}
	h, err := push.New(config(), []string{"main"}, &answers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	h.Open(k.deliver)
	f.Fuzz(func(t *testing.T, body []byte, kind, encoding, authorization string) {
		for _, auth := range []string{authorization, "Bearer " + token} {
			r := httptest.NewRequest(http.MethodPost, push.Path, bytes.NewReader(body))
			r.Header["Content-Type"], r.Header["Content-Encoding"], r.Header["Authorization"] = []string{kind}, []string{encoding}, []string{auth}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch w.Code {
			case 200, 400, 401, 413, 415:
			default:
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			var answer map[string]any
			if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
		}
		k.bodies = nil
	})
}
