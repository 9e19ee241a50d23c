package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helperProcess is a process that brings records to a program, with the program's pepper and Kafka.
func helperProcess(ctx context.Context, t *testing.T, p *program) (*process, *transcript) {
	t.Helper()
	said := &transcript{}
	return &process{ctx: ctx, stdin: strings.NewReader(""), stdout: io.Discard, stderr: said, environ: helperEnviron(p)}, said
}

func helperEnviron(p *program) []string {
	return []string{
		"TOKENWATCH_DATA_DIR=" + p.cfg.DataDir, "TOKENWATCH_KAFKA_BROKERS=" + strings.Join(p.engines.kafka.Brokers, ","), "TOKENWATCH_LOG_LEVEL=debug",
	}
}

// runs executes a command until it ends, or the returned function ends it in order.
func runs(t *testing.T, p *program, command interface{ Run(*process) error }) (stop func() error, said *transcript) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, said := helperProcess(ctx, t, p)
	ended := make(chan error, 1)
	go func() { ended <- command.Run(out) }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Logf("the command said:\n%s", tail(said.String(), 30))
		}
	})
	return func() error { cancel(); return <-ended }, said
}

// A real gateway's log, rotated in between, is followed into ClickHouse: every request is a row once, and one partition has
// all of a token's.
func TestTailNGINX(t *testing.T) {
	t.Parallel()
	g := openGateway(t)
	cfg := quick(t.TempDir())
	cfg.Kafka.Partitions = 4
	p := start(t, cfg)
	stop, _ := runs(t, p, tailCommand{Files: []string{g.log}})
	const tokens, each = 12, 5
	calls := func() {
		for range each {
			for i := range tokens {
				if err := g.call("Authorization", fmt.Sprintf("Bearer sk-live-QkZxWvTyRmPqLsNd%02d", i), "8.8.8.8", "curl/8.7.1"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	calls()
	if err := os.Rename(g.log, g.log+".1"); err != nil {
		t.Fatal(err)
	}
	calls() // to the file that was renamed: NGINX does not know yet
	g.reopen(t)
	calls()
	rows := func(want int) {
		t.Helper()
		eventually(t, 30*time.Second, fmt.Sprint(want, " rows"), func() bool {
			return p.ask(t, "SELECT count() FROM events WHERE route = '/v1/models'")[0] == strconv.Itoa(want)
		})
	}
	rows(3 * tokens * each)
	if err := stop(); err != nil {
		t.Error(err)
	}
	calls()
	stop, _ = runs(t, p, tailCommand{Files: []string{g.log}})
	rows(4 * tokens * each)
	if err := stop(); err != nil {
		t.Error(err)
	}
	have := p.ask(t, "SELECT uniqExact(request_id), count(), uniqExact(token), max(partitions) FROM (SELECT *, uniqExact(partition) OVER (PARTITION BY token) AS partitions FROM events WHERE route = '/v1/models')")
	if want := fmt.Sprintf("%d %d %d 1", 4*tokens*each, 4*tokens*each, tokens); have[0] != want {
		t.Errorf("requests, rows, tokens and partitions of one: %q, want %s", have, want)
	}
	if n := p.ask(t, "SELECT uniqExact(partition) FROM events"); n[0] == "1" {
		t.Error("all tokens are in one partition: nothing was tested")
	}
}

// reopen tells NGINX that its log was rotated.
func (g gateway) reopen(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(g.log), "nginx.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "a new log", func() bool { _, err := os.Stat(g.log); return err == nil })
}

// A tail that is killed again and again while lines are written, and Kafka with it once, loses none.
func TestTailKilled(t *testing.T) {
	t.Parallel()
	p := start(t, quick(t.TempDir()))
	log := filepath.Join(t.TempDir(), "access.log")
	const rounds, each = 6, 200
	written := 0
	write := func() {
		var text strings.Builder
		for range each {
			text.WriteString(numberedRecord(written) + "\n")
			written++
		}
		file, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.WriteString(text.String())
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	begin := func() (*exec.Cmd, *transcript) {
		said := &transcript{}
		command := exec.Command(os.Args[0], "tail", log)
		command.Env = append(append(os.Environ(), programEnv+"=1", "GORACE=atexit_sleep_ms=0"), helperEnviron(p)...)
		command.Stdout, command.Stderr = said, said
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = command.Process.Kill() }) // it may have ended
		return command, said
	}
	distinct := func() string {
		return p.ask(t, "SELECT toString(uniqExact(request_id)) FROM events")[0]
	}
	for round := range rounds {
		write()
		command, said := begin()
		write()
		if round%2 == 0 {
			eventually(t, 20*time.Second, "it follows", func() bool { return strings.Contains(said.String(), "a log file") })
		} else {
			eventually(t, 20*time.Second, "some more rows", func() bool { n, _ := strconv.Atoi(distinct()); return n > written-2*each })
		}
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = command.Wait() // it was killed
	}
	write()
	command, said := begin()
	eventually(t, 30*time.Second, "all rows", func() bool { return distinct() == strconv.Itoa(written) })
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, said)
	}
	if n := p.ask(t, "SELECT count() FROM dead_letters"); n[0] != "0" {
		t.Errorf("%s dead letters", n[0])
	}
}

func numberedRecord(n int) string {
	return strings.Replace(nginxRecord(time.Now(), fmt.Sprintf("sk-live-QkZxWvTyRmPqLsNd%02d", n%20), "8.8.8.8"), `"request_id":"n-`, fmt.Sprintf(`"request_id":"%d-`, n), 1)
}

// An import that is interrupted again and again sends every record once, and the same again nothing.
func TestImportInterrupted(t *testing.T) {
	t.Parallel()
	p := start(t, quick(t.TempDir()))
	folder := t.TempDir()
	const files, each = 4, 30_000
	for i := range files {
		var text bytes.Buffer
		for n := range each {
			text.WriteString(numberedRecord(i*each+n) + "\n")
		}
		name, content := filepath.Join(folder, fmt.Sprintf("%d.log", i)), text.Bytes()
		if i%2 == 1 {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			_, err := z.Write(content)
			if err := errors.Join(err, z.Close()); err != nil {
				t.Fatal(err)
			}
			name, content = name+".gz", packed.Bytes()
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rounds := 0
	for {
		rounds++
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(20*rounds)*time.Millisecond)
		out, said := helperProcess(ctx, t, p)
		err := importCommand{Files: []string{folder}}.Run(out)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, errFailed) && !errors.Is(err, context.DeadlineExceeded) || rounds > 200 {
			t.Fatalf("%v: %s", err, said)
		}
	}
	if rounds < 3 {
		t.Errorf("it was interrupted only %d times", rounds-1)
	}
	out, said := helperProcess(t.Context(), t, p)
	if err := (importCommand{Files: []string{folder}}).Run(out); err != nil || strings.Count(said.String(), "imported before") != files {
		t.Errorf("again: %v\n%s", err, said)
	}
	p.settled(t, files*each)
	want := []string{fmt.Sprintf("%d %d 0", files*each, files*each)}
	if have := p.ask(t, "SELECT count(), uniqExact(request_id), (SELECT count() FROM dead_letters) FROM events"); !slices.Equal(have, want) {
		t.Errorf("rows, requests, dead letters: %q, want %q", have, want)
	}
}

// What is said when files come in the wrong order, or hold what is none.
func TestImportReport(t *testing.T) {
	t.Parallel()
	p := start(t, quick(t.TempDir()))
	folder := t.TempDir()
	now := time.Now()
	for name, text := range map[string]string{
		"1.log": ownRecord(now, "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7") + "\n",
		"2.log": ownRecord(now.Add(-time.Hour), "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7") + "\nnothing at all\n" + strings.Repeat("x", 2<<20),
		"3.gz":  "\x1f\x8b\x08 but no more",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, said := helperProcess(t.Context(), t, p)
	if err := (importCommand{Files: []string{folder}}).Run(out); !errors.Is(err, errFailed) {
		t.Errorf("it ends with %v", err)
	}
	for _, part := range []string{
		"2.log: begins at", "give the files in the order of time", "4 records sent to gateway.access", "In 2 of them no token was found",
		"1 were longer than ingest.max_record_bytes", "3.gz: 0 records, then: not decompressible", "1 files could not be read to their end", "Out of order",
	} {
		if !strings.Contains(said.String(), part) {
			t.Errorf("it does not say %q:\n%s", part, said)
		}
	}
	p.settled(t, 4)
	if have := p.ask(t, "SELECT reason FROM dead_letters ORDER BY reason"); len(have) != 2 || have[1] != "too_large" {
		t.Errorf("dead letters: %q", have)
	}
}

// What comes in over HTTP goes the same way as everything else.
func TestIntake(t *testing.T) {
	t.Parallel()
	const token = "an-intake-token-0123456789"
	cfg := quick(t.TempDir())
	cfg.Kafka.Partitions, cfg.Kafka.FurtherTopics, cfg.Intake.Token = 4, []string{"gateway.other"}, token
	p := start(t, cfg)
	now := time.Now()
	nginx := nginxRecord(now, "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "8.8.8.8")
	kong := kongRecord(now, "c62c1455-9b1d-4f2d-8797-509ba83b8ae8", "203.0.113.8")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprintf(z, "%s\n{\"broken\n%s\n", nginx, nginx)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	send := func(query, auth, kind, encoding string, body []byte, want int) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, p.url("/v1/logs"+query), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", auth)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Content-Encoding", encoding)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var said struct {
			Accepted int
			Error    string
		}
		if err := json.NewDecoder(answer.Body).Decode(&said); err != nil || said.Accepted != want || (answer.StatusCode == http.StatusOK) != (want > 0) {
			t.Errorf("%d %+v %v, want %d accepted", answer.StatusCode, said, err, want)
		}
	}
	send("", "Bearer "+token, "application/json", "", []byte("["+kong+","+kong+"]"), 2)
	send("", "Bearer "+token, "", "gzip", packed.Bytes(), 3)
	send("?topic=gateway.other", token, "application/x-ndjson", "", []byte(nginx), 1)
	send("", "Bearer wrong-token-0123456789", "application/json", "", []byte(kong), 0)
	send("?topic=elsewhere", token, "application/json", "", []byte(kong), 0)
	p.settled(t, 6)
	want := []string{"gateway.access kong 2 1", "gateway.access nginx 2 1", "gateway.other nginx 1 1"}
	if have := p.ask(t, "SELECT topic, source, count(), uniqExact(partition) FROM events GROUP BY ALL ORDER BY ALL"); !slices.Equal(have, want) {
		t.Errorf("events: %q, want %q", have, want)
	}
	if have := p.ask(t, "SELECT reason FROM dead_letters"); !slices.Equal(have, []string{"bad_json"}) {
		t.Errorf("dead letters: %q", have)
	}
	_, page := get(t, p.url("/metrics"))
	if metric(page, "tokenwatch_intake_records_total") != 6 || metric(page, "tokenwatch_intake_requests_total", `status="401"`) != 1 {
		t.Error("the metrics say something else")
	}
	if strings.Contains(p.log.String()+page, token) {
		t.Error("the log or the metrics hold the intake's token")
	}
}

// Without a token nobody can send, and the answer says how to change that.
func TestIntakeOff(t *testing.T) {
	t.Parallel()
	p := start(t, quick(t.TempDir()))
	answer, err := http.Post(p.url("/v1/logs"), "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusNotFound || !strings.Contains(string(text), "TOKENWATCH_INTAKE_TOKEN") {
		t.Errorf("%d %s %v", answer.StatusCode, text, err)
	}
}
