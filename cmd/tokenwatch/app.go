package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/ocsf"
	"github.com/tokenwatch/tokenwatch/alert/slack"
	"github.com/tokenwatch/tokenwatch/alert/telegram"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/ingest/push"
	"github.com/tokenwatch/tokenwatch/schema"
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

	engines   *engines
	notifiers []alert.Notifier
	places    *geo.Locator
	pipeline  *ingest.Pipeline
	consumer  *kafka.Consumer
	watch     *watch
	keying    *keying
	together  *together
	auditor   *auditor
	alerting  *alerting
	verdicts  *verdicts
	desk      *desk
	inbound   []inbound
	console   *webConsole // nil while it is off
	vitals    *vitals
}

// inbound takes in what people press in a channel.
type inbound interface {
	Run(ctx context.Context) error
}

// openApp takes everything that the program needs, in the order in which a user can
// mend it: files and ports first, since they cost nothing to try, engines last. Close it
// after an error too.
func openApp(ctx context.Context, cfg Config, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, log: log, metrics: newMetrics(), ready: newReadiness("clickhouse", "kafka", "consumer"), desk: &desk{}}
	a.engines, a.vitals = newEngines(cfg, log, a.ready), newVitals(a)
	var err error
	if a.listener, err = listen(cfg.HTTP); err != nil {
		return a, err
	}
	if a.console, err = openConsole(cfg, log); err != nil {
		return a, err
	}
	a.cfg.Alert.ConsoleURL = a.console.link(cfg.Alert.ConsoleURL)
	decoder, err := a.decoder()
	if err != nil {
		return a, err
	}
	if a.notifiers, err = cfg.notifiers(a.outfit()); err != nil {
		return a, err
	}
	if a.push, err = push.New(cfg.Intake, cfg.Kafka.Topics(), newIntakeMetrics(a.metrics.registry), log); err != nil {
		return a, err
	}
	presses, err := a.channelsIn()
	if err != nil {
		return a, err
	}
	a.http = serveHTTP(a.listener, a.metrics.registry, a.ready, cfg.HTTP.Pprof, a.push, presses, log) // while the engines are awaited, readyz says so
	if err := a.engines.start(ctx, cfg); err != nil {
		return a, err
	}
	return a, a.wire(ctx, decoder)
}

// channelsIn makes what takes presses in, where somebody may press, and gives the part that Slack calls.
func (a *app) channelsIn() (presses http.Handler, err error) {
	if a.cfg.Slack.Interactive() {
		in := slack.NewInbound(a.cfg.Slack, a.desk, a.log)
		a.inbound, presses = append(a.inbound, in), in
	}
	if a.cfg.Telegram.Enabled() && len(a.cfg.Telegram.AllowedUsers) > 0 {
		in, err := telegram.NewInbound(a.cfg.Telegram, a.desk, a.log)
		if err != nil {
			return nil, err
		}
		a.inbound = append(a.inbound, in)
	}
	return presses, nil
}

