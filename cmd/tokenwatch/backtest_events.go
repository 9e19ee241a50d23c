package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/archive"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// eventHistory is a history of records in files. They are decoded once, as run decodes them, and put in the order
// of time on the way.
type eventHistory struct {
	files   []string
	dir     string // for what memory has no room for
	stdin   io.Reader
	decoder *ingest.Decoder
	prints  *ingest.Fingerprinter
	topic   string
	places  func()
	sorter  *backtest.Sorter
	sorting *relay[schema.Event] // beside the decoder
	scratch *os.File
	block   schema.Block
	records int64
	refused map[string]int  // by reason
	sources map[string]bool // formats that records were in
	note    string
}

// openEvents prepares to read files. What memory has no room for goes to dir.
func openEvents(p *process, cfg Config, files []string, formatName, dir string) (history, error) {
	h := &eventHistory{dir: dir, stdin: p.stdin, topic: cfg.Kafka.Topic, places: func() {}, refused: map[string]int{}, sources: map[string]bool{}}
	if formatName != "" {
		cfg.Ingest.Format, cfg.Ingest.Topics = formatName, nil
		if err := cfg.Ingest.validate(); err != nil {
			return nil, fmt.Errorf("--format: %w", err)
		}
	}
	var err error
	if named := slices.DeleteFunc(slices.Clone(files), func(name string) bool { return name == stdinName }); len(named) > 0 {
		if h.files, err = archive.Expand(named); err != nil {
			return nil, fmt.Errorf("--events: %w", err)
		}
	}
	if slices.Contains(files, stdinName) {
		h.files = append(h.files, stdinName)
	}
	if err = h.open(p, cfg); err != nil {
		return nil, err
	}
	h.sorter = backtest.NewSorter(backtest.DefaultMemory, h.room)
	return h, nil
}

// open makes the decoder that run would use, but that takes times as they are: history is as old as it is.
func (h *eventHistory) open(p *process, cfg Config) error {
	pepper, made, err := cfg.anyPepper()
	if err != nil {
		return err
	}
	if made {
		h.note = "No pepper was found, so fingerprints are made with a throwaway one: they are others in the next run."
	}
	var locator ingest.Locator
	if places, err := cfg.openPlaces(slog.New(slog.DiscardHandler)); err != nil {
		if len(cfg.Geo.City)+len(cfg.Geo.ASN) > 0 {
			return err
		}
		fmt.Fprintln(p.stderr, "tokenwatch: no address databases (make setup fetches them): places stay empty, and nothing is found by them")
	} else {
		locator, h.places = places, func() { _ = places.Close() }
	}
	cfg.Ingest.MaxAge, cfg.Ingest.MaxRecordBytes = math.MaxInt64, longestDocument
	if h.decoder, err = ingest.NewDecoder(cfg.Ingest.DecodeConfig, pepper, locator); err != nil {
		return fmt.Errorf("ingest.%w", err)
	}
	h.prints = ingest.NewFingerprinter(pepper)
	return nil
}

// room is where events go that memory has no room for. The file has no name any more, so it is gone with the process.
func (h *eventHistory) room() (backtest.Scratch, error) {
	file, err := os.CreateTemp(h.dir, ".events-*")
	if err != nil {
		return nil, err
	}
	h.scratch = file
	return file, os.Remove(file.Name())
}

func (h *eventHistory) close() {
	h.places()
	if h.scratch != nil {
		_ = h.scratch.Close() // nobody will read it
	}
}

func (h *eventHistory) prepare(ctx context.Context, b *gauge) error {
	total := int64(0)
	for _, name := range h.files {
		if info, err := os.Stat(name); err == nil {
			total += info.Size()
		}
	}
	b.begin(fmt.Sprintf("Reading %s", counted(len(h.files), "file")), total, "bytes")
	h.sorting = newRelay(h.sorter.Add)
	for _, name := range h.files {
		if err := h.read(ctx, name, b); err != nil {
			return errors.Join(h.sorting.close(), err)
		}
	}
	if err := h.sorting.close(); err != nil {
		return err
	}
	if h.sorter.Len() == 0 {
		return fmt.Errorf("no events in %s%s; 'tokenwatch decode FILE' shows why", counted(int(h.records), "record"), details(h.refused))
	}
	return nil
}

