package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/ingest/push"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// app is the whole program at work: what `run` runs, and `demo` too.
type app struct {
	cfg      Config
	log      *slog.Logger
	metrics  *metrics
	ready    *readiness
	listener net.Listener
	http     *httpServer
	push     *push.Handler
	intake   *intake // nil while nobody may send

	engines    *engines
	notifiers  []alert.Notifier
	places     *geo.Locator
	pipeline   *ingest.Pipeline
	consumer   *kafka.Consumer
	watch      *watch
	keying     *keying
	together   *together
	auditor    *auditor
	dispatcher *alert.Dispatcher
}

// openApp takes everything that the program needs, in the order in which a user can
// mend it: files and ports first, since they cost nothing to try, engines last. Close it
// after an error too.
func openApp(ctx context.Context, cfg Config, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, metrics: newMetrics(), ready: newReadiness("clickhouse", "kafka", "consumer")}
	a.engines = newEngines(cfg, log, a.ready)
	var err error
	if a.listener, err = listen(cfg.HTTP); err != nil {
		return a, err
	}
	decoder, err := a.decoder()
	if err != nil {
		return a, err
	}
	if a.notifiers, err = cfg.notifiers(); err != nil {
		return a, err
	}
	if a.push, err = push.New(cfg.Intake, cfg.Kafka.Topics(), newIntakeMetrics(a.metrics.registry), log); err != nil {
		return a, err
	}
	a.http = serveHTTP(a.listener, a.metrics.registry, a.ready, cfg.HTTP.Pprof, a.push, log) // while the engines are awaited, readyz says so
	if err := a.engines.start(ctx, cfg); err != nil {
		return a, err
	}
	return a, a.wire(decoder)
}

// channels names where incidents go, for the log.
func (a *app) channels() string {
	if len(a.notifiers) == 0 {
		return "none"
	}
	var names []string
	for _, n := range a.notifiers {
		names = append(names, n.Name())
	}
	return strings.Join(names, ", ")
}

// warn says what works, and is probably not meant.
func (a *app) warn(ctx context.Context) {
	if len(a.notifiers) == 0 {
		a.log.Warn("nobody is told of incidents: configure slack, telegram or revoke")
	}
	f, err := a.cfg.fingerprinter()
	if err != nil {
		return
	}
	_, rows, err := a.engines.db.Query(ctx, "SELECT toString(argMax(token_key, ingested_at)) FROM events WHERE ingested_at > now() - INTERVAL 7 DAY HAVING count() > 0")
	if err == nil && len(rows) == 1 {
		a.judgePepper(f, rows[0][0])
	}
}

// judgePepper compares the pepper with the one that the newest stored events were
// fingerprinted with.
func (a *app) judgePepper(f *ingest.Fingerprinter, stored string) {
	former := f.Former()
	switch {
	case former == nil && stored == fmt.Sprint(f.KeyID()):
	case former == nil:
		a.log.Error("the pepper is not the one that the stored events were fingerprinted with: every token begins anew, and its history is not found; "+
			"restore the old pepper (ingest.pepper_file, or data_dir/pepper), or keep it beside the new one as ingest.former_pepper_file",
			"key_id", f.KeyID(), "stored_key_id", stored)
	case stored == fmt.Sprint(former.KeyID()), stored == fmt.Sprint(f.KeyID()):
		a.log.Info("peppers are being rotated: a token keeps its history when it is seen; deploy/adr/0005-pepper-rotation.md says how long to keep the former one",
			"key_id", f.KeyID(), "former_key_id", former.KeyID())
	default:
		a.log.Error("neither the pepper nor the former one is what the stored events were fingerprinted with: every token begins anew, and its history is not found; "+
			"ingest.former_pepper_file must be the pepper that was in use until now",
			"key_id", f.KeyID(), "former_key_id", former.KeyID(), "stored_key_id", stored)
	}
}

// decoder makes what turns records into events, with the pepper and the places it needs.
func (a *app) decoder() (*ingest.Decoder, error) {
	if err := a.cfg.firstPepper(); err != nil {
		return nil, err
	}
	pepper, err := a.cfg.pepper()
	if err != nil {
		return nil, err
	}
	if a.places, err = a.cfg.openPlaces(a.log); err != nil {
		return nil, err
	}
	return ingest.NewDecoder(a.cfg.Ingest.DecodeConfig, pepper, a.places)
}

