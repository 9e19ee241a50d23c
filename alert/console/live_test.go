package console_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// event is a server-sent event as a browser sees it.
type event struct {
	Name, ID string
	Words    struct {
		Open uint64
		Rows []struct {
			ID, State, Severity, Summary, Said string
			Revision                           uint64
			New                                bool
		}
	}
}

// onlooker reads a live stream.
type onlooker struct {
	t      testing.TB
	events chan event // closed at its end; comments come as an event without a name
	close  func()
}

// look opens a stream.
func look(t testing.TB, client *http.Client, url string, headers ...string) *onlooker {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %s, type %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	o := &onlooker{t: t, events: make(chan event, 200), close: cancel}
	go func() {
		defer close(o.events)
		defer answer.Body.Close()
		o.read(bufio.NewReaderSize(answer.Body, 1<<20))
	}()
	return o
}

func (o *onlooker) read(from *bufio.Reader) {
	var e event
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "":
			o.events <- e
			e = event{}
		case field == "event":
			e.Name = value
		case field == "id":
			e.ID = value
		case field == "data":
			if err := json.Unmarshal([]byte(value), &e.Words); err != nil {
				o.t.Errorf("%s: %v", value, err)
			}
		}
	}
}

// until reads on to an event that matches.
func (o *onlooker) until(what string, match func(event) bool) event {
	o.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case e, open := <-o.events:
			if !open {
				o.t.Fatalf("the stream ended before %s", what)
			}
			if match(e) {
				return e
			}
		case <-limit:
			o.t.Fatalf("no %s", what)
		}
	}
}

func (o *onlooker) ended() {
	o.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case _, open := <-o.events:
			if !open {
				return
			}
		case <-limit:
			o.t.Fatal("the stream does not end")
		}
	}
}

func named(name string) func(event) bool { return func(e event) bool { return e.Name == name } }

// about gives the row of an incident in an event.
func about(e event, id string) (state, severity string, isNew, found bool) {
	for _, row := range e.Words.Rows {
		if row.ID == id {
			return row.State, row.Severity, row.New, true
		}
	}
	return "", "", false, false
}

// Somebody who looks hears of what is new and of what changed, over the real store.
func TestLive(t *testing.T) {
	r := newRig(t)
	first := incidentOf(1, schema.IncidentOpen, schema.SeverityHigh, 5)
	save(t, r.db, first)
	o := look(t, r.client, r.server.URL+"/live")
	if e := o.until("the number of open ones", named("open")); e.Words.Open != 1 {
		t.Errorf("%d are open", e.Words.Open)
	}
	save(t, r.db, incidentOf(2, schema.IncidentOpen, schema.SeverityCritical, 1))
	var e event
	o.until("the new incident", func(have event) bool {
		e = have
		_, _, isNew, found := about(e, "inc-0000000000000002")
		return found && isNew
	})
	if e.Words.Open != 2 || e.ID == "" {
		t.Errorf("%+v", e)
	}
	first.State, first.Revision, first.Severity = schema.IncidentAcknowledged, 2, schema.SeverityCritical
	save(t, r.db, first)
	o.until("the changed incident", func(e event) bool {
		state, severity, isNew, found := about(e, first.ID)
		return found && state == "acknowledged" && severity == "critical" && !isNew && e.Words.Open == 1
	})
	late := look(t, r.client, r.server.URL+"/live", "Last-Event-ID", e.ID)
	late.until("what was missed", func(e event) bool {
		_, _, _, found := about(e, first.ID)
		return found
	})
	late.close()
	old := look(t, r.client, r.server.URL+"/live?since=1000")
	old.until("word that too much was missed", named("many"))
	old.close()
	o.close()
	o.ended()
}

// Nobody sees the stream who is not signed in, and it ends with the session.
func TestLiveNeedsASession(t *testing.T) {
	t.Parallel() // it waits for a session's end
	r := newRig(t, func(c *console.Config, _ *console.Parts) { c.SessionTTL = 8 * time.Second })
	answer, err := http.Get(r.server.URL + "/live")
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := read(t, answer); status != http.StatusUnauthorized {
		t.Errorf("status %d for somebody unknown", status)
	}
	o := look(t, r.client, r.server.URL+"/live")
	o.until("word of the end", named("end"))
	o.ended()
}

