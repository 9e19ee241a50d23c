package main

import "sync/atomic"

// relay hands values over to a goroutine of its own, in batches and in their order, so that making them and using
// them share the work of two processors. What is under way is bounded.
type relay[T any] struct {
	batch  []T
	full   chan []T
	empty  chan []T
	ended  chan struct{}
	failed atomic.Bool
	err    error // of use; to be read when ended is closed
}

// Batches of a relay, and values in each.
const (
	relayBatches = 4
	relaySize    = 256
)

// newRelay starts the goroutine, which lasts until close. After an error of use the rest is dropped.
func newRelay[T any](use func(*T) error) *relay[T] {
	r := &relay[T]{full: make(chan []T, relayBatches), empty: make(chan []T, relayBatches), ended: make(chan struct{})}
	for range relayBatches {
		r.empty <- make([]T, 0, relaySize)
	}
	r.batch = <-r.empty
	go r.run(use)
	return r
}

func (r *relay[T]) run(use func(*T) error) {
	defer close(r.ended)
	for batch := range r.full {
		for i := range batch {
			if r.err == nil {
				r.err = use(&batch[i])
			}
		}
		r.failed.Store(r.err != nil)
		r.empty <- batch[:0]
	}
}

// add hands a value over, sooner or later. It reports whether there is any use in further ones.
func (r *relay[T]) add(v T) bool {
	if r.batch = append(r.batch, v); len(r.batch) == relaySize {
		r.full <- r.batch
		r.batch = <-r.empty
	}
	return !r.failed.Load()
}

// close waits until everything was used, and returns the error that ended it. Nothing may be added afterwards.
func (r *relay[T]) close() error {
	r.full <- r.batch
	close(r.full)
	<-r.ended
	return r.err
}
