package replay

import (
	"cmp"
	"context"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

func cmpLetters(a, b *schema.DeadLetter) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset),
		cmp.Compare(a.Item, b.Item), a.Ingested.Compare(b.Ingested))
}

// standing is what the book says of one letter.
type standing struct {
	done *schema.Replay // it was appended
	open *schema.Replay // the earliest intention that nobody ended
}

// standing reads the book.
func (r *Replayer) standing(ctx context.Context, p part) (map[string]standing, error) {
	lines, err := r.Book.Replays(ctx, p.topic, p.partition, p.offsets())
	if err != nil {
		return nil, err
	}
	type intention struct{ letter, run string }
	ended := map[intention]bool{}
	for i := range lines {
		letter := lines[i].Letter()
		if lines[i].State != schema.ReplayIntended {
			ended[intention{letter.Origin(), lines[i].Run}] = true
		}
	}
	all := map[string]standing{}
	for i := range lines {
		letter := lines[i].Letter()
		origin := letter.Origin()
		s := all[origin]
		switch {
		case lines[i].State == schema.ReplayDone && s.done == nil:
			s.done = &lines[i]
		case lines[i].State == schema.ReplayIntended && s.open == nil && !ended[intention{origin, lines[i].Run}]:
			s.open = &lines[i]
		}
		all[origin] = s
	}
	return all, nil
}

// line is a line of the book about a letter.
func (r *Replayer) line(l *schema.DeadLetter, run string, state schema.ReplayState, offset int64) schema.Replay {
	return schema.Replay{
		Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Item: l.Item, Ingested: l.Ingested,
		Run: run, State: state, NewOffset: offset,
	}
}

// fresh reports whether an intention may still be somebody's who is at work.
func (r *Replayer) fresh(intended *schema.Replay) bool { return time.Since(intended.At) < r.Stale }
