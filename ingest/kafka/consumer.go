package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	kafkago "github.com/segmentio/kafka-go"
)

// Work is done for one partition during one generation of the group. Its context ends
// when the group wants the partition back or the consumer is to stop; it may then finish and commit what it has in
// hand, for which the group waits as long as Config.SessionTimeout and Config.RebalanceTimeout
// allow. When it returns an error before that, it is called again after a pause,
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
	if err := net.topicsExist(ctx); err != nil {
		return err
	}
	group, err := kafkago.NewConsumerGroup(kafkago.ConsumerGroupConfig{
		ID:                     c.cfg.Group,
		Brokers:                c.cfg.Brokers,
		Topics:                 c.cfg.Topics(),
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
