// Command tokenwatch watches how API tokens are used and tells a SOC when one is used
// as its owner would not. It composes the rooms (ingest, detect, alert, the engines and
// the store) into one process, and is the only place that starts goroutines for long,
// logs errors, reads the configuration and decides the exit code.
//
//	Kafka ─► ingest.Pipeline ─► clickhouse.InsertBlock ─► watch (detect.Engine a partition)
//	                                                        └─► findings ─► alert.Dispatcher ─► people
//
// It refuses logic of its own: whatever decides about a record, a token or an incident
// belongs into the room of that noun.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// cli is the command line. Its tags are the --help that a newcomer learns from.
type cli struct {
	Run         runCommand         `cmd:"" help:"Watch: read access logs from Kafka, store, detect, alert. Without a configuration it starts its own ClickHouse and Kafka and keeps their data under ./tokenwatch-data."`
	Tail        tailCommand        `cmd:"" help:"Follow log files into Kafka: rotation, truncation, and positions that outlast restarts."`
	Import      importCommand      `cmd:"" help:"Send log files to Kafka that nobody writes to any more: plain, gzip or zstd. Interrupted, it goes on where it was."`
	Demo        demoCommand        `cmd:"" help:"Show it working: a simulated fleet with 21 days of history, then thefts played live, with stand-ins for Slack, Telegram and the revoke endpoint."`
	Check       checkCommand       `cmd:"" help:"Try everything that the configuration names, a line each: engines, address databases, pepper, channels."`
	Audit       auditCommand       `cmd:"" help:"Hold what is stored against what was read: gaps and repeats, a line a partition. Exit code 1 when there are any."`
	Verdict     verdictCommand     `cmd:"" help:"Say what an incident was: it was us, theft, snooze it, or that somebody is looking at it."`
	Revoke      revokeCommand      `cmd:"" help:"Decide about tokens: list, approve, stop, restore."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the tables in ClickHouse up to this version, or show where they stand."`
	SQL         sqlCommand         `cmd:"" name:"sql" help:"Ask the stored requests, findings and incidents in SQL: a prompt with views and hunting queries at hand, or --query. Can only read."`
	Deadletters deadLettersCommand `cmd:"" help:"Look at records that could not become events, and replay those that now can."`
	Deliveries  deliveriesCommand  `cmd:"" help:"Look at what became of incidents at each channel, and have what failed tried again."`
	Silence     silenceCommand     `cmd:"" help:"Keep incidents that match from being told, for a while; list and end such silences."`
	Allow       allowCommand       `cmd:"" help:"The allow-list: what is known to be harmless, who answers for it, until when, and every change of it."`
	Fingerprint fingerprintCommand `cmd:"" help:"Read tokens from standard input, one a line, and print each one's fingerprint: what the tables, findings and messages call it."`
	Decode      decodeCommand      `cmd:"" help:"Show what records become, column by column, and why one is refused. Needs neither Kafka nor ClickHouse."`
	Backtest    backtestCommand    `cmd:"" help:"Play history through the detection: how many alerts there would have been, and which thefts would have been found."`
	Explain     explainCommand     `cmd:"" help:"Show what is known of a token and why it was found: its profile, a chart of its week, the evidence in words."`
	Simulate    simulateCommand    `cmd:"" help:"Write the access logs of a made-up fleet, with thefts in it and the truth about them: something to run backtest on, or to fill a trial with."`
	Setup       setupCommand       `cmd:"" help:"Build the database of networks (ASN) that the embedded engines' folder lacks. 'make setup' calls it."`
	Version     versionCommand     `cmd:"" help:"Print the version."`

	Config string `short:"c" type:"path" placeholder:"FILE" help:"Configuration in YAML; tokenwatch.example.yaml documents every key. Without it, ./tokenwatch.yaml if there is one. Every key can also be set in the environment: kafka.brokers is TOKENWATCH_KAFKA_BROKERS."`
}

// process is what a command gets from the outside world.
type process struct {
	ctx     context.Context
	config  string
	environ []string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
}

// errFailed ends the program with exit code 1 after the command has said why itself.
var errFailed = errors.New("failed")

func main() {
	local.ChildMain() // if this process is the embedded ClickHouse, it never returns
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	p := &process{ctx: ctx, environ: os.Environ(), stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	code := p.main(os.Args[1:])
	stop()
	os.Exit(code)
}

// main runs the command that the arguments name and returns the exit code: 0 done,
// 1 failed, 2 not understood.
func (p *process) main(args []string) int {
	var c cli
	exit := -1
	parser, err := kong.New(&c, kong.Name("tokenwatch"),
		kong.Description("Tells you when an API token is used as its owner would not."+
			"\n\nNew here? 'tokenwatch demo' shows everything in two minutes; then 'tokenwatch run', and send access logs to its Kafka."),
		kong.Writers(p.stdout, p.stderr), kong.Exit(func(code int) { exit = code }), kong.UsageOnError(),
		kong.Vars{"version": version(), "formats": strings.Join(simulate.Gateways(), ", ")})
	if err != nil {
		fmt.Fprintln(p.stderr, "tokenwatch:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help has been printed
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "tokenwatch: %v\nTry 'tokenwatch --help'.\n", err)
		return 2
	}
	p.config = c.Config
	switch err := command.Run(p); {
	case err == nil:
		return 0
	case errors.Is(err, errFailed):
		return 1
	default:
		fmt.Fprintln(p.stderr, "tokenwatch:", err)
		return 1
	}
}

// load reads the configuration: the file, if there is one, and the environment.
func (p *process) load() (Config, error) {
	cfg := DefaultConfig()
	if err := load(p.file(), p.environ, &cfg); err != nil {
		return cfg, err
	}
	for _, name := range strangeEnv(p.environ, &cfg) {
		fmt.Fprintf(p.stderr, "tokenwatch: the environment variable %s is none of mine, and is ignored\n", name)
	}
	return cfg, cfg.Validate()
}

// file is the configuration named on the command line, or ./tokenwatch.yaml if there is
// one.
func (p *process) file() string {
	if p.config != "" {
		return p.config
	}
	if _, err := os.Stat(defaultFile); err == nil {
		return defaultFile
	}
	return ""
}

const defaultFile = "tokenwatch.yaml"

// logger writes as the configuration says.
func (p *process) logger(c LogConfig) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.Level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(p.stderr, options))
	}
	return slog.New(slog.NewTextHandler(p.stderr, options))
}
