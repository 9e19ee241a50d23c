package ingest

import (
	"sync"
	"time"
)

// Status tells how each partition that this pipeline works on is doing, in no order.
func (p *Pipeline) Status() []PartitionStatus { return p.states.all() }

// PartitionStatus is how one partition is doing.
type PartitionStatus struct {
	Topic     string
	Partition int32
	Next      int64     // offset after the last one stored and handled; -1 when unknown
	HighWater int64     // offset after the last one in Kafka; -1 when unknown
	Stalled   error     // why the store does not take the block at hand; nil when it does
	Since     time.Time // when it stalled
}

// Lag is how many offsets are in Kafka and not stored yet; 0 when that is unknown.
func (s PartitionStatus) Lag() int64 {
	if s.HighWater < 0 || s.Next < 0 {
		return 0
	}
	return max(0, s.HighWater-s.Next)
}

// states holds the partitions being worked on; the broker bounds their number.
type states struct {
	mu   sync.Mutex
	live map[*state]struct{}
}

type state struct {
	claim  Claim
	mu     sync.Mutex
	status PartitionStatus
}

func (s *states) begin(claim Claim, next int64) *state {
	st := &state{claim: claim, status: PartitionStatus{Topic: claim.Topic(), Partition: claim.Partition(), Next: next}}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live == nil {
		s.live = map[*state]struct{}{}
	}
	s.live[st] = struct{}{}
	return st
}

func (s *states) end(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, st)
}

func (s *states) all() []PartitionStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []PartitionStatus
	for st := range s.live {
		st.mu.Lock()
		status := st.status
		st.mu.Unlock()
		status.HighWater = st.claim.HighWater()
		all = append(all, status)
	}
	return all
}

func (s *state) advanced(next int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Next = next
}

// stalled notes why the store does not take a block, nil when it does again, and
// tells for how long it did not.
func (s *state) stalled(err error) (since time.Time, before error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, since = s.status.Stalled, s.status.Since
	s.status.Stalled = err
	if err != nil && before == nil {
		s.status.Since = time.Now()
	}
	return since, before
}
