package sql_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/sql"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// engine is the embedded ClickHouse that the tests share, with the world of world_test.go in it.
var engine struct {
	once   sync.Once
	dir    string
	server *local.ClickHouse
	db     *clickhouse.DB
	err    error
}

func TestMain(m *testing.M) {
	local.ChildMain()
	code := m.Run()
	if engine.db != nil {
		_ = engine.db.Close()
	}
	if engine.server != nil {
		_ = engine.server.Stop(context.Background())
	}
	_ = os.RemoveAll(engine.dir)
	os.Exit(code)
}

func startEngine() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	if engine.dir, err = os.MkdirTemp("", "tokenwatch-sql-"); err != nil {
		return err
	}
	c := local.DefaultClickHouseConfig()
	c.Dir, c.TCPPort, c.HTTPPort = engine.dir, 0, 0
	if engine.server, err = local.StartClickHouse(ctx, c); err != nil {
		return err
	}
	if engine.db, err = open(ctx, engine.server.DSN()); err != nil {
		return err
	}
	if err := engine.db.Migrate(ctx); err != nil {
		return err
	}
	return newWorld().store(ctx, engine.db)
}

func open(ctx context.Context, dsn string) (*clickhouse.DB, error) {
	c := clickhouse.DefaultConfig()
	c.DSN = clickhouse.DSN(dsn)
	return clickhouse.Open(ctx, c)
}

// analyst asks as an analyst would: with the account that can only read.
func analyst(t *testing.T) store {
	t.Helper()
	if engine.once.Do(func() { engine.err = startEngine() }); engine.server == nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: %v\n", t.Name(), engine.err)
		t.Skipf("NOT TESTED, no ClickHouse: %v", engine.err)
	}
	if engine.err != nil {
		t.Fatal(engine.err)
	}
	db, err := open(t.Context(), engine.server.AnalystDSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	asker, err := db.Reader(t.Context(), clickhouse.AnalystLimits())
	if err != nil {
		t.Fatal(err)
	}
	return store{asker}
}

type store struct{ *clickhouse.Asker }

func (s store) Ask(ctx context.Context, q sql.Question, head func(names, types []string) error, row func(cells []*string) error) error {
	return s.Asker.Ask(ctx, clickhouse.Question(q), head, row)
}

// answer is what is asked for, a map a row.
func (s store) answer(t *testing.T, q sql.Question) (rows []map[string]string) {
	t.Helper()
	var columns []string
	err := s.Ask(t.Context(), q, func(names, _ []string) error {
		columns = names
		return nil
	}, func(cells []*string) error {
		row := map[string]string{}
		for i, cell := range cells {
			if row[columns[i]] = "NULL"; cell != nil {
				row[columns[i]] = *cell
			}
		}
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// world is a fleet in which it is known what every hunting query finds.
type world struct {
	now       time.Time
	events    []schema.Event
	refused   []schema.DeadLetter
	findings  []schema.Finding
	incidents []schema.Incident
}

var (
	berlin = schema.Place{Country: "DE", Region: "Berlin", City: "Berlin", Lat: 52.52, Lon: 13.405, AccuracyKM: 20, ASN: 3320, ASOrg: "Deutsche Telekom AG", Network: schema.NetworkResidential}
	saoP   = schema.Place{Country: "BR", Region: "São Paulo", City: "São Paulo", Lat: -23.55, Lon: -46.63, AccuracyKM: 50, ASN: 28573, ASOrg: "Claro NXT", Network: schema.NetworkMobile}
	rented = schema.Place{Country: "US", Region: "New Jersey", City: "Clifton", Lat: 40.85, Lon: -74.16, AccuracyKM: 20, ASN: 14061, ASOrg: "DigitalOcean", Network: schema.NetworkHosting}
	tor    = schema.Place{Country: "NL", City: "Amsterdam", Lat: 52.37, Lon: 4.9, AccuracyKM: 20, ASN: 60404, ASOrg: "Liteserver", Network: schema.NetworkTor}
)

// token is the fingerprint of somebody in the story.
func token(who byte) schema.TokenID { return schema.TokenID{0: who, 15: who} }

// at makes requests of a token: n of them, a step apart, ending so long ago.
func (w *world) at(who byte, ago time.Duration, n int, step time.Duration, change func(i int, e *schema.Event)) {
	for i := range n {
		e := schema.Event{
			Time: w.now.Add(-ago - time.Duration(n-1-i)*step), Token: token(who), KeyID: 1, TokenHint: fmt.Sprintf("hf_…%04d", who), Consumer: fmt.Sprintf("team-%d", who), Environment: "prod",
			Source: "kong", Topic: "gateway.access", IP: netip.AddrFrom4([4]byte{203, 0, 113, who}), IPFrom: schema.IPFromForwarded, Place: berlin, Method: "GET",
			Route: "/v1/models/{id}", Path: "/v1/models/1", Status: 200, BytesOut: 1000, Latency: time.Millisecond, UserAgent: "curl/8.1", Client: "curl/8",
		}
		if change != nil {
			change(i, &e)
		}
		e.Ingested, e.Offset = e.Time, int64(len(w.events))
		w.events = append(w.events, e)
	}
}

// usual is a month of an owner's requests: three a day, at the same three hours, until yesterday.
func (w *world) usual(who byte) {
	for day := 2; day <= 30; day++ {
		w.at(who, time.Duration(day)*24*time.Hour, 3, time.Hour, nil)
	}
}

// store inserts the events as blocks, one an hour and topic.
func (w *world) store(ctx context.Context, db *clickhouse.DB) error {
	type key struct {
		topic string
		hour  time.Time
	}
	blocks := map[key]*schema.Block{}
	for _, e := range w.events {
		k := key{e.Topic, e.Time.Truncate(time.Hour)}
		if blocks[k] == nil {
			blocks[k] = &schema.Block{Topic: e.Topic, First: e.Offset, Ingested: e.Ingested}
		}
		b := blocks[k]
		e.Ingested = b.Ingested
		b.First, b.Last = min(b.First, e.Offset), max(b.Last, e.Offset)
		b.Events = append(b.Events, e)
	}
	for _, b := range blocks {
		for _, d := range w.refused {
			if d.Topic == b.Topic && d.Ingested.Truncate(time.Hour).Equal(b.Ingested.Truncate(time.Hour)) {
				d.Ingested = b.Ingested
				b.DeadLetters = append(b.DeadLetters, d)
			}
		}
		if err := db.InsertBlock(ctx, b); err != nil {
			return err
		}
	}
	if err := db.InsertFindings(ctx, "world", w.findings); err != nil {
		return err
	}
	return db.SaveIncidents(ctx, w.incidents)
}
