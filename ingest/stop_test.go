package ingest_test

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// hanging is a claim whose broker does not answer when a block is done.
type hanging struct {
	*claim
	asked chan struct{}
}

func (h *hanging) Commit(ctx context.Context, offset int64, note string) error {
	if note != "" {
		return h.claim.Commit(ctx, offset, note)
	}
	close(h.asked)
	<-ctx.Done()
	return fmt.Errorf("committing: %w", ctx.Err())
}

// A pipeline that was told to stop, and could not commit the block that was handled,
// must say so: the handler is ahead of the offsets, and must not store what it knows.
func TestStopWithoutTheLastCommit(t *testing.T) {
	s, h, log := newStore(t), newHandler(t), newLog(values(3)...)
	p := pipeline(s, h)
	p.Config.Grace = 20 * time.Millisecond
	c := &hanging{log.claim(), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.Run(ctx, c) }()
	<-c.asked
	cancel()
	if err := <-result; err == nil {
		t.Error("it says that all went well")
	}
	if offset, note := log.group(); offset != 0 || note == "" {
		t.Errorf("the group is at %d, %q; want the intent", offset, note)
	}
}
