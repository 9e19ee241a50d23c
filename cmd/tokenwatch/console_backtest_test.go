package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
	boards "github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// storeOnly is a ClickHouse with empty tables, and nothing else of the program.
func storeOnly(t *testing.T) *clickhouse.DB {
	t.Helper()
	needEngines(t)
	config := local.DefaultClickHouseConfig()
	config.Dir, config.TCPPort, config.HTTPPort = t.TempDir(), 0, 0
	server, err := local.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	c := clickhouse.DefaultConfig()
	c.DSN = clickhouse.DSN(server.DSN())
	db, err := clickhouse.Open(t.Context(), c)
	if err == nil {
		err = db.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// officeLife is three weeks of 40 tokens in Berlin by day; on the last day one is used from Lagos by another program.
func officeLife(now time.Time) (list []schema.Event, stolen schema.TokenID, theft time.Time) {
	add := func(n int, at time.Time, away bool) {
		e := schema.Event{
			Time: at, Ingested: now, Token: schema.TokenID{byte(6 * n), 1, byte(n)}, TokenHint: fmt.Sprintf("hf_…%04d", n), Consumer: "acme", Environment: "prod", Source: "nginx",
			IP: netip.MustParseAddr("81.2.69.142"), Method: "GET", Route: "/v1/models", Path: "/v1/models", Status: 200, BytesOut: 2048, UserAgent: "acme-sdk/2.1", Client: "acme-sdk/2", Topic: "t",
			Place: schema.Place{Country: "DE", Region: "Berlin", City: "Berlin", Lat: 52.52, Lon: 13.4, AccuracyKM: 20, ASN: 3320, ASOrg: "Telekom", Network: schema.NetworkResidential},
		}
		if away {
			e.IP, e.UserAgent, e.Client = netip.MustParseAddr("203.0.113.9"), "curl/8.5.0", "curl/8"
			e.Place = schema.Place{Country: "NG", Region: "Lagos", City: "Lagos", Lat: 6.5, Lon: 3.4, AccuracyKM: 50, ASN: 29465, ASOrg: "MTN", Network: schema.NetworkMobile}
		}
		list = append(list, e)
	}
	theft = now.Add(-3 * time.Hour)
	for n := range 40 {
		for day := 21; day > 0; day-- {
			for i := range 12 {
				add(n, now.Truncate(24*time.Hour).AddDate(0, 0, -day).Add(8*time.Hour+time.Duration(i*43+n)*time.Minute), false)
			}
		}
	}
	for i := range 100 {
		add(5, theft.Add(time.Duration(i)*30*time.Second), true)
	}
	slices.SortStableFunc(list, func(a, b schema.Event) int { return a.Time.Compare(b.Time) })
	for i := range list {
		list[i].Offset, list[i].Time = int64(i), list[i].Time.Truncate(time.Millisecond)
	}
	return list, schema.TokenID{30, 1, 5}, theft
}

// play runs a backtest to its end.
func (b *workbench) playOut(t *testing.T, order boards.BacktestOrder) boards.BacktestRun {
	t.Helper()
	id, err := b.Start("ann", order)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the backtest ends", func() bool { return b.Runs()[0].State != boards.BacktestRunning })
	if run := b.Runs()[0]; run.ID != id || run.Ended.Before(run.Started) {
		t.Errorf("%+v", run)
	}
	return b.Runs()[0]
}

// Stored history is played with two configurations: what people confirmed is found with the one, and missed with the
// other, which the page says, and how to configure it.
func TestConsoleBacktest(t *testing.T) {
	t.Parallel()
	db := storeOnly(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	events, stolen, theft := officeLife(now)
	if err := db.InsertBlock(t.Context(), &schema.Block{Topic: "t", First: 0, Last: int64(len(events) - 1), Ingested: now, Events: events}); err != nil {
		t.Fatal(err)
	}
	verdict := schema.Verdict{ID: "v", Incident: "inc-1", Token: stolen, Kind: schema.VerdictTheft, At: now, Since: theft.Add(-time.Minute), To: theft.Add(time.Hour)}
	if err := db.InsertVerdicts(t.Context(), []schema.Verdict{verdict}); err != nil {
		t.Fatal(err)
	}
	b := newWorkbench(DefaultConfig(), db)
	defer b.stop()
	order := b.Offer().Current
	order.Days, order.AlertNats = 7, 40
	run := b.playOut(t, order)
	r := run.Result
	if run.State != boards.BacktestDone || r.Events != uint64(len(events)) || r.Share != 1 || r.Tokens != 40 || r.Now.Alerts != 1 || r.Then.Alerts != 0 || r.Now.PerWeek < 0.9 || r.Now.PerWeek > 1.1 || r.Config != "detect:\n  alert_nats: 40" {
		t.Fatalf("%+v\n%+v", run, r)
	}
	if len(r.Labels) != 1 || !r.Labels[0].Now || r.Labels[0].Then || r.Labels[0].Hint != "hf_…0005" || len(r.Examples) != 1 || r.Examples[0].Token != stolen || !r.Examples[0].Now || r.Examples[0].Then ||
		!slices.ContainsFunc(r.Detectors, func(d boards.BacktestDetector) bool { return d.Name == "new_geo" && d.Now == 1 && d.Then == 0 }) {
		t.Errorf("%+v %+v %+v", r.Labels, r.Examples, r.Detectors)
	}

	b.most = uint64(len(events) / 3) // which leaves the stolen token out, but for the verdict
	order = b.Offer().Current
	run = b.playOut(t, order)
	if r = run.Result; run.State != boards.BacktestDone || r.Config != "" || r.Share >= 0.5 || r.Events > b.most || r.Stored != uint64(len(events)) || len(r.Labels) != 1 || !r.Labels[0].Now || !r.Labels[0].Then || r.Now != r.Then {
		t.Errorf("%+v\n%+v", run, r)
	}
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], "half of it was learnt from") {
		t.Errorf("of 21 days, 14 cannot be judged after learning: %q", r.Notes)
	}
}

func TestConsoleBacktestOneAtATime(t *testing.T) {
	t.Parallel()
	db := storeOnly(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	events, _, _ := officeLife(now)
	if err := db.InsertBlock(t.Context(), &schema.Block{Topic: "t", First: 0, Last: int64(len(events) - 1), Ingested: now, Events: events}); err != nil {
		t.Fatal(err)
	}
	b := newWorkbench(DefaultConfig(), db)
	order := b.Offer().Current
	id, err := b.Start("ann", order)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Start("bob", order); !errors.Is(err, console.ErrBacktest) || !strings.Contains(err.Error(), "one runs at a time") {
		t.Errorf("a second one: %v", err)
	}
	if b.Cancel("another") || !b.Cancel(id) {
		t.Error("the wrong one was cancelled")
	}
	eventually(t, time.Minute, "it is cancelled", func() bool { return b.Runs()[0].State == boards.BacktestCancelled })
	if b.Cancel(id) {
		t.Error("cancelled twice")
	}
	for range keptRuns + 2 {
		id, err := b.Start("ann", order)
		if err != nil {
			t.Fatal(err)
		}
		b.Cancel(id)
		eventually(t, time.Minute, "it ends", func() bool { return b.Runs()[0].State != boards.BacktestRunning })
	}
	if n := len(b.Runs()); n != keptRuns {
		t.Errorf("%d runs are kept", n)
	}
	if _, err := b.Start("ann", order); err != nil {
		t.Fatal(err)
	}
	b.stop()
	if b.Runs()[0].State == boards.BacktestRunning {
		t.Error("it runs on when the program has stopped")
	}
	if _, err := b.Start("ann", order); !errors.Is(err, console.ErrBacktest) {
		t.Errorf("begun while stopping: %v", err)
	}
}

// What cannot stand in the configuration is refused in the words in which the configuration refuses it.
func TestConsoleBacktestRefuses(t *testing.T) {
	t.Parallel()
	b := newWorkbench(DefaultConfig(), nil)
	for want, change := range map[string]func(*boards.BacktestOrder){
		"detect.budget":                        func(o *boards.BacktestOrder) { o.Budget = 0 },
		"detect.alert_nats":                    func(o *boards.BacktestOrder) { o.AlertNats = 51 },
		"detect.half_life":                     func(o *boards.BacktestOrder) { o.HalfLife = -time.Hour },
		`detect.simulate: "nothing" is no`:     func(o *boards.BacktestOrder) { o.Trial = []string{"nothing"} },
		"detect.thresholds.tried.factor":       func(o *boards.BacktestOrder) { o.Rule = boards.BacktestRule{Owner: "a*", Factor: 100} },
		"detect.thresholds: a pattern is text": func(o *boards.BacktestOrder) { o.Rule = boards.BacktestRule{Owner: "a\nb", Factor: 1} },
	} {
		want = strings.Replace(want, "pattern is text", "pattern is printable text", 1)
		order := b.Offer().Current
		change(&order)
		if _, err := b.Start("ann", order); !errors.Is(err, console.ErrBacktest) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, have %v", want, err)
		}
	}
	if len(b.Runs()) > 0 {
		t.Errorf("%+v", b.Runs())
	}
}

// The lines that a page shows are the configuration that was tried.
func TestConsoleBacktestConfiguration(t *testing.T) {
	t.Parallel()
	from := DefaultConfig()
	from.Detect.Thresholds = map[string]detect.Threshold{"tried": {Consumer: "x", Factor: 2}}
	order := newWorkbench(from, nil).Offer().Current
	order.Budget, order.AlertNats, order.HalfLife, order.Probation = 0.5, 7.25, 90*time.Minute, 0
	order.Trial, order.MinSeverity = []string{"new_client", "new_geo"}, schema.SeverityHigh
	order.Rule = boards.BacktestRule{Owner: `ac"me-*: #{`, Environment: "dev", Factor: 0.5}
	to, err := reordered(from, order)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "tokenwatch.yaml")
	text := changedKeys(from, to)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	have := DefaultConfig()
	if err := load(file, nil, &have); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	d := have.Detect
	if d.Budget != 0.5 || d.AlertNats != 7.25 || d.HalfLife != 90*time.Minute || d.Probation != 0 || !slices.Equal(d.Simulate, order.Trial) || have.Alert.MinSeverity != schema.SeverityHigh ||
		len(d.Thresholds) != 1 || d.Thresholds["tried-2"] != (detect.Threshold{Consumer: order.Rule.Owner, Environment: "dev", Factor: 0.5}) {
		t.Errorf("%+v of\n%s", d, text)
	}
}

