package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/schema"
)

type demoCommand struct {
	Seed   uint64 `default:"1" help:"Another seed is another world: other owners, places and thefts. Who is awake, and so who is robbed, also depends on the hour."`
	Tokens int    `default:"600" help:"Tokens in the fleet."`
	Speed  int    `default:"120" help:"How many times faster than life the live part is played."`
	Keep   bool   `help:"Keep everything running at the end, to look around."`
}

const (
	demoPartitions = 4
	demoHistory    = 21 * 24 * time.Hour
	demoLive       = 2 * time.Hour
	// demoBackfill parts the history, which is loaded to learn from, from what happens
	// live: up to two hours ago, and as much more as loading the history may take.
	demoBackfill = demoLive + 20*time.Minute
)

// demo is one showing: the program as it is, in front of a made-up world.
type demo struct {
	demoCommand
	out      io.Writer
	app      *app
	fleet    *simulate.Fleet
	began    time.Time
	end      time.Time // of the history
	slack    *standin.Slack
	telegram *standin.Telegram
	revoke   *standin.Revoke
	played   map[int][]moment // by story
}

// moment is when a request of a story happened in its world, and when it was sent.
type moment struct{ event, sent time.Time }

// Run shows the demo. It fails if a theft goes unseen.
func (c demoCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	if c.Speed < 1 || c.Tokens < 300 || c.Tokens > 100_000 {
		return errors.New("--speed: want 1 or more; --tokens: want 300 to 100000")
	}
	now := time.Now()
	d := &demo{demoCommand: c, out: p.stdout, began: now, end: now.UTC().Truncate(time.Second).Add(-demoLive), played: map[int][]moment{}}
	defer d.closeStandins()
	if err := d.openStandins(); err != nil {
		return err
	}
	cfg, err = d.configure(cfg)
	if err != nil {
		return err
	}
	d.say("Starting ClickHouse and Kafka, both embedded, in %s", cfg.DataDir)
	log := p.logger(cfg.Log)
	d.app, err = openApp(p.ctx, cfg, log)
	if err != nil {
		return errors.Join(err, d.app.close(p.ctx))
	}
	running, stop := context.WithCancel(p.ctx)
	ended := make(chan error, 1)
	go func() { ended <- d.app.run(running) }()
	shown := d.show(p.ctx, ended)
	stop()
	stopped := <-ended
	if p.ctx.Err() != nil {
		shown, stopped = nil, nil // asked to end
	}
	return errors.Join(shown, stopped, d.app.close(p.ctx))
}

// configure turns the configuration into the demo's: everything embedded, in a folder of
// its own that begins empty, every channel a stand-in.
func (d *demo) configure(cfg Config) (Config, error) {
	cfg.DataDir = filepath.Join(cfg.DataDir, "demo")
	if err := os.RemoveAll(cfg.DataDir); err != nil {
		return cfg, fmt.Errorf("emptying the demo's data folder: %w", err)
	}
	cfg.Log.Level = max(cfg.Log.Level, 4) // warnings: the demo tells its own story
	cfg.HTTP.Listen, cfg.Console.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Kafka.Brokers, cfg.Kafka.Port, cfg.Kafka.Partitions = nil, 0, demoPartitions
	cfg.ClickHouse.DSN, cfg.ClickHouse.TCPPort, cfg.ClickHouse.HTTPPort = "", 0, 0
	cfg.Ingest.Format = "auto"
	cfg.Ingest.PepperFile = ""
	cfg.Ingest.MaxAge = demoHistory + demoLive + 24*time.Hour // the history is taken as it is
	cfg.Alert.BackfillAfter = demoBackfill
	cfg.Alert.UpdateEvery = 45 * time.Second // edits would crowd the screen
	cfg.Slack.Token, cfg.Slack.Channel, cfg.Slack.APIURL = "xoxb-demo", "#soc", d.slack.APIURL()
	cfg.Telegram.Token, cfg.Telegram.ChatID, cfg.Telegram.APIURL = "1:demo", "-100200300", d.telegram.URL()
	cfg.Revoke.Mode, cfg.Revoke.Webhook.URL, cfg.Revoke.Webhook.Secret = alert.RevokeAutomatic, d.revoke.URL()+"/revoke", demoSecret
	cfg.Revoke.MinSeverity, cfg.Revoke.Webhook.Allow = schema.SeverityHigh, []string{"127.0.0.0/8"}
	return cfg, cfg.Validate()
}

