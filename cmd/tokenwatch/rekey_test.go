package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

const (
	scatteredTokens     = 50
	scatteredPartitions = 4
)

// scatterer appends the records of some tokens to four partitions in turn, over crashes of the broker.
type scatterer struct {
	log  *kafka.Log
	sent int
}

func newScatterer(t *testing.T, broker string) *scatterer {
	t.Helper()
	cfg := kafka.DefaultConfig()
	cfg.Brokers, cfg.Timeout = []string{broker}, 2*time.Second
	log, err := kafka.NewLog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return &scatterer{log: log}
}

func (s *scatterer) send(t *testing.T, records []string) {
	t.Helper()
	var parts [scatteredPartitions][]kafka.Entry
	for _, r := range records {
		parts[s.sent%scatteredPartitions] = append(parts[s.sent%scatteredPartitions], kafka.Entry{Value: []byte(r)})
		s.sent++
	}
	for partition, entries := range parts {
		eventually(t, time.Minute, "the broker takes records", func() bool {
			_, err := s.log.Append(t.Context(), "gateway.access", int32(partition), entries)
			return err == nil
		})
	}
	s.sent++ // so that a token does not keep to a partition
}

// day is a request of every token each half an hour. Each hour waits for the one before, as it would in life: the
// partitions are read at a time, and in catching up not at the same pace.
func (s *scatterer) day(t *testing.T, p place, from, until time.Time) {
	t.Helper()
	for at := from; at.Before(from.Add(24*time.Hour)) && at.Before(until); at = at.Add(time.Hour) {
		for half := range 2 {
			var records []string
			for i := range scatteredTokens {
				records = append(records, ownRecord(at.Add(time.Duration(half)*30*time.Minute+time.Duration(i)*time.Second), crewToken(i), home))
			}
			s.send(t, records)
		}
		s.settled(t, p, "gateway.access")
	}
}

// theft is a token at work for somebody else in the same house, who tries what it opens: so many requests that the whole
// of them is news at any hour of any day (a score of 1.3 or more), and a quarter is not (.93 or less).
func (s *scatterer) theft(t *testing.T) {
	t.Helper()
	var records []string
	now := time.Now()
	for i := range 12 {
		r := ownRecord(now.Add(time.Duration(i)*5*time.Millisecond), crewToken(3), home)
		records = append(records, strings.NewReplacer("acme-sdk/2.1", "curl/8.7.1", "/v1/me", "/v1/"+string(rune('a'+i)), `"status":200`, `"status":403`).Replace(r))
	}
	s.send(t, records)
}

// end is the sum of the offsets behind the last records of a topic.
func (s *scatterer) end(t *testing.T, topic string) (sum float64) {
	t.Helper()
	for partition := range int32(scatteredPartitions) {
		eventually(t, time.Minute, "the broker says where "+topic+" ends", func() bool {
			_, end, err := s.log.Bounds(t.Context(), topic, partition)
			sum += float64(end)
			return err == nil
		})
	}
	return sum
}

// settled waits until all records are stored, and all events behind them detected in.
func (s *scatterer) settled(t *testing.T, p place, topics ...string) {
	t.Helper()
	for _, topic := range topics {
		want := s.end(t, topic)
		eventually(t, time.Minute, "everything in "+topic+" is handled", func() bool {
			_, page := get(t, p.url()+"/metrics")
			return metric(page, "tokenwatch_next_offset", `topic="`+topic+`"`) == want
		})
	}
}

