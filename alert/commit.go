package alert

import (
	"context"
	"sync"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Batcher is a Log that stores several incidents as cheaply as one. In a storm the
// dispatcher then saves what waits together: a database likes one insert of sixty rows
// better than sixty inserts.
type Batcher interface {
	SaveIncidents(ctx context.Context, incidents []schema.Incident) error
}

// committer is a Log over a Batcher. While one batch is being stored, the saves that come
// in make up the next; each returns when its own batch is stored.
type committer struct {
	Log
	batcher Batcher

	mu      sync.Mutex
	waiting []save // bounded by the callers: each has one at most
	busy    bool
}

type save struct {
	inc  schema.Incident
	done chan error // buffered by one, so that a caller may have left
}

// batched gives a Log that can do it the means to save together.
func batched(log Log) Log {
	if b, ok := log.(Batcher); ok {
		return &committer{Log: log, batcher: b}
	}
	return log
}

// SaveIncident stores an incident together with others. When ctx ends first, whether it
// was stored is unknown, as with any save.
func (c *committer) SaveIncident(ctx context.Context, inc *schema.Incident) error {
	s := save{inc: *inc, done: make(chan error, 1)}
	c.mu.Lock()
	c.waiting = append(c.waiting, s)
	if !c.busy {
		c.busy = true
		go c.flush(context.WithoutCancel(ctx))
	}
	c.mu.Unlock()
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// flush stores batch after batch until nothing waits.
func (c *committer) flush(ctx context.Context) {
	for {
		c.mu.Lock()
		batch := c.waiting
		c.waiting = nil
		c.busy = len(batch) > 0
		c.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		err := c.store(ctx, batch)
		for _, s := range batch {
			s.done <- err
		}
	}
}

func (c *committer) store(ctx context.Context, batch []save) error {
	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	incidents := make([]schema.Incident, len(batch))
	for i, s := range batch {
		incidents[i] = s.inc
	}
	return c.batcher.SaveIncidents(ctx, incidents)
}
