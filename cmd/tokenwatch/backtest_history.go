package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/unpack"
	"github.com/tokenwatch/tokenwatch/schema"
)

// history is what a backtest plays.
type history interface {
	// prepare reads what has to be read before the first moment can be played.
	prepare(ctx context.Context, b *gauge) error
	// span is from when to when it goes.
	span() (from, to time.Time)
	// ids are the fingerprints that a name in the labels may stand for.
	ids(name string) []schema.TokenID
	// play plays it; now and then it tells the gauge.
	play(ctx context.Context, player *backtest.Player, b *gauge) error
	// moments writes times as the input does; nil for RFC 3339.
	moments() func(dst []byte, at time.Time) []byte
	// describe adds to the report what one should know of the input.
	describe(r *backtest.Report)
	close()
}

// window is how much memory a compressed file may ask for: zstd --long has 128 MiB.
const window = 128 << 20

// openText opens a file of text, compressed or not, and tells how many of its bytes were read.
func openText(name string, read func(n int)) (io.ReadCloser, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	plain, _, err := unpack.Sniff(metered{file, read}, window)
	if err != nil {
		_ = file.Close() // it was only read
		return nil, fmt.Errorf("%s: %w", shorter(name), err)
	}
	return text{plain, file}, nil
}

// openInput opens a file, or standard input, which may be compressed likewise, and says what it is called.
func openInput(name string, stdin io.Reader, read func(n int)) (from io.ReadCloser, shown string, err error) {
	if name != stdinName {
		from, err = openText(name, read)
		return from, shorter(name), err
	}
	shown = "standard input"
	if from, _, err = unpack.Sniff(metered{stdin, read}, window); err != nil {
		err = fmt.Errorf("%s: %w", shown, err)
	}
	return from, shown, err
}

type text struct {
	io.ReadCloser
	file *os.File
}

func (t text) Close() error {
	_ = t.ReadCloser.Close() // of the decompressor, which holds nothing
	return t.file.Close()
}

// metered tells how much is read.
type metered struct {
	io.Reader
	read func(n int)
}

func (m metered) Read(b []byte) (int, error) {
	n, err := m.Reader.Read(b)
	if m.read != nil && n > 0 {
		m.read(n)
	}
	return n, err
}

// countHistory is a history of counts.
type countHistory struct {
	file   string
	stdin  io.Reader
	counts *backtest.Counts
	named  func(name string) schema.TokenID
	tokens []schema.TokenID // as counts.Tokens
	known  map[string]schema.TokenID
}

// openCounts prepares to read counts. Their tokens are called by names that stand in the files, so a fingerprint hides
// nothing; with a pepper it is the one that the tables know.
func openCounts(p *process, cfg Config, file string) (history, error) {
	h := &countHistory{file: file, stdin: p.stdin, known: map[string]schema.TokenID{}}
	h.named = func(name string) (id schema.TokenID) {
		sum := sha256.Sum256([]byte("tokenwatch counts\x00" + name))
		copy(id[:], sum[:])
		return id
	}
	if pepper, err := cfg.pepper(); err == nil {
		prints := ingest.NewFingerprinter(pepper)
		h.named = func(name string) schema.TokenID { return prints.Token([]byte(name)) }
	} else if cfg.Ingest.PepperFile != "" {
		return nil, err
	}
	return h, nil
}

func (h *countHistory) prepare(ctx context.Context, b *gauge) error {
	size, err := h.size()
	if err != nil {
		return fmt.Errorf("--counts: %w", err)
	}
	b.begin("Reading counts", size, "bytes")
	from, shown, err := openInput(h.file, h.stdin, func(n int) { b.add(int64(n)) })
	if err != nil {
		return fmt.Errorf("--counts: %w", err)
	}
	defer from.Close()
	h.counts, err = backtest.ReadCounts(bufio.NewReaderSize(stoppable{ctx, from}, 1<<16))
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s: %w", shown, err)
	}
	taken := map[schema.TokenID]bool{}
	for _, name := range h.counts.Tokens {
		id, err := schema.ParseTokenID(name)
		if err != nil || id.IsZero() || taken[id] {
			id = h.named(name)
		}
		for n := 2; taken[id]; n++ { // names that ingest takes for one, such as x and "x", are two here
			id = h.named(fmt.Sprintf("%s\x00%d", name, n))
		}
		taken[id], h.known[name] = true, id
		h.tokens = append(h.tokens, id)
	}
	return nil
}

// size is that of the file; 0 of standard input, of which it is not known.
func (h *countHistory) size() (int64, error) {
	if h.file == stdinName {
		return 0, nil
	}
	info, err := os.Stat(h.file)
	if err != nil {
		return 0, err
	}
	if info.IsDir() {
		return 0, fmt.Errorf("%s is a folder: name a file in it", shorter(h.file))
	}
	return info.Size(), nil
}

// stoppable ends reading when its context ends.
type stoppable struct {
	ctx context.Context
	io.Reader
}

func (s stoppable) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(b)
}

func (h *countHistory) span() (from, to time.Time) { return h.counts.From(), h.counts.To() }

// ids finds a token by its name. A single series has none, so every label is about it.
func (h *countHistory) ids(name string) []schema.TokenID {
	if h.counts.Single() {
		name = ""
	}
	if id, known := h.known[name]; known {
		return []schema.TokenID{id}
	}
	return nil
}

func (h *countHistory) play(ctx context.Context, player *backtest.Player, b *gauge) error {
	b.begin("Playing", int64(len(h.counts.Rows)), "intervals")
	if h.counts.Single() {
		player.Engine = detect.NewSeries() // no fleet tells what is common
	}
	return player.Counts(h.counts, h.tokens, func(done int) error {
		b.set(int64(done))
		return ctx.Err()
	})
}

func (h *countHistory) moments() func(dst []byte, at time.Time) []byte { return h.counts.AppendTime }

func (h *countHistory) describe(r *backtest.Report) {
	r.Ignored = h.counts.Ignored
	if h.counts.Single() {
		r.Notes = append(r.Notes, "A single series is held against its own last days; the budget and the configuration are for many tokens.")
	}
	if h.counts.Local() {
		r.Notes = append(r.Notes, "The times of the counts do not say where they are, and were taken for UTC.")
	}
	r.Notes = append(r.Notes, fmt.Sprintf("Each count is of %s, as far as the distances between rows tell.", stretch(h.counts.Interval)))
}

func (h *countHistory) close() {}
