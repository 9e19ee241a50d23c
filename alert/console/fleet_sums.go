package console

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// sumsLast is how long the sums over all tokens are shown before they are counted again: they change slowly, cost a
// row a token, and each page of each list shows them.
const sumsLast = 20 * time.Second

// fleetSum is what is said of all tokens at once.
type fleetSum struct {
	counts    board.FleetCounts
	days      []board.FleetDay
	detectors []board.FleetDetector
}

// fleetSums counts for whoever asks first, and keeps it for those who ask then.
type fleetSums struct {
	store fleetStore
	mu    sync.Mutex
	sum   fleetSum
	at    time.Time
}

func (f *fleetSums) get(ctx context.Context) (fleetSum, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := ctx.Err(); err != nil { // somebody else's question took too long
		return fleetSum{}, err
	}
	if time.Since(f.at) < sumsLast {
		return f.sum, nil
	}
	var sum fleetSum
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { sum.counts, err = f.store.BoardFleetCounts(ctx); return err })
	group.Go(func() (err error) { sum.days, err = f.store.BoardFleetDays(ctx, fleetDays); return err })
	group.Go(func() (err error) { sum.detectors, err = f.store.BoardFleetDetectors(ctx, fleetDays); return err })
	if err := group.Wait(); err != nil {
		return fleetSum{}, err
	}
	f.sum, f.at = sum, time.Now()
	return sum, nil
}
