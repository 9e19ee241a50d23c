package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
)

// produceBatch is how many records go to Kafka at once: enough to be fast, few enough
// to stay in memory.
const produceBatch = 5000

// playHistory sends the weeks before now through Kafka as fast as they go, and waits
// until all of it is stored and learnt.
func (d *demo) playHistory(ctx context.Context) error {
	d.say("%d tokens and their last 21 days, as NGINX and Kong log them, through Kafka into ClickHouse", d.Tokens)
	producer, err := kafka.NewProducer(d.app.engines.kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	bar := d.progress()
	began := time.Now()
	sent := 0
	batch := make([]kafka.Record, 0, produceBatch)
	flush := func() error {
		if err := producer.Produce(ctx, batch); err != nil {
			return fmt.Errorf("producing the history: %w", err)
		}
		sent += len(batch)
		batch = batch[:0]
		return nil
	}
	for r := range d.fleet.History() {
		batch = append(batch, kafka.Record{Key: r.Key, Value: r.Value, Time: r.Time})
		if len(batch) == produceBatch {
			if err := flush(); err != nil {
				return err
			}
			d.draw(bar, r.Time, sent, began)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	if err := d.waitStored(ctx, sent, func() { d.draw(bar, d.end, sent, began) }); err != nil {
		return err
	}
	_ = bar.Finish()
	took := time.Since(began)
	fmt.Fprintf(d.out, "\n   %s records stored and learnt in %.1f s: %s rows/s\n", thousands(sent), took.Seconds(), thousands(int(float64(sent)/took.Seconds())))
	return nil
}

// progress is a bar on a terminal, and nothing where a bar would only be noise.
func (d *demo) progress() *progressbar.ProgressBar {
	out := io.Discard
	if isTerminal(d.out) {
		out = d.out
	}
	return progressbar.NewOptions64(int64(demoHistory/time.Hour),
		progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetDescription("   history"))
}

func (d *demo) draw(bar *progressbar.ProgressBar, at time.Time, sent int, began time.Time) {
	stored := d.stored()
	bar.Describe(fmt.Sprintf("   %s sent, %s stored, %s rows/s ", thousands(sent), thousands(stored),
		thousands(int(float64(stored)/max(0.1, time.Since(began).Seconds())))))
	_ = bar.Set64(int64(at.Sub(d.end.Add(-demoHistory)) / time.Hour))
}

// stored is how many records have been stored and handled.
func (d *demo) stored() int {
	n := 0
	for _, s := range d.app.pipeline.Status() {
		n += int(max(0, s.Next))
	}
	return n
}

// waitStored waits until as many records have been handled.
func (d *demo) waitStored(ctx context.Context, want int, each func()) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for d.stored() < want {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			each()
		}
	}
	return nil
}

// playLive sends the live window at the chosen speed: ordinary life, the thefts, and what
// merely looks like one.
func (d *demo) playLive(ctx context.Context) error {
	d.say("Live: two hours of traffic at %d times the speed of life, with thefts in it (revoked tokens go on, to show more)", d.Speed)
	producer, err := kafka.NewProducer(d.app.engines.kafka)
	if err != nil {
		return err
	}
	defer producer.Close()
	began := time.Now()
	before := d.stored()
	var batch []kafka.Record
	var told []simulate.Record
	sent := 0
	for r := range d.fleet.Live() {
		due := began.Add(r.Time.Sub(d.end) / time.Duration(d.Speed))
		if wait := time.Until(due); wait > 5*time.Millisecond {
			if err := d.send(ctx, producer, batch, told); err != nil {
				return err
			}
			batch, told = batch[:0], told[:0]
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(wait): // the pace of the show, not a wait for anything
			}
		}
		batch, told = append(batch, kafka.Record{Key: r.Key, Value: r.Value}), append(told, r)
		sent++
	}
	if err := d.send(ctx, producer, batch, told); err != nil {
		return err
	}
	if err := d.waitStored(ctx, before+sent, func() {}); err != nil {
		return err
	}
	return d.waitDelivered(ctx)
}

func (d *demo) send(ctx context.Context, producer *kafka.Producer, batch []kafka.Record, told []simulate.Record) error {
	if len(batch) == 0 {
		return nil
	}
	now := time.Now()
	for _, r := range told {
		if r.Story >= 0 {
			d.played[r.Story] = append(d.played[r.Story], moment{event: r.Time, sent: now})
		}
	}
	if err := producer.Produce(ctx, batch); err != nil {
		return fmt.Errorf("producing live traffic: %w", err)
	}
	return nil
}

// waitDelivered waits until each incident has a message in each channel. Edits of those
// may still be to come.
func (d *demo) waitDelivered(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		incidents, err := d.app.engines.db.Incidents(ctx, schema.IncidentOpen)
		if err != nil {
			return err
		}
		if len(d.slack.Messages()) >= len(incidents) && len(d.telegram.Messages()) >= len(incidents) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// thousands writes 1234567 as 1,234,567.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
