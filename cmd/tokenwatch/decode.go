package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

type decodeCommand struct {
	Files  []string `arg:"" placeholder:"FILE" help:"Records as your gateway writes them: JSON in one line or several, arrays, lines of text, also gzipped. - is standard input."`
	Format string   `placeholder:"FORMAT" help:"Format of the records, in place of the configured one: auto, nginx, kong, apisix, envoy, traefik, caddy, haproxy, aws-apigateway, cloudflare, litellm, tokenwatch, or one of ingest.custom."`
	Topic  string   `placeholder:"TOPIC" help:"Decode as records of this topic, where ingest.topics has it."`
	JSON   bool     `name:"json" help:"One JSON object for each event and each refusal."`
}

// Help is what --help says beyond the flags.
func (decodeCommand) Help() string {
	return `Shows what records become, column by column, and why one is refused and what to do then:

  tokenwatch decode access.log
  tail -n 5 /var/log/nginx/access.log | tokenwatch decode -

It needs neither Kafka nor ClickHouse and stores nothing. Tokens are shown as they are
stored: hint and fingerprint. The exit code is 1 if anything was refused.`
}

// longestDocument bounds what one document of a file may take in memory.
const longestDocument = 256 << 20

// Run decodes the files.
func (c decodeCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	if c.Format != "" {
		cfg.Ingest.Format, cfg.Ingest.Topics = c.Format, nil
		if err := cfg.Ingest.validate(); err != nil {
			return fmt.Errorf("--format: %w", err)
		}
	}
	d, closePlaces, err := c.decoder(p, cfg)
	if err != nil {
		return err
	}
	defer closePlaces()
	t := &narrator{decoder: d, topic: c.Topic, out: bufio.NewWriter(p.stdout), json: c.JSON, now: time.Now().UTC()}
	if t.topic == "" {
		t.topic = cfg.Kafka.Topic
	}
	for _, file := range c.Files {
		if err = t.file(p, file); err != nil {
			break
		}
	}
	end := io.Writer(t.out)
	if c.JSON {
		end = p.stderr
	}
	if err == nil {
		t.tally.print(end)
	}
	if err := errors.Join(err, t.out.Flush()); err != nil {
		return err
	}
	if t.tally.refused() > 0 {
		return errFailed
	}
	return nil
}

// decoder makes the decoder that run would use, as far as what that needs is there.
func (c decodeCommand) decoder(p *process, cfg Config) (*ingest.Decoder, func(), error) {
	pepper, err := cfg.pepper()
	if cfg.Ingest.PepperFile == "" && absent(cfg.generatedPepper()) {
		fmt.Fprintln(p.stderr, "tokenwatch: no pepper yet (run makes one): the fingerprints below are made with a throwaway one")
		pepper, err = throwaway()
	}
	if err != nil {
		return nil, nil, err
	}
	var locator ingest.Locator
	closePlaces := func() {}
	if places, err := cfg.openPlaces(slog.New(slog.DiscardHandler)); err != nil {
		fmt.Fprintln(p.stderr, "tokenwatch: no address databases (make setup fetches them): places stay empty")
	} else {
		locator, closePlaces = places, func() { _ = places.Close() }
	}
	d, err := ingest.NewDecoder(cfg.Ingest.DecodeConfig, pepper, locator)
	return d, closePlaces, err
}

func absent(file string) bool {
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist)
}

// throwaway is a pepper that nobody keeps.
func throwaway() (ingest.Pepper, error) {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return ingest.ParsePepper(hex.EncodeToString(key))
}

// narrator decodes records and writes down what became of each.
type narrator struct {
	decoder *ingest.Decoder
	topic   string
	out     *bufio.Writer
	json    bool
	now     time.Time
	offset  int64
	block   schema.Block
	// outlines are what else is known of the entries that do not say whose request it was.
	outlines []schema.Event
	tally    tally
}

func (t *narrator) file(p *process, name string) error {
	from, shown := p.stdin, "stdin"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		from, shown = f, name
	}
	plain, err := unzipped(from)
	if err != nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	before := t.tally.records
	err = format.Split(plain, longestDocument, func(record []byte, line int) error {
		t.record(record, fmt.Sprintf("%s:%d", shown, line))
		return p.ctx.Err()
	})
	if err != nil {
		return fmt.Errorf("%s: %w", shown, err)
	}
	if t.tally.records == before {
		return fmt.Errorf("%s: no records in it", shown)
	}
	return nil
}

// unzipped reads gzip where it is gzip, told by its first bytes.
func unzipped(from io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(from)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	return gzip.NewReader(buffered)
}

// record decodes one record and writes its entries in their order.
func (t *narrator) record(record []byte, at string) {
	b := &t.block
	b.Events, b.DeadLetters = b.Events[:0], b.DeadLetters[:0]
	pos := ingest.Position{Topic: t.topic, Offset: t.offset, At: t.now}
	t.decoder.Decode(b, record, pos)
	t.outlines = nil
	if !t.json && slices.ContainsFunc(b.DeadLetters, func(l schema.DeadLetter) bool { return l.Reason == string(format.NoToken) }) {
		t.outlines = t.decoder.Outline(record, pos)
	}
	t.offset++
	t.tally.records++
	events, letters := b.Events, b.DeadLetters
	several := len(events)+len(letters) > 1
	for len(events)+len(letters) > 0 {
		place := at
		if len(letters) == 0 || len(events) > 0 && events[0].Item < letters[0].Item {
			e := &events[0]
			events = events[1:]
			if several {
				place = fmt.Sprintf("%s entry %d", at, e.Item+1)
			}
			t.tally.event(e)
			t.event(place, e)
			continue
		}
		l := &letters[0]
		letters = letters[1:]
		if several {
			place = fmt.Sprintf("%s entry %d", at, l.Item+1)
		}
		t.tally.letter(l)
		t.letter(place, l)
	}
}
