package alert

import (
	"context"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// archiveRows is how many incidents are copied in one go.
const archiveRows = 500

// copy brings the archive up to date until ctx ends, and once more then. An archive that is away holds up nobody.
func (l *ledger) copy(ctx context.Context) {
	pause := newBackoff()
	for {
		err := l.copyAll(ctx)
		wait := time.Duration(1<<63 - 1)
		if err != nil && ctx.Err() == nil {
			wait = pause.NextBackOff()
			l.slog.Warn("incidents are not in ClickHouse yet; they are kept in Kafka", "error", err, "retry_in", wait.Round(time.Millisecond))
		} else {
			pause.Reset()
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
			defer cancel()
			_ = l.copyAll(ctx) // the next owner copies what is missing
			return
		case <-l.dirty:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (l *ledger) copyAll(ctx context.Context) error {
	for {
		batch := l.uncopied()
		if len(batch) == 0 {
			return nil
		}
		if err := l.archive.SaveIncidents(ctx, batch); err != nil {
			return err
		}
		l.copied(batch)
	}
}

func (l *ledger) uncopied() (batch []schema.Incident) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if !line.archived && len(batch) < archiveRows {
			batch = append(batch, line.Incident)
		}
	}
	return batch
}

func (l *ledger) copied(batch []schema.Incident) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, inc := range batch {
		if line := l.lines[inc.ID]; line != nil && line.Revision == inc.Revision {
			line.archived = true
		}
	}
}

// inherit takes over the open incidents that the archive has and the journal does not, when the journal is empty: those
// of a tokenwatch that had none, or of a topic that was lost.
func (l *ledger) inherit(ctx context.Context, partitionOf func(key []byte) int32) error {
	if len(l.lines) > 0 || l.written > 0 {
		return nil
	}
	open, err := l.archive.Incidents(ctx, schema.IncidentOpen, schema.IncidentAcknowledged)
	if err != nil {
		return fmt.Errorf("looking for open incidents in the archive: %w", err)
	}
	var mine []schema.Incident
	for _, inc := range newestFirst(open) {
		if partitionOf([]byte(subjectOf(&inc).String())) == l.partition {
			mine = append(mine, inc)
		}
	}
	return l.SaveIncidents(ctx, mine)
}
