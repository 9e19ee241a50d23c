package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Claim is the right to the findings of one partition, and with them to the incidents of its tokens, for as long as the
// group leaves it here. A commit by somebody whose claim is over is refused.
type Claim interface {
	Partition() int32
	// Committed gives the offset of the next finding (-1: none was committed yet) and the note beside it.
	Committed(ctx context.Context) (offset int64, note string, err error)
	Commit(ctx context.Context, offset int64, note string) error
	// Fetch delivers findings in order, and waits for more, until ctx ends.
	Fetch(ctx context.Context, from int64, deliver func(offset int64, at time.Time, value []byte) error) error
}

// Consumer takes findings in from a topic, so that several instances share the work: each owns the incidents of the
// tokens whose findings it reads.
//
//	findings/3 ─► Accept ─► incidents/3 ─► deliveries
//	                 └── committed once the incidents are in their topic
//
// After kill -9 the next owner reads the incidents, and then the findings that were not committed. These change
// nothing a second time, and incidents and messages keep their ids.
type Consumer struct {
	Dispatcher  *Dispatcher
	Journal     Journal
	Archive     Archive
	Partitions  int                    // of the findings
	PartitionOf func(key []byte) int32 // where a finding with this key goes
	Log         *slog.Logger

	mu     sync.Mutex
	claims map[int32]Position
}

// Position is how far a partition has come.
type Position struct {
	Partition int32
	Findings  int64 // offset of the next finding; -1 while nobody knows
	Incidents int64 // offset in the journal before which nothing is needed any more
}

// Positions are those of the partitions that are owned here.
func (c *Consumer) Positions() []Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []Position
	for _, p := range c.claims {
		list = append(list, p)
	}
	return list
}

// Near reports whether findings about a token come here.
func (c *Consumer) Near(token schema.TokenID) bool {
	partition := c.PartitionOf([]byte(token.String()))
	c.mu.Lock()
	defer c.mu.Unlock()
	_, here := c.claims[partition]
	return here
}

// note is what stands beside the committed offset.
type note struct {
	From int64 `json:"incidents"` // where to begin to read the journal
}

const (
	takeFindings = 512              // that are accepted in one go
	tidyEvery    = 30 * time.Second // how often the journal is looked after
)

// Work owns a partition until ctx ends.
func (c *Consumer) Work(ctx context.Context, claim Claim) (err error) {
	began := time.Now()
	next, text, err := claim.Committed(ctx)
	if err != nil {
		return err
	}
	var beside note
	if text != "" {
		if err := json.Unmarshal([]byte(text), &beside); err != nil {
			c.Log.Warn("the note beside the committed findings cannot be read; all of the incidents topic is", "partition", claim.Partition(), "error", err)
		}
	}
	l, err := openLedger(ctx, c, claim.Partition(), beside.From)
	if err != nil {
		return fmt.Errorf("taking incidents over: %w", err)
	}
	if err := l.inherit(ctx, c.PartitionOf); err != nil {
		return err
	}
	incidents, read := len(l.lines), l.end-l.from // nobody else writes yet
	// Slowed down before the first message: those who share the work may be sending already.
	c.moved(Position{claim.Partition(), next, l.from})
	defer c.left(claim.Partition())
	share, err := c.Dispatcher.Own(ctx, l)
	if err != nil {
		return err
	}
	c.Log.Info("incidents taken over", "partition", claim.Partition(), "incidents", incidents, "read", read,
		"took", time.Since(began).Round(time.Millisecond))
	return c.own(ctx, claim, l, share, next)
}

// own works, and gives the incidents back in good order.
func (c *Consumer) own(ctx context.Context, claim Claim, l *ledger, share *Share, next int64) error {
	copying, stopCopying := context.WithCancel(context.WithoutCancel(ctx))
	var copier sync.WaitGroup
	copier.Go(func() { l.copy(copying) })
	err := c.follow(ctx, claim, l, share, next)
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	err = errors.Join(err, share.Release(leaving))
	stopCopying()
	copier.Wait()
	return err
}

