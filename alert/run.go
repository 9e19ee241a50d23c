package alert

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	saveTimeout = 10 * time.Second
	sweepEvery  = 2 * time.Second // how often what the Log refused is offered again
	quietEvery  = 15 * time.Second
)

// Run delivers until ctx ends, first of all what an earlier process left. It waits for
// the Log as long as it takes, and returns nil once every call under way has ended.
func (d *Dispatcher) Run(ctx context.Context) error {
	d.takeOrders(ctx)
	if err := d.loadPatiently(ctx); err != nil {
		return nil //nolint:nilerr // ctx ended before there was anything to do
	}
	var workers sync.WaitGroup
	workers.Go(func() { d.obey(ctx) })
	for _, box := range d.boxes {
		workers.Go(func() { d.work(ctx, box) })
	}
	d.sweep(ctx)
	workers.Wait()
	return d.saveUnsaved(context.WithoutCancel(ctx), nil)
}

func (d *Dispatcher) loadPatiently(ctx context.Context) error {
	if d.home == nil {
		return nil
	}
	wait := newBackoff()
	for {
		err := d.home.load(ctx)
		if err == nil {
			return nil
		}
		pause := wait.NextBackOff()
		d.slog.Warn("alerts wait for the incident log", "error", err, "retry_in", pause.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// sweep resolves what has gone quiet and saves what could not be saved, until ctx ends.
func (d *Dispatcher) sweep(ctx context.Context) {
	save, quiet := time.NewTicker(sweepEvery), time.NewTicker(quietEvery)
	defer save.Stop()
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-save.C:
			if err := d.saveUnsaved(ctx, nil); err != nil {
				d.slog.Warn("deliveries are not recorded yet; a crash now would repeat them", "error", err)
			}
		case <-quiet.C:
			if err := d.resolveQuiet(ctx, time.Now()); err != nil {
				d.slog.Warn("a quiet incident could not be resolved yet", "error", err)
			}
			d.remind(time.Now())
		}
	}
}

func (d *Dispatcher) resolveQuiet(ctx context.Context, now time.Time) error {
	quiet := d.book.list(func(p *page) bool {
		return p.inc.State != schema.IncidentResolved && now.Sub(latestOf(p)) >= d.cfg.ResolveAfter
	})
	for _, p := range quiet {
		if err := d.resolve(ctx, p.inc.ID, now); err != nil {
			return err
		}
	}
	if len(quiet) > 0 {
		d.observer.Open(d.book.size())
	}
	return nil
}

// latestOf is when the incident was last heard of. Events can arrive late: quiet counts
// from the later of the event and its arrival.
func latestOf(p *page) time.Time {
	if p.heard.After(p.inc.Updated) {
		return p.heard
	}
	return p.inc.Updated
}

// keep files a page and saves it. If the Log refuses, deliveries go on and the sweep
// offers it again: a Log that is away must not keep people from being told. The caller
// holds the token's lock.
func (d *Dispatcher) keep(p *page) {
	ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
	defer cancel()
	err := p.share.log.SaveIncident(ctx, &p.inc)
	if p.unsaved = err != nil; p.unsaved {
		d.slog.Warn("a delivery could not be recorded and will be later", "incident", p.inc.ID, "error", err)
	}
	d.book.put(p, d.cfg.MaxOpen)
}

// saveUnsaved saves what the Log refused, of one share or (nil) of all.
func (d *Dispatcher) saveUnsaved(ctx context.Context, of *Share) error {
	for _, p := range d.book.list(func(p *page) bool { return p.unsaved && (of == nil || p.share == of) }) {
		if err := d.saveAgain(ctx, p.inc.ID); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dispatcher) saveAgain(ctx context.Context, id string) error {
	p := d.book.page(id)
	if p == nil {
		return nil
	}
	defer d.book.lock(subjectOf(&p.inc))()
	p = d.book.page(id)
	if p == nil || !p.unsaved {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	if err := p.share.log.SaveIncident(ctx, &p.inc); err != nil {
		return fmt.Errorf("saving incident %s: %w", id, err)
	}
	saved := *p
	saved.unsaved = false
	d.book.put(&saved, d.cfg.MaxOpen)
	d.finish(id)
	return nil
}

// finish lets go of a resolved incident once nobody has to hear of it any more.
func (d *Dispatcher) finish(id string) {
	if !d.waits(id) {
		d.book.drop(id)
	}
}
