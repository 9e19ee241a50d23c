package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/bookmark"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	logtail "github.com/tokenwatch/tokenwatch/ingest/tail"
)

type tailCommand struct {
	Files     []string `arg:"" name:"file" help:"Log files, or wildcards in quotes."`
	FromStart bool     `xor:"from" help:"Send what stands in a file already when it is seen for the first time. This is the default."`
	FromEnd   bool     `xor:"from" help:"Of a file that was never followed, send only what is written from now on."`
	Topic     string   `placeholder:"TOPIC" help:"Topic to send to, one that tokenwatch reads; kafka.topic if not set."`
	Positions string   `type:"path" placeholder:"FILE" help:"Where to remember how far each file was read; data_dir/tail.json if not set. Each tail that runs at the same time needs its own."`
}

// Help is what --help says beyond the flags.
func (tailCommand) Help() string {
	return `Follows access logs into Kafka until it is told to stop, and goes on where it was at the next start:

  tokenwatch tail /var/log/nginx/access.log '/var/log/haproxy/*.log'

Without kafka.brokers it sends to the embedded Kafka of the 'tokenwatch run' on this machine. Every line arrives once; after
kill -9, or when Kafka did not answer, the last ones may arrive twice. Rotation by renaming loses nothing. With
logrotate's copytruncate, what is written between the copy and the truncation is lost to everybody. Files that are rotated and
compressed while nobody follows them are for 'tokenwatch import'.`
}

// Run follows the files until it is told to stop.
func (c tailCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	patterns, err := c.patterns()
	if err != nil {
		return err
	}
	topic, err := cfg.topicOr(c.Topic)
	if err != nil {
		return err
	}
	to, err := cfg.reachedKafka()
	if err != nil {
		return err
	}
	book, err := openBook(c.Positions, filepath.Join(cfg.DataDir, "tail.json"))
	if err != nil {
		return err
	}
	defer book.Close()
	out, err := cfg.outlet(to, topic)
	if err != nil {
		return err
	}
	defer out.producer.Close()
	log := p.logger(cfg.Log)
	t := &logtail.Tailer{
		Patterns: patterns, FromEnd: c.FromEnd, MaxLine: out.sender.Splitter.Most() - 1,
		Poll: logtail.DefaultPoll, Quiet: logtail.DefaultQuiet, Book: book, Log: log, Deliver: out.lines(log),
	}
	err = newEngines(cfg, log, newReadiness()).patiently(p.ctx, "kafka", kafka.Passing, func() error { return kafka.Check(p.ctx, to) })
	if err == nil {
		log.Info("following", "files", patterns, "topic", topic, "brokers", to.Brokers)
		err = t.Run(p.ctx)
	}
	if errors.Is(err, context.Canceled) && p.ctx.Err() != nil {
		err = nil // asked to end
	}
	log.Info("stopping", "records", out.sender.Tally.Records, "unkeyed", out.sender.Tally.Unkeyed, "cut", out.sender.Tally.Cut)
	return err
}

// patterns makes the names absolute: positions are remembered under them.
func (c tailCommand) patterns() ([]string, error) {
	var patterns []string
	for _, file := range c.Files {
		if logtail.Compressed(file) {
			return nil, fmt.Errorf("%s: compressed files are not written to any more; read it with: tokenwatch import %s", file, file)
		}
		if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s: not a regular file; name files, or '%s' in quotes", file, filepath.Join(file, "*.log"))
		}
		whole, err := filepath.Abs(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		patterns = append(patterns, whole)
	}
	return patterns, nil
}

// lines is the tail.Deliver.
func (o *outlet) lines(log *slog.Logger) func(context.Context, []byte) (int, error) {
	o.sender.Splitter.Lines = true
	o.sender.Trouble = troubleIn(log)
	return func(ctx context.Context, text []byte) (int, error) {
		defer o.sender.Splitter.Reset()
		return o.sender.Send(ctx, text, true)
	}
}

// troubleIn logs when Kafka does not take records, and when it does again.
func troubleIn(log *slog.Logger) func(error) {
	var since time.Time
	return func(err error) {
		if err != nil {
			since = time.Now()
			log.Warn("Kafka does not take records; trying until it does", "error", err)
			return
		}
		log.Info("Kafka takes records again", "after", time.Since(since).Round(time.Millisecond))
	}
}

// openBook opens the positions that were named, or those in the data folder.
func openBook(named, usual string) (*bookmark.Book, error) {
	if named == "" {
		named = usual
	}
	book, err := bookmark.Open(named)
	if errors.Is(err, bookmark.ErrLocked) {
		return nil, fmt.Errorf("%w: name all files in one command, or give this one --positions FILE of its own", err)
	}
	return book, err
}
