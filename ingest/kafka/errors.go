package kafka

import (
	"errors"
	"fmt"
	"net"

	kafkago "github.com/segmentio/kafka-go"
)

// ErrFenced says that the group has moved on: the claim belongs to an old generation and its
// commits are refused. Whoever gets it must stop working on the partition.
var ErrFenced = errors.New("the partition belongs to a newer generation of the group")

// ErrUncertain says that nobody knows whether a commit was accepted, since the connection
// broke while the answer was awaited. The request may still be on its way and would
// overtake a later one, so the claim is given up and the group joined anew, after which
// brokers refuse it.
var ErrUncertain = errors.New("a commit's outcome is unknown")

// GapError says that the offsets From up to, but not including, To can no longer be read.
// Reading can go on at To.
type GapError struct {
	Topic     string
	Partition int32
	From, To  int64
	// Reset is set when the log ends before From: the topic was recreated or its log cut
	// off. Then To is the log's start, and To < From.
	Reset bool
}

func (e *GapError) Error() string {
	if e.Reset {
		return fmt.Sprintf("%s/%d ends before offset %d: the topic was recreated or truncated; it starts at %d",
			e.Topic, e.Partition, e.From, e.To)
	}
	return fmt.Sprintf("%s/%d: offsets %d to %d were deleted before they were read (retention is shorter than the lag)",
		e.Topic, e.Partition, e.From, e.To-1)
}

// Gap returns the offset that was asked for and the one to go on with.
func (e *GapError) Gap() (from, to int64) { return e.From, e.To }

// committed sorts out what a broker's answer to a commit means; nil is yes.
func committed(err error) (verdict error, retry bool) {
	var code kafkago.Error
	answered := errors.As(err, &code) && code != kafkago.RequestTimedOut
	switch {
	case err == nil:
		return nil, false
	case answered && fences(code):
		return fmt.Errorf("%w: %w", ErrFenced, err), false
	case answered:
		return err, code.Temporary() || code == kafkago.BrokerNotAvailable
	case neverSent(err):
		return err, true
	}
	return fmt.Errorf("%w: %w", ErrUncertain, err), false
}

func fences(code kafkago.Error) bool {
	switch code {
	case kafkago.IllegalGeneration, kafkago.UnknownMemberId, kafkago.RebalanceInProgress, kafkago.FencedInstanceID:
		return true
	}
	return false
}

func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