// flood stands in for a store that can be slow, away, or full of changes.
type flood struct {
	mu      sync.Mutex
	changes board.IncidentChanges
	err     error
}

func (f *flood) set(changes board.IncidentChanges, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes, f.err = changes, err
}

func (f *flood) IncidentChanges(_ context.Context, since time.Time, _ int) (board.IncidentChanges, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.changes
	if c.Upto.IsZero() {
		c.Upto = since
	}
	return c, f.err
}
func (f *flood) LiveIncidents(context.Context, time.Time, int) ([]string, error) { return nil, nil }
func (f *flood) OpenIncidents(context.Context) (uint64, error)                   { return 0, nil }
func (f *flood) Now(context.Context) (time.Time, error)                          { return time.Now(), nil }

// stand is a live stream alone, at a pace of milliseconds, and somebody signed in. Looking is how many streams there are.
func stand(t testing.TB, store console.LiveStore, beat, write time.Duration) (server *httptest.Server, client *http.Client, looking *atomic.Int64) {
	t.Helper()
	cfg := signin.DefaultConfig()
	cfg.Password = password
	door, err := signin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	stream := console.NewLive(store, door, slog.New(slog.DiscardHandler), 5*time.Millisecond, time.Hour, beat, write)
	looking = &atomic.Int64{}
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) {
		looking.Add(1)
		defer looking.Add(-1)
		stream.ServeHTTP(w, r)
	})
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		if _, err := door.Password(w, r, r.PostFormValue("name"), r.PostFormValue("password")); err != nil {
			t.Error(err)
		}
	})
	server = httptest.NewServer(mux)
	t.Cleanup(server.Close)
	client = (&rig{t: t, server: server}).signIn("admin", password, "")
	client.Transport = &http.Transport{MaxIdleConnsPerHost: -1}
	return server, client, looking
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for limit := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// streaming counts the goroutines that are at work for live streams: one for each who looks, and the reader.
func streaming() int {
	var stacks bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2) // a buffer takes everything
	n := 0
	for stack := range strings.SplitSeq(stacks.String(), "\n\n") {
		if strings.Contains(stack, "console.(*live") {
			n++
		}
	}
	return n
}

