package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// gateway is a real NGINX in front of an API.
type gateway struct {
	url string
	log string // path of its access log
}

func openGateway(t *testing.T) gateway {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx") // Debian's, which is not on everybody's PATH
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: NO NGINX HERE, so tokenwatch was NOT tested behind a real gateway. apt-get install nginx-light mends it.\n", t.Name())
		t.Skip("no nginx: apt-get install nginx-light")
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"data":[]}`) }))
	t.Cleanup(api.Close)
	dir, port := t.TempDir(), freePorts(t, 1)[0]
	conf, err := os.Create(filepath.Join(dir, "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	defer conf.Close()
	page := template.Must(template.ParseFiles("testdata/nginx.conf"))
	if err := page.Execute(conf, map[string]any{"Dir": dir, "Port": port, "Upstream": api.URL}); err != nil {
		t.Fatal(err)
	}
	said := &transcript{}
	nginx := exec.Command(binary, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", conf.Name())
	nginx.Stdout, nginx.Stderr = said, said
	if err := nginx.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nginx.Process.Kill()
		_ = nginx.Wait() // it was killed
		if t.Failed() {
			wrong, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("nginx said:\n%s%s", said, wrong)
		}
	})
	g := gateway{url: fmt.Sprintf("http://127.0.0.1:%d", port), log: filepath.Join(dir, "access.log")}
	eventually(t, 10*time.Second, "nginx answers", func() bool { status, _ := get(t, g.url+"/up"); return status == http.StatusOK })
	return g
}

// call sends a request as a caller behind the given address would.
func (g gateway) call(header, token, from, agent string) error {
	request, err := http.NewRequest(http.MethodGet, g.url+"/v1/models?limit=5", nil)
	if err != nil {
		return err
	}
	request.Header.Set(header, token)
	request.Header.Set("X-Forwarded-For", from)
	request.Header.Set("User-Agent", agent)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the gateway answers %s", answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}

// lines are the records that the gateway has logged about callers with a token.
func (g gateway) lines(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(g.log)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(strings.TrimSpace(string(text)), "\n"), func(line string) bool { return strings.Contains(line, `"/up"`) })
}

// earlier is a record of the gateway as it would have been logged at another time, about
// the caller with another key, at another address.
func earlier(t *testing.T, line string, at time.Time, key, from string) string {
	t.Helper()
	var fields map[string]string
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	fields["msec"], fields["http_x_forwarded_for"] = epoch(at), from
	fields["http_x_api_key"], fields["http_authorization"], fields["http_user_agent"] = key, "", "acme-sdk/2.1"
	fields["request_id"] = fmt.Sprintf("%032x", at.UnixNano())
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestBehindNGINX is the main job with a real gateway: what NGINX logs goes through Kafka
// into ClickHouse, and a burst with a stolen token becomes a message in Slack.
func TestBehindNGINX(t *testing.T) {
	t.Parallel()
	g := openGateway(t)
	cfg := quick(t.TempDir())
	told := hire(t, &cfg)
	p := start(t, cfg)
	const key, bearer = "sk-live-QkZxWvTyRmPqLsNdBgHjKcFaEu", "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	pepper, err := cfg.pepper()
	if err != nil {
		t.Fatal(err)
	}
	names := ingest.NewFingerprinter(pepper)
	stolen := names.Token([]byte(key)).String()

	// A caller, and in the same form what the gateway logged in five days before about another.
	if err := g.call("Authorization", "Bearer "+bearer, "8.8.8.8", "curl/8.7.1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "a line in the log", func() bool { return len(g.lines(t)) == 1 })
	history := g.lines(t)
	for at := time.Now().Add(-5 * 24 * time.Hour); time.Since(at) > 7*time.Hour; at = at.Add(30 * time.Minute) {
		history = append(history, earlier(t, history[0], at, key, home))
	}
	p.produce(t, history...)

	// The other caller shows its token in another way.
	if err := g.call("X-API-Key", key, home, "acme-sdk/2.1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "two lines in the log", func() bool { return len(g.lines(t)) == 2 })
	p.produce(t, g.lines(t)[1])
	p.settled(t, len(history)+1)
	want := []string{
		names.Token([]byte(bearer)).String() + " nginx 8.8.8.8 forwarded US GET /v1/models 200 curl/8.7.1 1",
		stolen + " nginx " + home + " forwarded DE GET /v1/models 200 acme-sdk/2.1 1",
	}
	have := p.ask(t, `SELECT token_hex, source, ip, ip_from, country, method, route, status, user_agent, bytes_out > 0 AND bytes_in > 0 AND request_id != ''
		FROM events WHERE abs(ts - now64(3)) < 60 ORDER BY offset`)
	if !slices.Equal(have, want) {
		t.Errorf("rows:\n%s\nwant:\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
	if n := len(told.slack.Messages()); n != 0 {
		t.Errorf("%d messages before the theft: %s", n, told.told())
	}

	// The theft, through NGINX.
	const requests = 400
	burst(t, g, requests, key)
	eventually(t, 10*time.Second, "all lines in the log", func() bool { return len(g.lines(t)) == 2+requests })
	p.produce(t, g.lines(t)[2:]...)
	p.settled(t, len(history)+1+requests)
	eventually(t, 20*time.Second, "a message in Slack", func() bool { return len(told.slack.Messages()) > 0 })

	message := told.slack.Messages()[0]
	for _, part := range []string{"sk-…FaEu", "DE", "IN"} {
		if !strings.Contains(message.Rendered, part) {
			t.Errorf("the message lacks %q:\n%s", part, message.Rendered)
		}
	}
	eventually(t, 20*time.Second, "the incident in ClickHouse", func() bool { // people are told first
		return slices.Equal(p.ask(t, "SELECT token_hex, state FROM incidents FINAL"), []string{stolen + " open"})
	})
	found := p.ask(t, "SELECT DISTINCT detector FROM findings FINAL ARRAY JOIN evidence.detector AS detector ORDER BY detector")
	if !slices.Contains(found, "traffic_spike") || !slices.Contains(found, "new_geo") {
		t.Errorf("detectors: %q", found)
	}
	if n := p.ask(t, "SELECT count() FROM events WHERE token = unhex($1)", stolen); n[0] != fmt.Sprint(len(history)+requests) {
		t.Errorf("%s events of the token", n)
	}
}

// burst sends requests from abroad, a few at a time.
func burst(t *testing.T, g gateway, requests int, key string) {
	t.Helper()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range requests / 8 {
				if err := g.call("X-API-Key", key, abroad, "curl/8.7.1"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	callers.Wait()
}
