package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest/push"
)

const intakeToken = "intake-0123456789abcdef"

// pushTo sends a body to the HTTP intake with headers by pairs.
func pushTo(t *testing.T, url string, body []byte, headers ...string) (status int, header http.Header, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+intakeToken)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
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

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// From a gateway's POST to rows: each record of every body that was answered with 200 is an event or a dead letter, once,
// in the topic that was asked for, and nothing of a body that was refused.
func TestPushedLogsBecomeEvents(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Intake.Token = intakeToken
	cfg.Kafka.Partitions, cfg.Kafka.FurtherTopics = 3, []string{"edge.access"}
	p := start(t, cfg)
	now := time.Now()
	own := func(n int) string {
		return strings.Replace(ownRecord(now, fmt.Sprintf("sk-live-QkZxWvTyRmPqLs%02d", n), "203.0.113.7"), "acme-sdk", fmt.Sprintf("acme%d", n), 1)
	}
	var lines []string
	for n := range 300 {
		lines = append(lines, own(n%40))
	}
	sent := 0
	for _, c := range []struct {
		name    string
		query   string
		body    []byte
		headers []string
		status  int
		records int
	}{
		{"Kong", "", []byte(kongRecord(now, "c62c1455-9b1d-4f2d-8797-509ba83b8ae8", "203.0.113.8")), []string{"Content-Type", "application/json"}, 200, 1},
		{"lines, gzip", "", gzipped(t, strings.Join(lines, "\n")), []string{"Content-Encoding", "gzip", "Content-Type", "application/x-ndjson"}, 200, 300},
		{"an array, elsewhere", "?topic=edge.access", []byte("[" + own(1) + "," + own(2) + "]"), []string{"Content-Type", "application/json"}, 200, 2},
		{"words", "", []byte("it is not JSON\n" + nginxRecord(now, "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "8.8.8.8") + "\n"), []string{"Content-Type", "text/plain"}, 200, 2},
		{"Cloudflare's trial", "", gzipped(t, `{"content":"tests"}`), []string{"Content-Encoding", "gzip"}, 200, 0},
		{"a stranger", "", []byte(own(3)), []string{"Authorization", "Bearer somebody-else-0123456"}, 401, 0},
		{"a topic that nobody reads", "?topic=payments", []byte(own(3)), nil, 400, 0},
		{"half a gzip", "", gzipped(t, own(3))[:60], []string{"Content-Encoding", "gzip"}, 400, 0},
		{"MessagePack", "", []byte(own(3)), []string{"Content-Type", "application/msgpack"}, 415, 0},
		{"too large", "", gzipped(t, strings.Repeat("x", 33<<20)), []string{"Content-Encoding", "gzip"}, 413, 0},
	} {
		status, _, text := pushTo(t, p.url(push.Path+c.query), c.body, c.headers...)
		if status != c.status || status == http.StatusOK && !strings.HasPrefix(text, fmt.Sprintf(`{"accepted":%d`, c.records)) {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
		sent += c.records
	}
	p.settled(t, sent)
	if have, want := p.ask(t, "SELECT topic, source, count() FROM events GROUP BY ALL ORDER BY ALL"), []string{
		"edge.access tokenwatch 2", "gateway.access kong 1", "gateway.access nginx 1", "gateway.access tokenwatch 300",
	}; !slices.Equal(have, want) {
		t.Errorf("events: %q, want %q", have, want)
	}
	if have := p.ask(t, "SELECT topic, reason, count() FROM dead_letters GROUP BY ALL"); !slices.Equal(have, []string{"gateway.access bad_line 1"}) {
		t.Errorf("dead letters: %q", have)
	}
	if have := p.ask(t, "SELECT uniqExact(partition) > 1 FROM events WHERE topic = 'gateway.access'"); !slices.Equal(have, []string{"1"}) {
		t.Errorf("many tokens in more than one partition: %q", have)
	}
	if have := p.ask(t, "SELECT count() FROM (SELECT token_hint, uniqExact(partition) AS parts FROM events WHERE topic = 'gateway.access' GROUP BY token_hint HAVING parts > 1)"); !slices.Equal(have, []string{"0"}) {
		t.Errorf("tokens in more than one partition: %q", have)
	}
	_, page := get(t, p.url("/metrics"))
	for status, want := range map[string]float64{"200": 5, "401": 1, "400": 2, "415": 1, "413": 1} {
		if have := metric(page, "tokenwatch_intake_requests_total", `status="`+status+`"`); have != want {
			t.Errorf("requests answered with %s: %v, want %v", status, have, want)
		}
	}
	if have := metric(page, "tokenwatch_intake_records_total"); have != float64(sent) {
		t.Errorf("records by the metrics: %v, want %d", have, sent)
	}
	if log := p.log.String(); strings.Contains(log, intakeToken) || strings.Contains(log, "sk-live-") {
		t.Error("a token is in the log")
	}
}

// While Kafka is away senders are told to send again; when it is back they can, and what was answered with 200 is there.
func TestPushWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Intake.Token, cfg.Intake.Timeout = intakeToken, time.Second
	cfg.Kafka.Port = freePorts(t, 1)[0]
	if err := cfg.firstPepper(); err != nil {
		t.Fatal(err)
	}
	settings := cfg.Kafka.KafkaConfig
	settings.Dir = cfg.DataDir
	broker := pushBroker(t, settings, cfg.Kafka.Topic)
	reached, err := cfg.reachedKafka()
	if err != nil {
		t.Fatal(err)
	}
	in, err := openIntake(cfg, reached)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	h, err := push.New(cfg.Intake, reached.Topics(), newIntakeMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h.Open(in.deliver)
	s := httptest.NewServer(h)
	defer s.Close()
	record := []byte(ownRecord(time.Now(), "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7"))
	if status, _, text := pushTo(t, s.URL, record); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if status, header, text := pushTo(t, s.URL, record); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
			t.Errorf("away: %d %v %s", status, header, text)
		}
	}
	broker = pushBroker(t, settings, cfg.Kafka.Topic)
	defer broker.Close()
	eventually(t, time.Minute, "records are taken again", func() bool {
		status, _, _ := pushTo(t, s.URL, record)
		return status == http.StatusOK
	})
}

func pushBroker(t *testing.T, cfg local.KafkaConfig, topic string) *local.Kafka {
	t.Helper()
	broker, err := local.StartKafka(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := broker.CreateTopic(ctx, topic, 2); err != nil {
		t.Fatal(err)
	}
	return broker
}
