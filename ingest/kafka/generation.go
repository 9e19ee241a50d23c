package kafka

import (
	"context"
	"errors"
	"sync"
	"time"

	kafkago "github.com/segmentio/kafka-go"
)

// generation has the work done until the group starts another generation (nil), the membership
// must be given up (an error), or ctx ends (nil).
func (c *Consumer) generation(ctx context.Context, net *network, gen *kafkago.Generation, work Work) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	claims := c.claims(net, gen)
	c.log.Info("kafka: joined", "group", c.cfg.Group, "generation", gen.ID, "partitions", names(claims))

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
	for _, topic := range c.cfg.Topics() {
		for _, assigned := range gen.Assignments[topic] {
			claim := &Claim{
				cfg: c.cfg, log: c.log, net: net, outages: c.outages,
				topic: topic, partition: int32(assigned.ID),
				generation: int(gen.ID), member: gen.MemberID,
			}
			claim.highWater.Store(-1)
			claims = append(claims, claim)
		}
	}
	return claims
}

func names(claims []*Claim) []string {
	names := make([]string, len(claims))
	for i, claim := range claims {
		names[i] = claim.String()
	}
	return names
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
		if err := net.ends(ctx, claims); err != nil && ctx.Err() == nil {
			c.log.Debug("kafka: asking for the ends of the partitions", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
