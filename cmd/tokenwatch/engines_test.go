package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// broker starts a Kafka that the program does not know as its own.
func broker(t *testing.T, dir string, port int) *local.Kafka {
	t.Helper()
	k, err := local.StartKafka(local.KafkaConfig{Dir: dir, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() }) // the test may have closed it
	return k
}

// A configured broker that is away at the start is waited for, and /readyz says so; away
// later, the program waits again, and goes on where it was.
func TestKafkaAway(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	port := freePorts(t, 1)[0]
	address := fmt.Sprintf("127.0.0.1:%d", port)
	store := t.TempDir()
	first := broker(t, store, port)
	if err := first.CreateTopic(t.Context(), "gateway.access", 1); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	c := p.run(t, "TOKENWATCH_KAFKA_BROKERS="+address)
	eventually(t, 20*time.Second, "/readyz waits for kafka", func() bool {
		status, reasons := waiting(t, p.url())
		return status == http.StatusServiceUnavailable && strings.Contains(reasons["kafka"], address)
	})
	if status, _ := get(t, p.url()+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d while Kafka is away", status)
	}
	if n := strings.Count(c.log.String(), "kafka is away; trying until it is back"); n != 1 {
		t.Errorf("the log says %d times that Kafka is away", n)
	}
	ready := func(what string) {
		t.Helper()
		eventually(t, 40*time.Second, what, func() bool { status, _ := waiting(t, p.url()); return status == http.StatusOK })
	}
	second := broker(t, store, port)
	ready("ready when the broker is there")
	cfg := kafka.DefaultConfig()
	cfg.Brokers = []string{address}
	produce(t, cfg, ownRecord(time.Now(), "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7"))
	stored := func(n float64) func() bool {
		return func() bool {
			_, page := get(t, p.url()+"/metrics")
			return metric(page, "tokenwatch_rows_total", `table="events"`) == n
		}
	}
	eventually(t, 20*time.Second, "a row", stored(1))

	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "/readyz waits for the consumer", func() bool {
		status, reasons := waiting(t, p.url())
		return status == http.StatusServiceUnavailable && reasons["consumer"] != ""
	})
	broker(t, store, port)
	ready("ready when the broker is back")
	produce(t, cfg, ownRecord(time.Now(), "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7"))
	eventually(t, 20*time.Second, "another row", stored(2))
	if code, took := c.terminate(t); code != 0 || took > 10*time.Second {
		t.Errorf("SIGTERM: exit code %d after %s", code, took)
	}
}

// SIGTERM ends the wait for engines that never come, too.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	nobody := freePorts(t, 1)[0]
	c := p.run(t, fmt.Sprintf("TOKENWATCH_CLICKHOUSE_DSN=clickhouse://tokenwatch:sekret99@127.0.0.1:%d/tokenwatch", nobody))
	eventually(t, 20*time.Second, "/readyz waits for clickhouse", func() bool {
		status, reasons := waiting(t, p.url())
		return status == http.StatusServiceUnavailable && strings.Contains(reasons["clickhouse"], fmt.Sprint(nobody))
	})
	_, page := get(t, p.url()+"/readyz")
	if code, took := c.terminate(t); code != 0 || took > 5*time.Second {
		t.Errorf("exit code %d after %s", code, took)
	}
	if strings.Contains(c.log.String()+page, "sekret99") {
		t.Error("the password is shown")
	}
}

// A topic that is not there and a password that is wrong do not mend themselves: the
// program says which key to change, and ends.
func TestWrongTopicAndPassword(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	k := broker(t, t.TempDir(), 0)
	if err := k.CreateTopic(t.Context(), "gateway.access", 1); err != nil {
		t.Fatal(err)
	}
	c := p.run(t, "TOKENWATCH_KAFKA_BROKERS="+k.Brokers()[0], "TOKENWATCH_KAFKA_TOPIC=gateway.acess")
	if code := c.code(t, 30*time.Second); code != 1 {
		t.Errorf("wrong topic: exit code %d", code)
	}
	if said := tail(c.log.String(), 1); !strings.HasPrefix(said, "tokenwatch: kafka.topic: ") || !strings.Contains(said, "gateway.acess") {
		t.Errorf("wrong topic: it says %s", said)
	}

	config := local.DefaultClickHouseConfig()
	config.Dir, config.TCPPort, config.HTTPPort = t.TempDir(), 0, 0
	server, err := local.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop(context.Background()) }()
	dsn, err := url.Parse(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	dsn.User = url.UserPassword(dsn.User.Username(), "sekret99")
	c = p.run(t, "TOKENWATCH_CLICKHOUSE_DSN="+dsn.String())
	if code := c.code(t, 30*time.Second); code != 1 {
		t.Errorf("wrong password: exit code %d", code)
	}
	if said := c.log.String(); !strings.Contains(said, "tokenwatch: clickhouse.dsn: ") || !strings.Contains(said, "wrong name or password") {
		t.Errorf("wrong password: it says %s", tail(said, 3))
	}
	if strings.Contains(c.log.String(), "sekret99") {
		t.Error("the password is shown")
	}
}

// With brokers and a DSN of its own the program starts nothing, and does the same work.
func TestConfiguredEngines(t *testing.T) {
	t.Parallel()
	needEngines(t)
	config := local.DefaultClickHouseConfig()
	config.Dir, config.TCPPort, config.HTTPPort = t.TempDir(), 0, 0
	server, err := local.StartClickHouse(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	k := broker(t, t.TempDir(), 0)
	if err := k.CreateTopic(t.Context(), "other.topic", 2); err != nil {
		t.Fatal(err)
	}
	cfg := quick(t.TempDir())
	cfg.ClickHouse.DSN = dsnOf(t, server, "elsewhere")
	cfg.Kafka.Brokers, cfg.Kafka.Topic = k.Brokers(), "other.topic"
	p := start(t, cfg)
	if p.engines.child != nil || p.engines.broker != nil {
		t.Error("an embedded engine was started")
	}
	p.produce(t, ownRecord(time.Now(), "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7"))
	p.settled(t, 1)
	if have := p.ask(t, "SELECT topic, count() FROM elsewhere.events GROUP BY topic"); !slices.Equal(have, []string{"other.topic 1"}) {
		t.Errorf("have %q", have)
	}
}

// dsnOf is the address of a database of its own on an embedded server.
func dsnOf(t *testing.T, server *local.ClickHouse, database string) clickhouse.DSN {
	t.Helper()
	u, err := url.Parse(server.DSN())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + database
	return clickhouse.DSN(u.String())
}
