package alert

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// ledger is the Log of one partition: it keeps incidents in the journal, from where the next owner takes them over, and
// copies them to the archive.
//
// What the next owner has to read is bounded by what there is to know: the journal is read from an offset on behind
// which every incident that matters stands, and when much has been written since, all that matter are written once more
// and the offset moves there (checkpoint). Compaction by the broker helps, but nothing depends on it.
type ledger struct {
	journal   Journal
	archive   Archive
	slog      *slog.Logger
	partition int32
	epoch     int64
	bound     int // resolved incidents that are kept

	mu      sync.Mutex // over appends too: their order is that of the revisions
	lines   map[string]*line
	from    int64 // the offset behind which all lines stand
	end     int64 // offset after the last record that was read or written
	written int   // records since from
	dirty   chan struct{}
}

// line is an incident in the ledger. There are as many as are open, and the resolved ones of the last hour or up to a
// bound, whose findings a replay may bring again.
type line struct {
	entry
	saved    time.Time
	archived bool
}

const (
	appendBytes = 700 << 10          // of one append; brokers take 1 MiB
	replayable  = time.Hour          // how long the findings of a resolved incident may come again
	forsaken    = 7 * 24 * time.Hour // how long one that is over and could not be told waits for that
	churn       = 2000               // records beside four times the lines after which they are written anew
)

// openLedger reads what the former owner left.
func openLedger(ctx context.Context, c *Consumer, partition int32, from int64) (*ledger, error) {
	l := &ledger{
		journal: c.Journal, archive: c.Archive, slog: c.Log, partition: partition, bound: c.Dispatcher.cfg.MaxOpen,
		lines: map[string]*line{}, dirty: make(chan struct{}, 1), epoch: time.Now().UnixMilli(),
	}
	first, end, err := c.Journal.Bounds(ctx, partition)
	if err != nil {
		return nil, err
	}
	if from > end { // the topic was made anew
		from = 0
	}
	l.from, l.end = max(from, first), end
	if err := c.Journal.Read(ctx, partition, l.from, end, l.read); err != nil {
		return nil, err
	}
	l.stir()
	return l, nil
}

func (l *ledger) read(key string, value []byte) error {
	l.written++
	if len(value) == 0 {
		delete(l.lines, key)
		return nil
	}
	e, err := parseEntry(key, value)
	if err != nil {
		l.slog.Warn("a record in the incidents topic is none of mine, and is ignored", "partition", l.partition, "error", err)
		return nil
	}
	l.epoch = max(l.epoch, e.Epoch+1)
	if old := l.lines[key]; old == nil || e.newer(old.entry) {
		l.lines[key] = &line{entry: e, saved: time.Now()}
	}
	return nil
}

// Incidents is the Log's: what was read, and what has been saved since.
func (l *ledger) Incidents(_ context.Context, states ...schema.IncidentState) ([]schema.Incident, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []schema.Incident
	for _, line := range l.lines {
		if slices.Contains(states, line.State) {
			list = append(list, line.Incident)
		}
	}
	return list, nil
}

// SaveIncident is the Log's.
func (l *ledger) SaveIncident(ctx context.Context, inc *schema.Incident) error {
	return l.SaveIncidents(ctx, []schema.Incident{*inc})
}

// SaveIncidents returns when the journal has them. The archive gets them by and by.
func (l *ledger) SaveIncidents(ctx context.Context, incidents []schema.Incident) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.stir()
	entries := make([]entry, len(incidents))
	for i, inc := range incidents {
		entries[i] = entry{l.epoch, inc}
	}
	_, err := l.write(ctx, entries)
	return err
}

// write appends entries in pieces, and gives an offset behind which all of them are.
func (l *ledger) write(ctx context.Context, entries []entry) (first int64, err error) {
	first = l.end
	for len(entries) > 0 {
		var records []JournalRecord
		size := 0
		for _, e := range entries {
			r, err := e.record()
			if err != nil {
				return 0, err
			}
			if size += len(r.Value); size > appendBytes && len(records) > 0 {
				break
			}
			records = append(records, r)
		}
		at, err := l.append(ctx, records)
		if err != nil {
			return 0, err
		}
		first = min(first, at)
		for _, e := range entries[:len(records)] {
			if old := l.lines[e.ID]; old == nil || old.Revision != e.Revision {
				l.lines[e.ID] = &line{entry: e, saved: time.Now()}
			}
		}
		entries = entries[len(records):]
	}
	return first, nil
}

func (l *ledger) append(ctx context.Context, records []JournalRecord) (int64, error) {
	at, err := l.journal.Append(ctx, l.partition, records)
	if err != nil {
		return 0, err
	}
	l.end = at + int64(len(records))
	l.written += len(records)
	return at, nil
}

// checkpoint writes what matters anew if much was written since, and gives the offset from which to read.
func (l *ledger) checkpoint(ctx context.Context) (from int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.written <= 4*len(l.lines)+churn {
		return l.from, nil
	}
	l.written = 0
	var all []entry
	for _, line := range l.lines {
		e := line.entry
		e.Epoch = l.epoch
		all = append(all, e)
	}
	at, err := l.write(ctx, all)
	if err == nil {
		l.from = at
	}
	return l.from, err
}

// tidy takes out the resolved incidents that nobody waits for and whose findings do not come again.
func (l *ledger) tidy(ctx context.Context, waits func(*schema.Incident) bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var over []*line
	for _, line := range l.lines {
		if line.State == schema.IncidentResolved && line.archived && (!waits(&line.Incident) || time.Since(line.saved) > forsaken) {
			over = append(over, line)
		}
	}
	slices.SortFunc(over, func(a, b *line) int { return a.saved.Compare(b.saved) })
	var records []JournalRecord
	for i, line := range over {
		if len(over)-i > l.bound || time.Since(line.saved) > replayable {
			records = append(records, JournalRecord{Key: line.ID})
		}
	}
	if len(records) == 0 {
		return nil
	}
	if _, err := l.append(ctx, records); err != nil {
		return err
	}
	for _, r := range records {
		delete(l.lines, r.Key)
	}
	return nil
}

// stir wakes whoever copies to the archive.
func (l *ledger) stir() {
	select {
	case l.dirty <- struct{}{}:
	default:
	}
}