// demoSecret signs the demo's revoke calls between two ends of one process.
const demoSecret = alert.Secret("whsec_ZGVtbyBzZWNyZXQgb2YgdGhlIHN0YW5kLWluIQ==")

func (d *demo) openStandins() (err error) {
	color := os.Getenv("NO_COLOR") == "" && isTerminal(d.out)
	opts := standin.Options{Out: d.out, Color: color}
	if d.slack, err = standin.StartSlack(opts); err != nil {
		return err
	}
	if d.telegram, err = standin.StartTelegram(standin.Options{Out: d.out, Color: color, Lines: 9}); err != nil {
		return err
	}
	opts.Secret = demoSecret.Reveal()
	d.revoke, err = standin.StartRevoke(opts)
	return err
}

func (d *demo) closeStandins() {
	if d.slack != nil {
		_ = d.slack.Close()
	}
	if d.telegram != nil {
		_ = d.telegram.Close()
	}
	if d.revoke != nil {
		_ = d.revoke.Close()
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// show runs the demo's acts, unless the program ends under it.
func (d *demo) show(ctx context.Context, ended <-chan error) error {
	acting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	failed := make(chan error, 1)
	go func() { failed <- d.acts(acting) }()
	select {
	case err := <-failed:
		return err
	case err := <-ended:
		if err == nil {
			err = errors.New("the program ended in the middle of the demo")
		}
		cancel(err)
		<-failed
		return err
	}
}

func (d *demo) acts(ctx context.Context) error {
	if err := d.populate(); err != nil {
		return err
	}
	if err := d.playHistory(ctx); err != nil {
		return err
	}
	if err := d.playLive(ctx); err != nil {
		return err
	}
	seen, err := d.judge(ctx)
	if err != nil {
		return err
	}
	d.report(seen)
	if err := d.questions(ctx); err != nil {
		return err
	}
	if d.Keep {
		d.invite()
		<-ctx.Done()
		return nil
	}
	fmt.Fprintf(d.out, "\nTo look around in it, keep it running: make demo SEED=%d KEEP=1\nFor your own logs: bin/tokenwatch run\n", d.Seed)
	return d.verdict(seen)
}

// verdict fails when a theft went unseen: they are cast so that each of them should be seen.
func (d *demo) verdict(seen outcomes) error {
	unseen := seen.unseen()
	if len(unseen) == 0 {
		return nil
	}
	return fmt.Errorf("unseen: %s. The demo plays thefts that should be seen, so this is a fault, or the one world in hundreds: seed %d at %s. detect/EVALUATION.md says what goes unseen otherwise, and how often",
		strings.Join(unseen, ", "), d.Seed, d.began.UTC().Format("2006-01-02 15:04 MST"))
}

// populate draws the fleet, with addresses that the databases at hand put where they
// should be.
func (d *demo) populate() error {
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Tokens, cfg.End, cfg.History, cfg.Live = d.Seed, d.Tokens, d.end, demoHistory, demoLive
	cfg.Locate = locateWith(d.app.places)
	var err error
	d.fleet, err = simulate.New(cfg)
	return err
}

func locateWith(places *geo.Locator) simulate.Locate {
	return func(ip netip.Addr) (country, city string, asn uint32) {
		p := places.Locate(ip)
		return p.Country, p.City, p.ASN
	}
}

// fingerprint is the TokenID that a simulated token has in the tables: NGINX logs the
// token itself, Kong the id of its credential.
func fingerprint(f *ingest.Fingerprinter, secret, credential string) schema.TokenID {
	if credential != "" {
		return f.Credential("kong", []byte(credential))
	}
	return f.Token([]byte(secret))
}

// say prints a heading.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.out, "\n── %s\n", fmt.Sprintf(format, args...))
}
