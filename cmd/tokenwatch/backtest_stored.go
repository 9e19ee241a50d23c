package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// storedHistory is a history of events in ClickHouse.
type storedHistory struct {
	process *process
	engines *engines
	prints  *ingest.Fingerprinter // nil without a pepper: labels are fingerprints then
	from    time.Time
	to      time.Time
	extent  clickhouse.Extent
}

// openStored reaches the database. A zero to is now.
func openStored(p *process, cfg Config, from, to time.Time) (history, error) {
	if to.IsZero() {
		if to = time.Now().UTC(); !to.After(from) {
			return nil, fmt.Errorf("--from: %s is not past yet, and without --to events are played until now", from.Format(time.RFC3339))
		}
	}
	h := &storedHistory{process: p, from: from, to: to, engines: newEngines(cfg, p.quietLogger(cfg.Log), newReadiness())}
	if pepper, err := cfg.pepper(); err == nil {
		h.prints = ingest.NewFingerprinter(pepper)
	}
	err := h.engines.reachClickHouse(p.ctx, cfg)
	if err == nil {
		err = h.engines.db.Migrate(p.ctx)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

func (h *storedHistory) close() {
	if err := h.engines.stop(h.process.ctx); err != nil {
		fmt.Fprintln(h.process.stderr, "tokenwatch:", err)
	}
}

func (h *storedHistory) prepare(ctx context.Context, b *gauge) (err error) {
	b.begin("Looking through what is stored", 0, "")
	h.extent, err = h.engines.db.EventExtent(ctx, h.from, h.to)
	if err == nil && h.extent.Events == 0 {
		err = fmt.Errorf("no events are stored between %s and %s; clickhouse.retention.events says how long they are kept",
			h.from.Format(time.RFC3339), h.to.Format(time.RFC3339))
	}
	return err
}

func (h *storedHistory) span() (from, to time.Time) { return h.extent.First, h.extent.Last }

func (h *storedHistory) ids(name string) []schema.TokenID {
	return fingerprints(h.prints, format.Names(), name)
}

func (h *storedHistory) play(ctx context.Context, player *backtest.Player, b *gauge) error {
	b.begin("Playing", int64(h.extent.Events), "events")
	n := int64(0)
	return h.engines.db.EventsByTime(ctx, h.extent, func(e *schema.Event) error {
		e.Offset, e.Ingested = n, e.Time // as if each had been taken in when it happened
		if n++; n%1024 == 0 {
			b.set(n)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		return player.Event(e)
	})
}

func (h *storedHistory) moments() func(dst []byte, at time.Time) []byte { return nil }

func (h *storedHistory) describe(r *backtest.Report) {
	if h.prints == nil && r.Unmatched > 0 {
		r.Notes = append(r.Notes, "There is no pepper here, so labels that name tokens rather than fingerprints match nothing.")
	}
}

// interrupted tells whether a run ended because somebody wanted it to.
func interrupted(err error) bool { return errors.Is(err, context.Canceled) }