// Records of fifty tokens lie on four partitions in turn. A theft that only who knows the whole token finds is found, when
// the configuration says so and when tokenwatch notices, and every event is detected in once, over kill -9.
func TestRekeyed(t *testing.T) {
	notUnderRace(t)
	t.Parallel()
	for _, keyed := range []string{keyedAuto, keyedNo} {
		t.Run(keyed, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			settings := []string{"TOKENWATCH_KAFKA_KEYED=" + keyed, "TOKENWATCH_KAFKA_PARTITIONS=4", "TOKENWATCH_DETECT_SNAPSHOT_EVERY=500ms", "TOKENWATCH_INGEST_BLOCK_ROWS=400", "TOKENWATCH_INGEST_BLOCK_FLUSH_INTERVAL=10ms"}
			c := p.run(t, settings...)
			s := newScatterer(t, p.broker())
			began := time.Now()
			again := func() { // the random moment is the test
				time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
				c.kill(t)
				c = p.run(t, settings...)
			}
			for day := range 6 {
				s.day(t, p, began.Add(time.Duration(day-6)*24*time.Hour), began.Add(-time.Minute))
				if day%2 == 1 {
					again()
				}
			}
			eventually(t, 2*time.Minute, "events are re-keyed", func() bool { return strings.Contains(c.log.String(), "events are brought together by token") })
			s.theft(t)
			again()
			s.settled(t, p, "gateway.access", "tokenwatch.events")
			s = newScatterer(t, p.broker()) // the other knows of no new topic
			brought := map[int32][]kafka.Entry{}
			for partition := range int32(scatteredPartitions) {
				_, end, err := s.log.Bounds(t.Context(), "tokenwatch.events", partition)
				if err == nil {
					err = s.log.Between(t.Context(), "tokenwatch.events", partition, 0, end, func(e kafka.Entry) error {
						brought[partition] = append(brought[partition], e)
						return nil
					})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if code, _ := c.terminate(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			p.look(t, func(db *clickhouse.DB) { broughtOnce(t, db, brought, keyed == keyedNo) })
		})
	}
}

// broughtOnce has engines that were never interrupted judge the re-keyed events, and ones that know the partitions as
// they came.
func broughtOnce(t *testing.T, db *clickhouse.DB, brought map[int32][]kafka.Entry, all bool) {
	t.Helper()
	cfg := detect.DefaultConfig()
	cfg.BackfillAfter = DefaultConfig().Alert.BackfillAfter
	var since time.Time
	err := db.Profiles(t.Context(), "tokenwatch.events", decisionRow, func(p schema.Profile) error { since = p.Updated; return nil })
	if err != nil || since.IsZero() {
		t.Fatalf("no decision is stored: %v", err)
	}
	var want []string
	events, repeats := 0, uint64(0)
	for partition := range int32(scatteredPartitions) {
		engine, seen := detect.New(cfg, "tokenwatch.events", partition), ingest.NewRepeats()
		err := db.EventsKeyed(t.Context(), partition, scatteredPartitions, time.Time{}, since, func(e *schema.Event) error {
			seen.Saw(e)
			e.Topic, e.Partition, e.Offset, e.Item = "tokenwatch.events", partition, -1, 0
			engine.Process(e)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range brought[partition] {
			list, err := seen.Read(nil, r.Value, "tokenwatch.events", partition, r.Offset)
			if err != nil {
				t.Fatal(err)
			}
			for i := range list {
				if f := engine.Process(&list[i]); f != nil {
					want = append(want, f.ID.String())
				}
			}
			events += len(list)
		}
		repeats += seen.Dropped()
	}
	slices.Sort(want)
	_, rows, err := db.Query(t.Context(), "SELECT id_hex FROM findings ORDER BY id_hex")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d events, %d repeats, %d findings", events, repeats, len(rows))
	if have := joined(rows); !slices.Equal(have, want) || len(want) == 0 {
		t.Errorf("findings %v, an engine that was never interrupted has %v", have, want)
	}
	if stored := one(t, db, "SELECT count() FROM events"); events == 0 || all && events != stored {
		t.Errorf("%d events were detected in, %d are stored", events, stored)
	}
	for partition := range int32(scatteredPartitions) {
		engine := detect.New(cfg, "gateway.access", partition)
		err := db.Events(t.Context(), "gateway.access", partition, -1, 1<<62, time.Time{}, func(e *schema.Event) error {
			if f := engine.Process(e); f != nil {
				t.Errorf("partition %d alone gives a finding: the test shows nothing: %s", partition, f.Summary)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := one(t, db, fmt.Sprintf("SELECT count(DISTINCT token) FROM profiles FINAL WHERE topic = 'tokenwatch.events' AND token != unhex('%s')", strings.Repeat("0", 32))); n != scatteredTokens {
		t.Errorf("%d profiles, want %d", n, scatteredTokens)
	}
}