func (a *app) wire(decoder *ingest.Decoder) (err error) {
	db := a.engines.db
	a.dispatcher, err = alert.New(a.cfg.Alert, db, a.notifiers, alert.WithObserver(alertMetrics{a.metrics}), alert.WithLogger(a.log))
	if err != nil {
		return err
	}
	detecting := a.cfg.Detect
	detecting.BackfillAfter = a.cfg.Alert.BackfillAfter
	a.watch = &watch{cfg: detecting, history: db, record: db, accept: a.dispatcher.Accept, log: a.log, metrics: a.metrics, parts: map[part]*lane{}}
	if a.keying, err = newKeying(a.cfg.Kafka, a.engines.kafka, db, a.watch, a.log); err != nil {
		return err
	}
	observer := ingestMetrics{a.metrics, a.log, &sync.Map{}}
	a.pipeline = &ingest.Pipeline{
		Config: a.cfg.Ingest.Block, Decoder: decoder, Store: db, Handler: a.keying, Log: a.log,
		Retryable: clickhouse.Retryable, Refused: clickhouse.Refused, Observer: sourceMetrics{observer, a.keying},
	}
	if a.together, err = newTogether(a.keying, a.watch, a.cfg.Ingest.Block, db, observer); err != nil {
		return err
	}
	for _, n := range a.notifiers {
		a.metrics.queue.WithLabelValues(n.Name())
	}
	a.metrics.watchState(a.status, a.counts)
	a.auditor = newAuditor(a.cfg.Audit, a.log, db, a.pipeline.Status, a.metrics.registry)
	if a.consumer, err = kafka.NewConsumer(a.engines.kafka, a.log); err != nil || !a.cfg.Intake.Enabled() {
		return err
	}
	if a.intake, err = openIntake(a.cfg, a.engines.kafka); err == nil {
		a.push.Open(a.intake.deliver)
	}
	return err
}

// run works until ctx ends or a part cannot go on. It then stops in the order of the
// data: no new records, blocks in hand finished, profiles stored, messages sent.
func (a *app) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	alerting, stopAlerting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAlerting()
	group.Go(func() error { return a.http.wait(ctx) })
	group.Go(func() error { return a.engines.keep(ctx) })
	group.Go(func() error { return a.places.Run(ctx) })
	group.Go(func() error { return a.watchReadiness(ctx) })
	group.Go(func() error { return a.trim(ctx) })
	group.Go(func() error { return a.auditor.run(ctx) })
	group.Go(func() error {
		if err := a.dispatcher.Run(alerting); err != nil && alerting.Err() == nil {
			return fmt.Errorf("delivering alerts: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer stopAlerting()
		err := a.read(ctx)
		saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.cfg.Ingest.Block.Grace)
		defer cancel()
		return errors.Join(err, a.watch.saveAll(saving), a.together.watch.saveAll(saving))
	})
	return group.Wait()
}

// work runs the pipeline of one partition.
func (a *app) work(ctx context.Context, c *kafka.Claim) error {
	err := a.pipeline.Run(ctx, c)
	if err != nil {
		a.watch.forget(c.Topic(), c.Partition())
	}
	return err
}

// watchReadiness keeps readyz true to what the consumer and the pipelines say.
func (a *app) watchReadiness(ctx context.Context) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		a.ready.set("consumer", reason(errors.Join(a.consumer.Trouble(), a.together.trouble())))
		stalled := ""
		for _, s := range a.pipeline.Status() {
			if s.Stalled != nil {
				stalled = fmt.Sprintf("partition %d waits since %s: %v", s.Partition, s.Since.UTC().Format(time.RFC3339), s.Stalled)
			}
		}
		a.ready.set("inserts", stalled)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// trim keeps the embedded broker's disk bounded. A real one has its own retention.
func (a *app) trim(ctx context.Context) error {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, s := range a.status() {
			before := s.Next - a.cfg.Kafka.KeepRecords
			if a.engines.broker == nil || before <= 0 {
				continue
			}
			if err := a.engines.broker.Trim(ctx, s.Topic, s.Partition, before); err != nil && ctx.Err() == nil {
				a.log.Warn("deleting stored records from the embedded Kafka", "topic", s.Topic, "partition", s.Partition, "error", err)
			}
		}
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// close gives back what openApp took.
func (a *app) close(ctx context.Context) error {
	var wrong []error
	if a.http != nil {
		wrong = append(wrong, a.http.stop(ctx))
	} else if a.listener != nil {
		wrong = append(wrong, a.listener.Close())
	}
	if a.intake != nil {
		wrong = append(wrong, a.intake.close())
	}
	if a.keying != nil {
		wrong = append(wrong, a.keying.close())
	}
	wrong = append(wrong, a.engines.stop(ctx))
	if a.places != nil {
		wrong = append(wrong, a.places.Close())
	}
	return errors.Join(wrong...)
}