// follow reads and accepts findings until ctx ends or the claim is lost.
func (c *Consumer) follow(ctx context.Context, claim Claim, l *ledger, share *Share, next int64) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan found, takeFindings)
	fetched := make(chan error, 1)
	go func() { fetched <- c.fetch(ctx, claim, next, read) }()
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	for {
		var err error
		select {
		case err := <-fetched:
			if ctx.Err() != nil {
				return nil //nolint:nilerr // told to stop
			}
			return err
		case first := <-read:
			next, err = c.accept(ctx, share, first, read)
		case <-tidy.C:
			if err := l.tidy(ctx, c.Dispatcher.pending); err != nil {
				c.Log.Warn("incidents that are over stay in their topic for now", "error", err)
			}
		}
		if err == nil && next >= 0 {
			err = c.commit(ctx, claim, l, next)
		}
		if err != nil {
			if stop(); ctx.Err() != nil && errors.Is(err, context.Canceled) {
				err = nil
			}
			<-fetched
			return err
		}
	}
}

// found is a finding in its place; nil if the record was none.
type found struct {
	offset  int64
	finding *schema.Finding
}

func (c *Consumer) fetch(ctx context.Context, claim Claim, next int64, to chan<- found) error {
	deliver := func(offset int64, _ time.Time, value []byte) error {
		f := found{offset: offset, finding: new(schema.Finding)}
		if err := json.Unmarshal(value, f.finding); err != nil || f.finding.Token.IsZero() {
			c.Log.Warn("a record in the findings topic is none, and is ignored", "partition", claim.Partition(), "offset", offset, "error", err)
			f.finding = nil
		}
		select {
		case to <- f:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		err := claim.Fetch(ctx, next, deliver)
		var gap interface{ Gap() (from, to int64) }
		if !errors.As(err, &gap) {
			return err
		}
		var from int64
		from, next = gap.Gap()
		c.Log.Error("findings were deleted before anybody was told of them: retention of the findings topic is shorter than the lag; they are in ClickHouse",
			"partition", claim.Partition(), "from", from, "to", next)
	}
}

// accept takes a finding in, and those that wait behind it.
func (c *Consumer) accept(ctx context.Context, share *Share, first found, more <-chan found) (next int64, err error) {
	var findings []schema.Finding
	for f, waits := first, true; waits; {
		if f.finding != nil {
			findings = append(findings, *f.finding)
		}
		next = f.offset + 1
		if len(findings) == takeFindings {
			break
		}
		select {
		case f = <-more:
		default:
			waits = false
		}
	}
	pause := newBackoff()
	for {
		if err = share.Accept(ctx, findings); err == nil || ctx.Err() != nil || errors.Is(err, errReleased) {
			return next, err
		}
		wait := pause.NextBackOff()
		c.Log.Warn("findings wait for the incidents topic", "findings", len(findings), "error", err, "retry_in", wait.Round(time.Millisecond))
		select {
		case <-ctx.Done():
			return next, ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (c *Consumer) commit(ctx context.Context, claim Claim, l *ledger, next int64) error {
	from, err := l.checkpoint(ctx)
	if err != nil {
		c.Log.Warn("incidents could not be written anew yet; a start reads more than it has to", "error", err)
	}
	text, err := json.Marshal(note{From: from})
	if err != nil {
		return err
	}
	if err := claim.Commit(ctx, next, string(text)); err != nil {
		return err
	}
	c.moved(Position{claim.Partition(), next, from})
	return nil
}

// moved notes how far a partition is. Instances that share the work share the vendors' limits too.
func (c *Consumer) moved(p Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.claims == nil {
		c.claims = map[int32]Position{} // bounded by the topic's partitions
	}
	c.claims[p.Partition] = p
	c.Dispatcher.SlowDown(float64(c.Partitions) / float64(len(c.claims)))
}

func (c *Consumer) left(partition int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.claims, partition)
	c.Dispatcher.SlowDown(float64(c.Partitions) / float64(max(len(c.claims), 1)))
}
