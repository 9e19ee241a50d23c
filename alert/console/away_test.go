package console_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/deploy/local/testdb"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// ClickHouse hangs, and then it is gone: pages say so within five seconds, and people can sign in to read that.
func TestClickHouseIsAway(t *testing.T) {
	t.Parallel()     // it waits for questions that nobody answers
	engine.Engine(t) // skips where there is none
	server, err := testdb.Start(t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(t.Context()) })
	process, err := os.FindProcess(server.PID())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Signal(syscall.SIGCONT) })
	cfg := clickhouse.DefaultConfig()
	cfg.DSN = clickhouse.DSN(server.DSN())
	db, err := clickhouse.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, withUsers, func(_ *console.Config, p *console.Parts) { p.Store, p.Desk = db, &alert.Clerk{Registry: db} })
	done := r.acting("/act", signin.Responder)
	r.console.Route("GET /asked", signin.Viewer, func(_ http.ResponseWriter, request *http.Request) error {
		_, _, err := db.Query(request.Context(), "SELECT count() FROM events") // the other client library
		return err
	})
	r.console.Route("POST /ask", signin.Viewer, func(_ http.ResponseWriter, request *http.Request) error {
		_, _, err := db.Query(request.Context(), "SELECT count() FROM events")
		return err
	})
	if status, _ := r.get("/audit"); status != http.StatusOK {
		t.Fatalf("before: %d", status)
	}
	r.get("/asked")
	for _, fault := range []struct {
		name   string
		signal os.Signal
	}{{"hangs", syscall.SIGSTOP}, {"is gone", syscall.SIGKILL}} {
		if err := process.Signal(fault.signal); err != nil {
			t.Fatal(err)
		}
		r.away(t, fault.name)
		if *done > 0 {
			t.Errorf("%s: an act was made that is not written down", fault.name)
		}
	}
}

func (r *rig) away(t *testing.T, what string) {
	t.Helper()
	for _, path := range []string{"/audit", "/asked", "/audit", "/asked"} { // on a connection that was open, and on one that is not
		began := time.Now()
		status, page := r.get(path)
		if took := time.Since(began); status != http.StatusServiceUnavailable || took > 5*time.Second || !strings.Contains(page, "ClickHouse") || !strings.Contains(page, "Incidents</a>") {
			t.Errorf("%s: %s: %d after %s\n%s", what, path, status, took, page)
		}
	}
	began := time.Now()
	client := stranger(t)
	r.send(client, "POST", "/sign-in", url.Values{"name": {"rea"}, "password": {"of rea"}}.Encode())
	answer, _ := r.send(client, "GET", "/nowhere", "")
	if took := time.Since(began); answer.StatusCode != http.StatusNotFound || took > 5*time.Second {
		t.Errorf("%s: signing in: %d after %s", what, answer.StatusCode, took)
	}
	began = time.Now()
	status, page := r.post("/ask", url.Values{})
	if took := time.Since(began); status != http.StatusServiceUnavailable || took > 5*time.Second || !strings.Contains(page, "whether this was done is not known") && !strings.Contains(page, "could not be read") {
		t.Errorf("%s: an act that asks first: %d after %s\n%s", what, status, took, page)
	}
	began = time.Now()
	status, page = r.post("/act", url.Values{})
	if took := time.Since(began); status != http.StatusServiceUnavailable || took > 5*time.Second || !strings.Contains(page, "Nothing was done") {
		t.Errorf("%s: an act: %d after %s\n%s", what, status, took, page)
	}
}
