package alert_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// partition is one partition of findings and of incidents, with the group's offset: what Kafka is to a consumer, for a
// test that wants to count and to break. TestStormOfIncidents runs on the real thing.
type partition struct {
	mu        sync.Mutex
	findings  [][]byte
	more      chan struct{} // closed and made anew with each finding
	journal   []alert.JournalRecord
	read      int // records of the journal that were read, so far
	committed int64
	note      string
	owner     int // whose commits are taken
	broken    bool
}

func newPartition() *partition { return &partition{committed: -1, more: make(chan struct{})} }

func (p *partition) publish(findings ...schema.Finding) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range findings {
		value, err := json.Marshal(findings[i])
		if err != nil {
			panic(err)
		}
		p.findings = append(p.findings, value)
	}
	close(p.more)
	p.more = make(chan struct{})
}

// Bounds, Read and Append are the alert.Journal's.
func (p *partition) Bounds(context.Context, int32) (first, end int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return 0, int64(len(p.journal)), nil
}

func (p *partition) Read(_ context.Context, _ int32, from, to int64, each func(string, []byte) error) error {
	p.mu.Lock()
	records := p.journal[from:to]
	p.read += len(records)
	p.mu.Unlock()
	for _, r := range records {
		if err := each(r.Key, r.Value); err != nil {
			return err
		}
	}
	return nil
}

var errFenced = errors.New("the partition belongs to somebody else")

func (p *partition) Append(_ context.Context, _ int32, records []alert.JournalRecord) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken {
		return 0, errBroken
	}
	p.journal = append(p.journal, records...)
	return int64(len(p.journal) - len(records)), nil
}

// at is the committed offset.
func (p *partition) at() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.committed
}

func (p *partition) breakDown(broken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = broken
}

// incidents are those in the journal, as a reader without any knowledge of owners sees them.
func (p *partition) incidents() map[string]schema.Incident {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]schema.Incident{}
	for _, r := range p.journal {
		var inc schema.Incident
		if r.Value == nil {
			delete(all, r.Key)
		} else if json.Unmarshal(r.Value, &inc) == nil {
			all[r.Key] = inc
		}
	}
	return all
}

// claim is the right to the partition; a new one takes it from the last.
type claim struct {
	*partition
	number int
}

func (p *partition) claim() claim {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owner++
	return claim{p, p.owner}
}

func (c claim) Partition() int32 { return 0 }

func (c claim) Committed(context.Context) (int64, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.committed, c.note, nil
}

func (c claim) Commit(_ context.Context, offset int64, note string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owner != c.number {
		return errFenced
	}
	c.committed, c.partition.note = offset, note
	return nil
}

func (c claim) Fetch(ctx context.Context, from int64, deliver func(int64, time.Time, []byte) error) error {
	for at := max(from, 0); ; {
		c.mu.Lock()
		values, more := c.findings[at:], c.more
		c.mu.Unlock()
		for _, value := range values {
			if err := deliver(at, time.Now(), value); err != nil {
				return err
			}
			at++
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-more:
		}
	}
}

// archive is a memory that takes many at once.
type archive struct{ *memory }

func (a archive) SaveIncidents(ctx context.Context, list []schema.Incident) error {
	for i := range list {
		if err := a.SaveIncident(ctx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}