// A thousand look at the same time and are served by one reader; one more is told to come back, and may when one leaves.
// When all have gone nothing is left behind.
func TestLiveIsBounded(t *testing.T) {
	store := &flood{}
	server, client, looking := stand(t, store, time.Second, time.Minute) // signs of life for a thousand, fifty times a second, would be all that the machine does
	crowd := make([]*onlooker, console.MostLive)
	for i := range crowd {
		crowd[i] = look(t, client, server.URL+"/live")
	}
	if n := streaming(); n != console.MostLive+1 {
		t.Errorf("%d goroutines are at work, want one for each and one reader", n)
	}
	answer, err := client.Get(server.URL + "/live")
	if err != nil {
		t.Fatal(err)
	}
	if status, body := read(t, answer); status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "30" || !strings.Contains(body, "reload") {
		t.Errorf("the one too many: %d, Retry-After %q, %s", status, answer.Header.Get("Retry-After"), body)
	}
	at := time.Now().Add(time.Second)
	store.set(board.IncidentChanges{Upto: at, Open: 7, Lines: []board.IncidentLine{{IncidentKey: board.IncidentKey{ID: "a", State: schema.IncidentOpen}, Revision: 1}}}, nil)
	for _, o := range crowd {
		o.until("the news", func(e event) bool { return e.Name == "rows" && e.Words.Open == 7 })
	}
	crowd[0].close()
	crowd[0].ended()
	eventually(t, "there is room again", func() bool {
		answer, err := client.Get(server.URL + "/live?probe")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	for _, o := range crowd {
		o.close()
	}
	eventually(t, "all have gone", func() bool { return looking.Load() == 0 })
	eventually(t, "no goroutine is left", func() bool { return streaming() == 0 })
	look(t, client, server.URL+"/live").until("the next reader", named("open"))
}

// A storm is told in one line, again and again only as long as it goes on; a store that is away is told of once, and
// so is its return.
func TestLiveInAStorm(t *testing.T) {
	store := &flood{}
	server, client, _ := stand(t, store, 20*time.Millisecond, time.Minute)
	o := look(t, client, server.URL+"/live")
	o.until("the beginning", named("open"))
	at := time.Now().Add(time.Second)
	store.set(board.IncidentChanges{Many: true, Upto: at, Open: 10_000}, nil)
	if e := o.until("the storm", named("many")); e.Words.Open != 10_000 || e.ID != fmt.Sprint(at.UnixMilli()) {
		t.Errorf("%+v", e)
	}
	store.set(board.IncidentChanges{Upto: at}, errors.New("away"))
	o.until("word that the store is away", func(e event) bool {
		if e.Name == "many" {
			t.Error("one storm is told twice")
		}
		return e.Name == "pause"
	})
	look(t, client, server.URL+"/live").until("the same for who comes later", named("pause"))
	store.set(board.IncidentChanges{Upto: at}, nil)
	o.until("word that it is back", func(e event) bool {
		if e.Name == "pause" {
			t.Error("that it is away is told twice")
		}
		return e.Name == "resume"
	})
	o.until("a sign of life", named(""))
}

// Whoever takes nothing is dropped, and the others do not wait.
func TestLiveDropsTheSlow(t *testing.T) {
	store := &flood{}
	server, client, looking := stand(t, store, 20*time.Millisecond, 200*time.Millisecond)
	answer, err := client.Get(server.URL + "/live") // and nothing of it is read
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	o := look(t, client, server.URL+"/live")
	o.until("the beginning", named("open"))
	lines := make([]board.IncidentLine, console.MostChanges)
	revision := uint64(0)
	eventually(t, "the slow one is gone", func() bool {
		revision++
		for i := range lines {
			lines[i] = board.IncidentLine{IncidentKey: board.IncidentKey{ID: fmt.Sprint(i), State: schema.IncidentOpen}, Revision: revision, Summary: strings.Repeat("x", 4000)}
		}
		store.set(board.IncidentChanges{Upto: time.Now().Add(time.Duration(revision) * time.Second), Open: revision, Lines: append([]board.IncidentLine(nil), lines...)}, nil)
		want := revision
		o.until("the news", func(e event) bool { return e.Words.Open == want })
		return looking.Load() == 1
	})
	if n, err := io.Copy(io.Discard, answer.Body); err == nil || n == 0 {
		t.Errorf("the slow one read %d bytes to an orderly end", n)
	}
}

// What outsiders wrote cannot end an event, or become more than text in it.
func TestLiveHostileTexts(t *testing.T) {
	store := &flood{}
	server, client, _ := stand(t, store, 20*time.Millisecond, time.Minute)
	store.set(board.IncidentChanges{Upto: time.Now().Add(time.Second), Lines: []board.IncidentLine{{
		IncidentKey: board.IncidentKey{ID: "a\n\nevent: end\ndata: {}", State: schema.IncidentOpen}, Revision: 1,
		Summary: "\n\nevent: end\ndata: {}\n\n</script>\xff\u2028" + strings.Repeat("y", 1<<20), AnsweredBy: "\r\rid: 1", Answer: schema.VerdictTheft,
	}}}, nil)
	o := look(t, client, server.URL+"/live")
	e := o.until("the news", func(e event) bool {
		if e.Name == "end" {
			t.Error("a text ended the stream")
		}
		return e.Name == "rows"
	})
	if row := e.Words.Rows[0]; len(row.Summary) > 1300 || strings.Contains(row.Summary, "\n") || strings.Contains(row.Summary, "\u2028") || strings.Contains(row.ID, "\n") || strings.Contains(row.Said, "\r") {
		t.Errorf("%+v", row)
	}
}