func TestAlertCount(t *testing.T) {
	t.Parallel()
	cfg := alert.DefaultConfig()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	f := func(token byte, later time.Duration, s schema.Severity, change ...func(*schema.Finding)) schema.Finding {
		f := schema.Finding{Token: schema.TokenID{token}, Time: at.Add(later), Severity: s, Score: 1 + float64(s), Evidence: []schema.Evidence{{Detector: "new_geo"}}}
		for _, c := range change {
			c(&f)
		}
		return f
	}
	for name, c := range map[string]struct {
		findings []schema.Finding
		want     int
	}{
		"below the least severity":       {[]schema.Finding{f(1, 0, schema.SeverityLow)}, 0},
		"on trial":                       {[]schema.Finding{f(1, 0, schema.SeverityHigh, func(f *schema.Finding) { f.Simulated = true })}, 0},
		"one incident":                   {[]schema.Finding{f(1, 0, schema.SeverityHigh), f(1, 20*time.Hour, schema.SeverityLow), f(1, 40*time.Hour, schema.SeverityCritical)}, 1},
		"two tokens":                     {[]schema.Finding{f(1, 0, schema.SeverityHigh), f(2, 0, schema.SeverityHigh)}, 2},
		"again after quiet":              {[]schema.Finding{f(1, 0, schema.SeverityHigh), f(1, 24*time.Hour, schema.SeverityHigh)}, 2},
		"a campaign over several tokens": {[]schema.Finding{f(1, 0, schema.SeverityHigh, group), f(2, time.Hour, schema.SeverityHigh, group)}, 1},
		"weak ones do not make an alert": {[]schema.Finding{f(1, 0, schema.SeverityLow), f(1, time.Hour, schema.SeverityLow)}, 0},
		"a weak one before a severe one": {[]schema.Finding{f(1, 0, schema.SeverityLow), f(1, time.Hour, schema.SeverityHigh)}, 1},
	} {
		a := newAlertCount(cfg)
		for i := range c.findings {
			a.add(&c.findings[i], true)
		}
		total := 0
		for _, n := range a.severities {
			total += n
		}
		if a.n != c.want || total != c.want || len(a.kept) != c.want {
			t.Errorf("%s: %d alerts, %v by severity, want %d", name, a.n, a.severities, c.want)
		}
	}
	a := newAlertCount(cfg)
	outside := f(1, 0, schema.SeverityHigh)
	if !a.add(&outside, false) || a.n != 0 || len(a.detectors) > 0 {
		t.Errorf("a token outside of the sample counts: %+v", a)
	}
}

