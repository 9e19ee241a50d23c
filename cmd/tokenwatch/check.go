package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/ocsf"
	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

type checkCommand struct {
	SendTest bool `help:"Also post a test message to each channel that is configured."`
}

// checkTimeout bounds each of the things that are tried.
const checkTimeout = 20 * time.Second

// Run tries everything that the configuration names, a line each, and fails if anything
// does. It goes on after a failure: one wants to know all of them.
func (c checkCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	t := &trial{ctx: p.ctx, out: p.stdout}
	fmt.Fprintln(p.stdout, "tokenwatch", version())
	t.try("configuration", func(context.Context) (string, error) { return p.configurationFile(), nil })
	t.try("pepper", func(context.Context) (string, error) {
		if _, err := os.Stat(cfg.generatedPepper()); cfg.Ingest.PepperFile == "" && errors.Is(err, fs.ErrNotExist) {
			return "none yet: run makes one in " + cfg.DataDir, nil
		}
		f, err := cfg.fingerprinter()
		if err != nil {
			return "", err
		}
		if former := f.Former(); former != nil {
			return fmt.Sprintf("key id %04x, in the place of %04x (former_pepper_file)", f.KeyID(), former.KeyID()), nil
		}
		return fmt.Sprintf("key id %04x", f.KeyID()), nil
	})
	t.try("places", func(context.Context) (string, error) { return cfg.tryPlaces(p) })
	t.try("clickhouse", func(ctx context.Context) (string, error) { return cfg.tryClickHouse(ctx, p) })
	t.try("kafka", func(ctx context.Context) (string, error) { return cfg.tryKafka(ctx, p) })
	if cfg.Console.Listen == "" {
		t.line("–", "console", "off (console.listen)")
	} else {
		t.try("console", cfg.tryConsole)
	}
	notifiers, err := cfg.notifiers(outfit{log: p.logger(cfg.Log), topic: func(name string) ocsf.Writer {
		return &topicWriter{name: name, partitions: cfg.Alert.Partitions, reach: cfg.reachedKafka}
	}})
	if err != nil {
		return err
	}
	if _, err := alert.New(cfg.Alert, nil, notifiers); err != nil {
		t.try("routes", func(context.Context) (string, error) { return "", err })
	}
	if len(notifiers) == 0 {
		t.line("–", "channels", "none configured: incidents are kept in ClickHouse only (slack.token, telegram.token, revoke.mode)")
	}
	for _, n := range notifiers {
		t.try(n.Name(), func(ctx context.Context) (string, error) {
			return c.tryChannel(ctx, n)
		})
	}
	if err := t.checkRevoking(cfg.Revoke); err != nil {
		return err
	}
	if t.failed > 0 {
		fmt.Fprintf(p.stdout, "\n%d of the checks failed.\n", t.failed)
		return errFailed
	}
	fmt.Fprintln(p.stdout, "\nAll is well.")
	return nil
}

// trial prints what became of each attempt.
type trial struct {
	ctx    context.Context
	out    io.Writer
	failed int
}

func (t *trial) try(what string, attempt func(context.Context) (string, error)) {
	ctx, cancel := context.WithTimeout(t.ctx, checkTimeout)
	defer cancel()
	detail, err := attempt(ctx)
	if err != nil {
		t.failed++
		t.line("✗", what, err.Error())
		return
	}
	t.line("✓", what, detail)
}

func (t *trial) line(mark, what, detail string) {
	fmt.Fprintf(t.out, "%s %-14s %s\n", mark, what, detail)
}

// tryPlaces looks up an address whose owner is unlikely to change.
func (c Config) tryPlaces(p *process) (string, error) {
	places, err := c.openPlaces(p.logger(c.Log))
	if err != nil {
		return "", err
	}
	defer places.Close()
	at := places.Locate(netip.MustParseAddr("8.8.8.8"))
	if at.Country == "" && at.ASN == 0 {
		return "", fmt.Errorf("geo.city, geo.asn: the databases know nothing of 8.8.8.8: are they the right files?")
	}
	return fmt.Sprintf("8.8.8.8 is in %s, AS%d %s (%s)", at.Country, at.ASN, at.ASOrg, at.Network), nil
}

func (c Config) tryClickHouse(ctx context.Context, p *process) (detail string, err error) {
	kind := "configured"
	e := newEngines(c, p.logger(c.Log), newReadiness())
	defer func() {
		if stopped := e.stop(ctx); err == nil {
			err = stopped
		}
	}()
	if c.ClickHouse.DSN == "" {
		kind = "embedded"
		if err := e.startClickHouse(ctx, c); errors.Is(err, local.ErrInUse) {
			return "embedded, at work for a tokenwatch that is running (ask its /readyz)", nil
		} else if err != nil {
			return "", err
		}
	}
	if e.db, err = clickhouse.Open(ctx, e.clickhouse); err != nil {
		return "", err
	}
	_, rows, err := e.db.Query(ctx, "SELECT version()")
	if err != nil {
		return "", err
	}
	steps, err := e.db.MigrationStatus(ctx)
	if err != nil {
		return "", err
	}
	pending := 0
	for _, s := range steps {
		if s.Applied.IsZero() {
			pending++
		}
	}
	detail = fmt.Sprintf("%s, version %s, tables up to date", kind, rows[0][0])
	if pending > 0 {
		detail = fmt.Sprintf("%s, version %s, %d migrations pending (run takes them; or: tokenwatch migrate up)", kind, rows[0][0], pending)
	}
	return detail, nil
}

func (c Config) tryKafka(ctx context.Context, p *process) (detail string, err error) {
	if len(c.Kafka.Brokers) > 0 {
		if err := kafka.Check(ctx, c.Kafka.Config); err != nil {
			return "", err
		}
		return fmt.Sprintf("configured, %v has topic %s", c.Kafka.Brokers, strings.Join(c.Kafka.Topics(), ", ")), nil
	}
	e := newEngines(c, p.logger(c.Log), newReadiness())
	defer func() {
		if stopped := e.stop(ctx); err == nil {
			err = stopped
		}
	}()
	if err := e.startKafka(ctx, c); errors.Is(err, local.ErrInUse) {
		return "embedded, at work for a tokenwatch that is running (ask its /readyz)", nil
	} else if err != nil {
		return "", err
	}
	return fmt.Sprintf("embedded, %v has topic %s", e.kafka.Brokers, strings.Join(e.kafka.Topics(), ", ")), nil
}

func (c checkCommand) tryChannel(ctx context.Context, n alert.Notifier) (string, error) {
	detail := "configured"
	if checker, ok := n.(alert.Checker); ok {
		if err := checker.Check(ctx); err != nil {
			return "", err
		}
		detail = "reachable"
	}
	if _, acts := n.(alert.Actor); acts || !c.SendTest {
		return detail, nil
	}
	m := alert.Trial(time.Now())
	m.Picture = samplePicture // whether pictures may be sent is to be known too; the log says if not
	_, err := n.Notify(ctx, m)
	if errors.Is(err, alert.ErrSkip) {
		return detail + ", has no test message", nil
	}
	if err != nil {
		return "", fmt.Errorf("posting a test message: %w", err)
	}
	return detail + ", test message posted", nil
}

// configurationFile says where the configuration came from.
func (p *process) configurationFile() string {
	if file := p.file(); file != "" {
		return file
	}
	return "defaults and environment (no " + defaultFile + ")"
}
