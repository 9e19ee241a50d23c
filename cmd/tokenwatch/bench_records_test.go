package main

import (
	"bytes"
	"context"
	"iter"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// benchFleet is how many tokens the records of a measurement are drawn from. Two thirds of
// them are behind NGINX, and of those that are not all are busy: five million records name some 20,000.
// A run that only shows that the measurement works takes fewer: making a fleet takes longer than its first records.
func benchFleet() int { return min(60_000, max(2000, *benchCount/10)) }

// benchTail is what a gateway logs besides; with it a record is some 750 bytes long.
const benchTail = `,"scheme":"https","ssl_protocol":"TLSv1.3","ssl_session_reused":"r"}`

// benchRecords gives NGINX's records of simulated fleets without end, one fleet after the other: the
// same clients, addresses, paths and hours as the demo's, drawn from seed.
func benchRecords(t testing.TB, seed uint64) iter.Seq[kafka.Record] {
	end := time.Now().UTC().Truncate(time.Second)
	return func(yield func(kafka.Record) bool) {
		for ; ; seed++ {
			cfg := simulate.DefaultConfig()
			cfg.Seed, cfg.Tokens, cfg.End, cfg.History = seed, benchFleet(), end, 15*24*time.Hour
			fleet, err := simulate.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			tokens := fleet.Tokens()
			for r := range fleet.History() {
				if tokens[r.Token].Gateway != "nginx" {
					continue
				}
				value := append(bytes.TrimSuffix(bytes.Clone(r.Value), []byte("}")), benchTail...)
				if !yield(kafka.Record{Key: r.Key, Value: value}) {
					return
				}
			}
		}
	}
}

// produceMany appends n records, and returns their size in bytes.
func produceMany(ctx context.Context, t testing.TB, cfg kafka.Config, seed uint64, n int) (size int64) {
	t.Helper()
	producer, err := kafka.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	batch := make([]kafka.Record, 0, 40_000)
	flush := func() {
		if err := producer.Produce(ctx, batch); err != nil {
			t.Fatal(err)
		}
		batch = batch[:0]
	}
	sent := 0
	for r := range benchRecords(t, seed) {
		if sent == n {
			break
		}
		batch, sent, size = append(batch, r), sent+1, size+int64(len(r.Value))
		if len(batch) == cap(batch) {
			flush()
		}
	}
	flush()
	return size
}