func (h *eventHistory) read(ctx context.Context, name string, b *gauge) error {
	from, shown, err := openInput(name, h.stdin, func(n int) { b.add(int64(n)) })
	if err != nil {
		return err
	}
	defer from.Close()
	err = format.Split(bufio.NewReaderSize(stoppable{ctx, from}, 1<<16), longestDocument, func(record []byte, _ int) error { return h.record(record) })
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%s: %w", shown, err)
	}
	return err
}

// record decodes a record. When it was taken in is a moment behind all that it may be of, so that no time is
// taken for a clock that is wrong.
func (h *eventHistory) record(record []byte) error {
	h.block.Events, h.block.DeadLetters = h.block.Events[:0], h.block.DeadLetters[:0]
	h.decoder.Decode(&h.block, record, ingest.Position{Topic: h.topic, Offset: h.records, At: time.Unix(latestEvent, 0)})
	h.records++
	for i := range h.block.DeadLetters {
		h.refused[h.block.DeadLetters[i].Reason]++
	}
	for i := range h.block.Events {
		e := &h.block.Events[i]
		e.Ingested = e.Time // nothing is taken for a backfill
		h.sources[e.Source] = true
		if !h.sorting.add(*e) {
			return errUnsorted // preparing tells why
		}
	}
	return nil
}

var errUnsorted = errors.New("events cannot be sorted")

// latestEvent is in 2106, where the engine's times end.
const latestEvent = math.MaxUint32

func (h *eventHistory) span() (from, to time.Time) { return h.sorter.Span() }

func (h *eventHistory) ids(name string) []schema.TokenID {
	return fingerprints(h.prints, slices.Sorted(maps.Keys(h.sources)), name)
}

func (h *eventHistory) play(ctx context.Context, player *backtest.Player, b *gauge) error {
	b.begin("Playing", int64(h.sorter.Len()), "events")
	n := int64(0)
	return h.sorter.Each(func(e *schema.Event) error {
		e.Offset = n // profiles that make room leave in the order of their last use
		if n++; n%1024 == 0 {
			b.set(n)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return player.Event(e)
	})
}

func (h *eventHistory) moments() func(dst []byte, at time.Time) []byte { return nil }

func (h *eventHistory) describe(r *backtest.Report) {
	if h.note != "" {
		r.Notes = append(r.Notes, h.note)
	}
	if len(h.refused) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %s could not be decoded%s; 'tokenwatch decode FILE' shows why.", sum(h.refused), counted(int(h.records), "record"), details(h.refused)))
	}
	if late := h.sorter.Late(); late > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d events came behind a later one and were put in the order of time.", late, h.sorter.Len()))
	}
}

// anyPepper is the configured pepper, or a throwaway one where none is configured and none was made yet.
func (c Config) anyPepper() (pepper ingest.Pepper, made bool, err error) {
	pepper, err = c.pepper()
	if err != nil && c.Ingest.PepperFile == "" && absent(c.generatedPepper()) {
		pepper, err = throwaway()
		return pepper, true, err
	}
	return pepper, false, err
}

// fingerprints are those that a token's name may stand for: what it is in hexadecimal, of the token itself, of a
// gateway's id of it, of its owner. Formats are those that may have named it.
func fingerprints(prints *ingest.Fingerprinter, formats []string, name string) []schema.TokenID {
	var list []schema.TokenID
	if id, err := schema.ParseTokenID(name); err == nil {
		list = append(list, id)
	}
	if prints == nil || name == "" {
		return list
	}
	list = append(list, prints.Token([]byte(name)), prints.Consumer([]byte(name)))
	for _, source := range formats {
		list = append(list, prints.Credential(source, []byte(name)), prints.For(source, []byte(name)))
	}
	slices.SortFunc(list, func(a, b schema.TokenID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(list)
}