// outfit is what channels need. A topic's Kafka is known when the engines have started.
func (a *app) outfit() outfit {
	return outfit{log: a.log, topic: func(name string) ocsf.Writer {
		return &topicWriter{name: name, partitions: a.cfg.Alert.Partitions, reach: func() (kafka.Config, error) { return a.engines.kafka, nil }}
	}}
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
		a.log.Warn("nobody is told of incidents: configure slack, telegram, discord, email, pagerduty, hook, ocsf or syslog")
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

func (a *app) wire(ctx context.Context, decoder *ingest.Decoder) (err error) {
	db := a.engines.db
	if a.alerting, err = openAlerting(ctx, a.cfg, a.engines.kafka, db, a.notifiers, a.metrics, a.log); err != nil {
		return err
	}
	if err := a.listenToPeople(ctx, db); err != nil {
		return err
	}
	if err := a.console.open(a); err != nil {
		return err
	}
	detecting := a.cfg.Detect
	detecting.BackfillAfter = a.cfg.Alert.BackfillAfter
	a.watch = &watch{cfg: detecting, history: settled{db, db}, record: db, accept: a.alerting.publish, urgent: a.cfg.Revoke.Urgent, log: a.log, metrics: a.metrics, parts: map[part]*lane{}, sighted: db}
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
		a.metrics.queueAge.WithLabelValues(n.Name())
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

// listenToPeople opens the desk: from here on what is pressed is kept, and reaches whom it concerns. The engines ask
// for it themselves (watch.follow), all at one time.
func (a *app) listenToPeople(ctx context.Context, db *clickhouse.DB) (err error) {
	if a.verdicts, err = openVerdicts(ctx, a.cfg.Alert, a.engines.kafka, db, a.log); err != nil {
		return err
	}
	a.verdicts.apply = func(ctx context.Context, v schema.Verdict) {
		if err := a.alerting.dispatcher.Verdict(ctx, v); err != nil {
			a.log.Warn("a verdict does not show in its incident yet", "incident", v.Incident, "error", err)
		}
		a.alerting.revoker.Order(v)
	}
	a.desk.clerk.Store(&alert.Clerk{
		Registry: db, Announce: a.verdicts.announce,
		Late: func(err error) { a.log.Warn("a verdict is kept, and takes some seconds to be heard of", "error", err) },
	})
	return nil
}

// run works until ctx ends or a part cannot go on. It then stops in the order of the
// data: no new records, blocks in hand finished, profiles stored, messages sent.
func (a *app) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	alerting, stopAlerting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAlerting()
	group.Go(func() error { return a.http.wait(ctx) })
	group.Go(func() error { return a.console.wait(ctx) })
	group.Go(func() error { return a.engines.keep(ctx) })
	group.Go(func() error { return a.places.Run(ctx) })
	group.Go(func() error { return a.watchReadiness(ctx) })
	group.Go(func() error { return a.trim(ctx) })
	group.Go(func() error { return a.auditor.run(ctx) })
	group.Go(func() error { return a.vitals.run(ctx) })
	group.Go(func() error { return a.verdicts.run(ctx) })
	group.Go(func() error { return a.verdicts.after(alerting, a.alerting.revoker.Run) })
	for _, in := range a.inbound {
		group.Go(func() error { return in.Run(ctx) })
	}
	group.Go(func() error { return a.watch.follow(ctx, askEvery) })
	group.Go(func() error { return a.together.follow(ctx, askEvery) })
	group.Go(func() error {
		if !a.cfg.Detect.Together {
			return nil
		}
		topics := slices.Sorted(slices.Values(a.cfg.Kafka.Topics()))
		return newFleetwide(a.watch, a.engines.db, part{topics[0], 0}).run(ctx, askEvery)
	})
	group.Go(func() error {
		if err := a.alerting.run(alerting); err != nil && alerting.Err() == nil {
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
		a.ready.set("alerts", reason(a.alerting.consumer.Trouble()))
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
			a.trimBefore(ctx, s.Topic, s.Partition, before)
		}
		for _, p := range a.alerting.work.Positions() {
			a.trimBefore(ctx, a.cfg.Alert.FindingsTopic, p.Partition, p.Findings-a.cfg.Kafka.KeepRecords)
			a.trimBefore(ctx, a.cfg.Alert.IncidentsTopic, p.Partition, p.Incidents)
		}
	}
}

func (a *app) trimBefore(ctx context.Context, topic string, partition int32, before int64) {
	if a.engines.broker == nil || before <= 0 {
		return
	}
	if err := a.engines.broker.Trim(ctx, topic, partition, before); err != nil && ctx.Err() == nil {
		a.log.Warn("deleting stored records from the embedded Kafka", "topic", topic, "partition", partition, "error", err)
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
	wrong = append(wrong, a.console.stop(ctx))
	if a.intake != nil {
		wrong = append(wrong, a.intake.close())
	}
	if a.keying != nil {
		wrong = append(wrong, a.keying.close())
	}
	if a.alerting != nil {
		wrong = append(wrong, a.alerting.close())
	}
	if a.verdicts != nil {
		wrong = append(wrong, a.verdicts.close())
	}
	wrong = append(wrong, a.engines.stop(ctx))
	if a.places != nil {
		wrong = append(wrong, a.places.Close())
	}
	return errors.Join(wrong...)
}