func group(f *schema.Finding) { f.Group = "campaign-1" }

// Half of the examples are kept for what differs, however weak it is.
func TestExamples(t *testing.T) {
	t.Parallel()
	cfg := alert.DefaultConfig()
	now, then := newAlertCount(cfg), newAlertCount(cfg)
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range 60 {
		f := schema.Finding{Token: schema.TokenID{byte(i)}, Time: at, Severity: schema.SeverityHigh, Score: float64(100 - i)}
		now.add(&f, true)
		if i < 45 {
			then.add(&f, true)
		}
	}
	extra := schema.Finding{Token: schema.TokenID{200}, Time: at, Severity: schema.SeverityHigh, Score: 1}
	then.add(&extra, true)
	list := examples(now, then)
	differ := 0
	for i, e := range list {
		if e.Now != e.Then {
			differ++
		}
		if i > 0 && e.Score > list[i-1].Score {
			t.Errorf("%g comes behind %g", e.Score, list[i-1].Score)
		}
	}
	if len(list) != mostExamples || differ != mostExamples/2 || list[0].Score != 100 || !list[0].Now || !list[0].Then {
		t.Errorf("%d examples, %d differ: %+v", len(list), differ, list)
	}
	if list := examples(newAlertCount(cfg), then); len(list) != mostExamples || list[0].Now || !list[0].Then {
		t.Errorf("of one side: %+v", list[0])
	}
}

