package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/detect"
	boards "github.com/tokenwatch/tokenwatch/schema/board"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

const (
	keptRuns = 8 // that are remembered
	// benchEvents is how many events a run plays at most: some seconds of a processor for each of the two engines.
	benchEvents = 2_000_000
	// benchTokens bounds the profiles of each of the two engines, of about 1 KiB each.
	benchTokens = 100_000
)

// workbench runs backtests for the console, one at a time, and remembers the last few. What it reads and computes gives way
// to the work that the program is there for.
type workbench struct {
	cfg  Config
	db   *clickhouse.DB
	most uint64 // events of a run

	mu     sync.Mutex
	runs   []*boards.BacktestRun // newest first, at most keptRuns
	cancel context.CancelFunc    // of the one that runs; nil: none
	done   chan struct{}         // closed when it has ended
	closed bool
}

func newWorkbench(cfg Config, db *clickhouse.DB) *workbench {
	return &workbench{cfg: cfg, db: db, most: benchEvents}
}

// Offer is what can be tried.
func (b *workbench) Offer() boards.BacktestOffer {
	d := b.cfg.Detect
	return boards.BacktestOffer{
		Current: boards.BacktestOrder{
			Days: 14, Budget: d.Budget, AlertNats: d.AlertNats, HalfLife: d.HalfLife, Probation: d.Probation, MinSeverity: b.cfg.Alert.MinSeverity, Trial: slices.Sorted(slices.Values(d.Simulate)),
		},
		Detectors: detect.Detectors(), Events: b.most, Kept: keptRuns,
	}
}

// Start begins a run.
func (b *workbench) Start(by string, order boards.BacktestOrder) (string, error) {
	order.Trial = slices.Sorted(slices.Values(order.Trial))
	changed, err := reordered(b.cfg, order)
	if err != nil {
		return "", fmt.Errorf("%w: %w", console.ErrBacktest, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return "", fmt.Errorf("%w: tokenwatch is stopping", console.ErrBacktest)
	case b.cancel != nil:
		return "", fmt.Errorf("%w: one is running, and one runs at a time; wait for it, or cancel it", console.ErrBacktest)
	}
	run := &boards.BacktestRun{ID: strings.ToLower(rand.Text()[:12]), By: by, Order: order, State: boards.BacktestRunning, Phase: "Counting what is stored", Started: time.Now().UTC()}
	b.runs = append([]*boards.BacktestRun{run}, b.runs[:min(len(b.runs), keptRuns-1)]...)
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the request
	b.cancel, b.done = cancel, make(chan struct{})
	go b.run(ctx, run, &tryout{db: b.db, now: b.cfg, then: changed, order: order, most: b.most, tell: func(phase string, done, total uint64) { b.tell(run, phase, done, total) }}, b.done)
	return run.ID, nil
}

// run plays, and notes what came of it.
func (b *workbench) run(ctx context.Context, run *boards.BacktestRun, t *tryout, done chan struct{}) {
	defer close(done)
	result, err := t.play(ctx)
	stopped := ctx.Err() != nil
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cancel()
	b.cancel, run.Ended = nil, time.Now().UTC()
	switch {
	case err == nil:
		run.State, run.Result = boards.BacktestDone, result
	case stopped:
		run.State = boards.BacktestCancelled
	default:
		run.State, run.Error = boards.BacktestFailed, err.Error()
	}
}

func (b *workbench) tell(run *boards.BacktestRun, phase string, done, total uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	run.Phase, run.Done, run.Total = phase, done, total
}

// Cancel ends a run.
func (b *workbench) Cancel(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel == nil || b.runs[0].ID != id {
		return false
	}
	b.cancel()
	return true
}

// Runs are the last few as they stand.
func (b *workbench) Runs() []boards.BacktestRun {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]boards.BacktestRun, len(b.runs))
	for i, run := range b.runs {
		list[i] = *run
	}
	return list
}

// stop ends what runs, and returns when it has ended. A nil workbench has nothing to end.
func (b *workbench) stop() {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.closed = true
	if b.cancel != nil {
		b.cancel()
	}
	done := b.done
	b.mu.Unlock()
	if done != nil {
		<-done
	}
}
