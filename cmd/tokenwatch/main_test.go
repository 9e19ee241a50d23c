package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// programEnv makes a run of the test binary be the program: one that can be killed.
const programEnv = "TOKENWATCH_TEST_PROGRAM"

func TestMain(m *testing.M) {
	local.ChildMain()   // the embedded ClickHouse is a run of this binary too
	tortureBrokerMain() // and so is the broker that is to be killed
	if dir := os.Getenv(brokerEnv); dir != "" {
		beBroker(dir)
	}
	if place := os.Getenv(stormEnv); place != "" {
		stormMain(place)
	}
	if os.Getenv(programEnv) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"tokenwatch": main})
}

// program is the whole of tokenwatch, at work inside the test's own process.
type program struct {
	*app
	log  *transcript
	stop func() error // gracefully, once; further calls give the same answer
}

// quick is a configuration for tests: free ports, a folder of its own, short waits.
func quick(dir string) Config {
	cfg := DefaultConfig()
	cfg.DataDir = dir
	cfg.Log = LogConfig{Level: slog.LevelDebug, Format: "json"}
	cfg.HTTP.Listen, cfg.Console.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Kafka.Port, cfg.ClickHouse.TCPPort, cfg.ClickHouse.HTTPPort = 0, 0, 0
	cfg.Kafka.SessionTimeout, cfg.Kafka.MaxWait = 6*time.Second, 50*time.Millisecond
	cfg.Ingest.Block.FlushInterval = 50 * time.Millisecond
	return cfg
}

// start runs the program until the test ends or stops it.
func start(t *testing.T, cfg Config) *program {
	t.Helper()
	needEngines(t)
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	log := &transcript{}
	out := &process{stderr: log}
	ctx, cancel := context.WithCancel(context.Background())
	a, err := openApp(ctx, cfg, out.logger(cfg.Log))
	if err != nil {
		cancel()
		t.Fatal(errors.Join(err, a.close(context.Background())))
	}
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx) }()
	p := &program{app: a, log: log}
	p.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, a.close(context.Background()))
	})
	t.Cleanup(func() {
		if err := p.stop(); err != nil {
			t.Errorf("the program ended with: %v", err)
		}
		if t.Failed() {
			t.Logf("the program's log:\n%s", tail(log.String(), 60))
		}
	})
	return p
}

// needEngines skips loudly where the embedded engines' files were not fetched.
func needEngines(t *testing.T) {
	t.Helper()
	if _, err := local.FindAssets(); err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: %v\n", t.Name(), err)
		t.Skip(err)
	}
}

// produce appends the values to the program's topic, all with one key.
func (p *program) produce(t *testing.T, values ...string) {
	t.Helper()
	produce(t, p.engines.kafka, values...)
}

func produce(t *testing.T, cfg kafka.Config, values ...string) {
	t.Helper()
	produceAs(t, cfg, "one", values...)
}

// produceAs appends the values with a key: equal keys share a partition.
func produceAs(t *testing.T, cfg kafka.Config, key string, values ...string) {
	t.Helper()
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	records := make([]kafka.Record, len(values))
	for i, value := range values {
		records[i] = kafka.Record{Key: []byte(key), Value: []byte(value)}
	}
	if err := producer.Produce(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// settled waits until everything that is in Kafka is stored and handled.
func (p *program) settled(t *testing.T, records int) {
	t.Helper()
	eventually(t, time.Minute, fmt.Sprintf("%d records stored and handled", records), func() bool {
		done := int64(0)
		for _, s := range p.pipeline.Status() {
			done += max(0, s.Next)
		}
		return done >= int64(records)
	})
}

// ask returns the rows of a query, their columns joined by blanks.
func (p *program) ask(t *testing.T, sql string, args ...any) []string {
	t.Helper()
	_, rows, err := p.engines.db.Query(context.Background(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return joined(rows)
}

func joined(rows [][]string) []string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = strings.Join(row, " ")
	}
	return lines
}

func (p *program) url(path string) string { return "http://" + p.listener.Addr().String() + path }

// fetch reads a page that has to answer with 200, however long it takes.
func fetch(url string) (body string, ok bool) {
	answer, err := http.Get(url)
	if err != nil {
		return "", false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return string(text), err == nil && answer.StatusCode == http.StatusOK
}

// get reads a page; a server that cannot be reached gives status 0.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(text)
}

// waiting reads what /readyz waits for.
func waiting(t *testing.T, base string) (status int, reasons map[string]string) {
	t.Helper()
	status, body := get(t, base+"/readyz")
	var answer struct {
		Ready   bool              `json:"ready"`
		Waiting map[string]string `json:"waiting"`
	}
	if status == 0 {
		return 0, nil
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("/readyz answers %q: %v", body, err)
	}
	if answer.Ready != (status == http.StatusOK) {
		t.Errorf("/readyz answers %d and %s", status, body)
	}
	return status, answer.Waiting
}

// metric is the sum of a metric's series whose labels contain all of the parts.
func metric(page, name string, parts ...string) float64 {
	sum := 0.0
lines:
	for line := range strings.Lines(page) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if bare, _, _ := strings.Cut(series, "{"); bare != name {
			continue
		}
		for _, part := range parts {
			if !strings.Contains(series, part) {
				continue lines
			}
		}
		var v float64
		if _, err := fmt.Sscan(value, &v); err == nil {
			sum += v
		}
	}
	return sum
}

// eventually polls a condition until it holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// freePorts are ports that nothing listened on a moment ago.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// transcript is what a process wrote, readable while it writes.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *transcript) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *transcript) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