// A stored profile is told as the page shows it, and allow-list entries of the configuration with it.
func TestConsoleExplains(t *testing.T) {
	t.Parallel()
	db := storeOnly(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	events, stolen, _ := officeLife(now)
	cfg := DefaultConfig()
	cfg.Detect.Simulate = []string{"probing"}
	engine := newEngine(cfg)
	for i := range events {
		e := events[i]
		e.Ingested = e.Time
		engine.Process(&e)
	}
	if err := db.SaveProfiles(t.Context(), engine.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if err := db.SaveProfiles(t.Context(), []schema.Profile{{Topic: "gone", Token: stolen, Updated: now, Status: schema.ProfileDropped}, {Topic: "odd", Token: stolen, Updated: now, Status: schema.ProfileActive, State: []byte{1}}}); err != nil {
		t.Fatal(err)
	}
	cfg.Detect.Allow = map[string]detect.AllowEntry{
		"a": {Token: stolen.String(), Owner: "ann", Reason: "trip"}, "b": {Label: "consumer=acme", Owner: "ann", Reason: "trip"}, "c": {Country: "DE", Owner: "ann", Reason: "trip"},
	}
	e := explainer{cfg.Detect, db}
	list, err := e.Explain(t.Context(), boards.Token{ID: stolen})
	if err != nil || len(list) != 3 || list[0].Gone != "" || list[1].Gone == "" || list[2].Gone == "" {
		t.Fatalf("%+v %v", list, err)
	}
	p := list[0]
	if p.State != schema.ProfileActive || p.Days < 21 || len(p.Places) == 0 || p.Places[0].Name != "Berlin, DE" || len(p.Rates) != 4 || p.Score <= 0 || len(p.Detectors) < len(detect.Detectors()) ||
		p.Detectors[0].Weight <= 0 || p.Detectors[0].Seen == "" || !slices.ContainsFunc(p.Detectors, func(d boards.TokenDetector) bool { return d.Name == "probing" && d.Trial }) {
		t.Errorf("%+v", p)
	}
	if allowed := e.Allowed(); len(allowed) != 2 || allowed[0].Value != stolen.String() || allowed[1].Kind != "label" || !allowed[1].Configured {
		t.Errorf("%+v", allowed)
	}
	if list, err := e.Explain(t.Context(), boards.Token{ID: schema.TokenID{0xff}}); err != nil || list != nil {
		t.Errorf("%+v %v", list, err)
	}
}
