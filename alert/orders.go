package alert

import (
	"context"
	"math"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	ordersEvery = 5 * time.Second
	// ordersKept is how far back retries are looked at: an order is obeyed also by an instance that takes an incident
	// over a while after it was given.
	ordersKept = time.Hour
)

// obey looks for orders until ctx ends.
func (d *Dispatcher) obey(ctx context.Context) {
	if d.orders == nil {
		return
	}
	tick := time.NewTicker(ordersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.takeOrders(ctx)
		}
	}
}

// takeOrders reads silences and retries. Where they cannot be read the ones known stay in force.
func (d *Dispatcher) takeOrders(ctx context.Context) {
	if d.orders == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	silences, err := d.orders.Silences(ctx)
	if err == nil {
		d.silence(silences)
		var retries []schema.Retry
		retries, err = d.orders.Retries(ctx, time.Now().Add(-ordersKept))
		for _, r := range retries {
			d.retry(r)
		}
	}
	if err != nil && ctx.Err() == nil {
		d.slog.Warn("silences and retries cannot be read; those known stay in force", "error", err)
	}
}

func (d *Dispatcher) silence(list []schema.Silence) {
	var silences []Silence
	for _, s := range list {
		read, err := ReadSilence(s)
		if err != nil {
			d.slog.Warn("a silence is none, and is ignored", "id", s.ID, "error", err)
			continue
		}
		silences = append(silences, read)
	}
	d.silences.Store(&silences)
}

// retry has deliveries tried at once that failed before the order was given. Repeated, it changes nothing.
func (d *Dispatcher) retry(order schema.Retry) {
	p := d.book.page(order.Incident)
	if p == nil {
		return // somebody else has it, or it is over
	}
	for _, box := range d.boxes {
		name := box.notifier.Name()
		last, wanted := delivery(&p.inc, name)
		if !wanted || (order.Destination != "" && order.Destination != name) || last.Error == "" || last.At.After(order.At) {
			continue
		}
		if _, acts := box.actor(); acts {
			continue // to act again is for a person to decide, where people decide such things
		}
		box.forget(p.inc.ID)
		d.record(box, p, func(del *schema.Delivery) {
			del.Dead, del.Attempts, del.Error, del.Since, del.Next, del.At = false, 0, "", time.Time{}, time.Time{}, time.Now()
		})
	}
}

func (d *Dispatcher) slowDown() float64 { return math.Float64frombits(d.slowness.Load()) }
