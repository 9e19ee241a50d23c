package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	kafkago "github.com/segmentio/kafka-go"
)

// Work is done for one partition during one generation of the group. Its context ends
// when the group wants the partition back or the consumer is to stop; it then has about
// half of Config.RebalanceTimeout to finish and commit what it has in hand, for which
// the group waits. When it returns an error before that, it is called again after a pause,
// with the same claim; the other partitions go on.
type Work func(ctx context.Context, claim *Claim) error

// Consumer is one member of the group.
type Consumer struct {
	cfg     Config
	log     *slog.Logger
	outages *outages
}

// NewConsumer prepares a member; Run makes it one.
func NewConsumer(cfg Config, log *slog.Logger) (*Consumer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	c := &Consumer{cfg: cfg, log: log, outages: newOutages(log)}
	c.outages.open[c.group()] = outage{since: time.Now(), err: errors.New("not joined yet")}
	return c, nil
}

// Consume is NewConsumer and Run.
func Consume(ctx context.Context, cfg Config, log *slog.Logger, work Work) error {
	consumer, err := NewConsumer(cfg, log)
	if err != nil {
		return err
	}
	return consumer.Run(ctx, work)
}

// Trouble is nil while the group is joined and every partition held can be read and worked
// on, and otherwise says what is not working and since when.
func (c *Consumer) Trouble() error { return c.outages.err() }

func (c *Consumer) group() string { return "group " + c.cfg.Group }

// Run joins the group and has work done on every partition assigned, over rebalances and
// broker trouble, until ctx ends; then it waits for work in hand, leaves the group and
// returns nil. It returns an error only for a configuration that cannot work.
func (c *Consumer) Run(ctx context.Context, work Work) error {
	net, err := newNetwork(c.cfg)
	if err != nil {
		return err
	}
	defer net.close()
	pause := newPause()
	for ctx.Err() == nil {
		err := c.member(ctx, net, work, pause.Reset)
		if err != nil && ctx.Err() == nil {
			c.outages.failed(c.group(), err)
			sleep(ctx, pause.NextBackOff())
		}
	}
	return nil
}

// member is one membership, from joining to leaving.
func (c *Consumer) member(ctx context.Context, net *network, work Work, joined func()) error {
	if err := net.topicExists(ctx); err != nil {
		return err
	}
	group, err := kafkago.NewConsumerGroup(kafkago.ConsumerGroupConfig{
		ID:                     c.cfg.Group,
		Brokers:                c.cfg.Brokers,
		Topics:                 []string{c.cfg.Topic},
		Dialer:                 net.dialer,
		HeartbeatInterval:      c.cfg.SessionTimeout / 5,
		SessionTimeout:         c.cfg.SessionTimeout,
		RebalanceTimeout:       c.cfg.RebalanceTimeout,
		JoinGroupBackoff:       joinBackoff,
		Timeout:                c.cfg.Timeout,
		WatchPartitionChanges:  true,
		PartitionWatchInterval: partitionWatch,
		StartOffset:            kafkago.FirstOffset,
	})
	if err != nil {
		return fmt.Errorf("kafka: joining group %s: %w", c.cfg.Group, err)
	}
	defer group.Close()
	for {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			c.outages.failed(c.group(), err)
			continue // the group itself pauses before it tries again
		}
		joined()
		c.outages.works(c.group())
		if err := c.generation(ctx, net, generation, work); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

const (
	// joinBackoff is the group's pause after it failed to join.
	joinBackoff = time.Second
	// partitionWatch is how often partitions are counted, since a topic may get more of them.
	partitionWatch = 30 * time.Second
	// watermarkWatch is how often the ends of the partitions' logs are asked for, so that the lag
	// is right even while nothing is fetched.
	watermarkWatch = 5 * time.Second
	// settled is how long work goes on without an error before its trouble counts as over.
	settled = 20 * time.Second
)

// generation has the work done until the group starts another generation (nil), the membership
// must be given up (an error), or ctx ends (nil).
func (c *Consumer) generation(ctx context.Context, net *network, gen *kafkago.Generation, work Work) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	claims := c.claims(net, gen)
	c.log.Info("kafka: joined", "group", c.cfg.Group, "generation", gen.ID, "partitions", partitions(claims))

	var working sync.WaitGroup
	start := func(do func(ctx context.Context) error) {
		working.Add(1)
		gen.Start(func(genCtx context.Context) {
			run, stop := context.WithCancel(ctx)
			defer context.AfterFunc(genCtx, stop)()
			err := do(run)
			stop()
			if err != nil {
				cancel(err)
			}
			working.Done()
			// A function that returns ends the generation, and with it the heartbeats. Unless it is of no
			// more use, it has to live until the others have finished their blocks.
			if err == nil {
				<-genCtx.Done()
			}
		})
	}
	for _, claim := range claims {
		start(func(ctx context.Context) error { return c.repeat(ctx, claim, work) })
	}
	start(func(ctx context.Context) error { c.watchEnds(ctx, net, claims); return nil })
	working.Wait()
	if err := context.Cause(ctx); errors.Is(err, ErrUncertain) {
		return err
	}
	return nil
}

// repeat does the work on one partition until its context ends. It returns an error only when
// the generation is of no more use.
func (c *Consumer) repeat(ctx context.Context, claim *Claim, work Work) error {
	name := claim.String()
	task := "work on " + name
	defer c.outages.forget(name)
	defer c.outages.forget(task)
	pause := newPause()
	for ctx.Err() == nil {
		begun := time.Now()
		works := time.AfterFunc(settled, func() { c.outages.works(task) })
		err := work(ctx, claim)
		works.Stop()
		switch {
		case ctx.Err() != nil:
			if err != nil && !errors.Is(err, context.Canceled) {
				c.log.Warn("kafka: stopped in the middle of a block; its next owner repeats it", "with", name, "error", err)
			}
			return lost(err)
		case lost(err) != nil:
			c.log.Warn("kafka: claim lost", "with", name, "error", err)
			return err
		case err == nil:
			<-ctx.Done()
			return nil
		}
		c.outages.failed(task, err)
		if time.Since(begun) > settled {
			pause.Reset()
		}
		sleep(ctx, pause.NextBackOff())
	}
	return nil
}

// lost passes on the errors after which a claim is of no more use.
func lost(err error) error {
	if errors.Is(err, ErrFenced) || errors.Is(err, ErrUncertain) {
		return err
	}
	return nil
}

func (c *Consumer) claims(net *network, gen *kafkago.Generation) []*Claim {
	var claims []*Claim
	for _, assigned := range gen.Assignments[c.cfg.Topic] {
		claim := &Claim{
			cfg: c.cfg, log: c.log, net: net, outages: c.outages,
			partition:  int32(assigned.ID),
			generation: int(gen.ID), member: gen.MemberID,
		}
		claim.highWater.Store(-1)
		claims = append(claims, claim)
	}
	return claims
}

func partitions(claims []*Claim) []int32 {
	ids := make([]int32, len(claims))
	for i, claim := range claims {
		ids[i] = claim.partition
	}
	return ids
}

// watchEnds keeps the claims' high watermarks fresh.
func (c *Consumer) watchEnds(ctx context.Context, net *network, claims []*Claim) {
	if len(claims) == 0 {
		<-ctx.Done()
		return
	}
	tick := time.NewTicker(watermarkWatch)
	defer tick.Stop()
	for {
		if ends, err := net.ends(ctx, partitions(claims)); err == nil {
			for _, claim := range claims {
				claim.sawEnd(ends[claim.partition])
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func newPause() *backoff.ExponentialBackOff {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval = 200 * time.Millisecond
	pause.MaxInterval = 15 * time.Second
	return pause
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
