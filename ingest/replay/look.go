package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// part is one partition's letters.
type part struct {
	topic     string
	partition int32
	letters   []schema.DeadLetter
}

// parts sorts letters by partition, in order.
func parts(letters []schema.DeadLetter) []part {
	type key struct {
		topic     string
		partition int32
	}
	sorted := map[key][]schema.DeadLetter{}
	for _, l := range letters {
		k := key{l.Topic, l.Partition}
		sorted[k] = append(sorted[k], l)
	}
	var list []part
	for k, letters := range sorted {
		slices.SortFunc(letters, func(a, b schema.DeadLetter) int {
			return cmpLetters(&a, &b)
		})
		list = append(list, part{k.topic, k.partition, letters})
	}
	slices.SortFunc(list, func(a, b part) int { return cmpLetters(&a.letters[0], &b.letters[0]) })
	return list
}

func (p part) offsets() []int64 {
	set := map[int64]bool{}
	for i := range p.letters {
		set[p.letters[i].Offset] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// chunk is how many letters are looked at together.
const chunk = 200

// Look says what would become of each letter, and changes nothing.
func (r *Replayer) Look(ctx context.Context, letters []schema.DeadLetter) ([]Result, error) {
	var results []Result
	for _, p := range parts(letters) {
		for letters := range slices.Chunk(p.letters, chunk) {
			some, err := r.look(ctx, part{p.topic, p.partition, letters})
			if err != nil {
				return nil, err
			}
			results = append(results, some...)
		}
	}
	return results, nil
}

func (r *Replayer) look(ctx context.Context, p part) ([]Result, error) {
	books, err := r.standing(ctx, p)
	if err != nil {
		return nil, err
	}
	events, letters, err := r.Book.StoredItems(ctx, p.topic, p.partition, p.offsets())
	if err != nil {
		return nil, err
	}
	results := make([]Result, 0, len(p.letters))
	var at reading
	for _, l := range p.letters {
		result := Result{Letter: l}
		if done := books[l.Origin()].done; done != nil {
			result.Outcome, result.NewOffset = Done, done.NewOffset
		} else if err := at.read(ctx, r.Log, &l); err != nil {
			return nil, err
		} else {
			whole := l.Item == 0 && events[l.Offset] == 0 && letters[l.Offset] <= 1
			r.judge(&result, &at, whole)
		}
		if since := books[l.Origin()].open; since != nil && result.Outcome == Ready {
			result.Note = "begun on " + since.At.UTC().Format(time.RFC3339) + " by a run that did not end"
		}
		results = append(results, result)
	}
	return results, nil
}

// reading is the record read last: the entries of a batch share one.
type reading struct {
	offset int64
	known  bool
	record Record
	gone   bool
}

func (at *reading) read(ctx context.Context, log Log, l *schema.DeadLetter) error {
	if at.known && at.offset == l.Offset {
		return nil
	}
	record, err := log.At(ctx, l.Topic, l.Partition, l.Offset)
	if err != nil && !errors.Is(err, ErrGone) {
		return fmt.Errorf("reading the record of %s: %w", l.ID(), err)
	}
	*at = reading{offset: l.Offset, known: true, record: record, gone: err != nil}
	return nil
}

// judge decodes a letter's record, or the entry of it that was refused. What is decoded is what would be appended.
func (r *Replayer) judge(result *Result, at *reading, whole bool) {
	l := &result.Letter
	switch {
	case at.gone:
		result.Outcome = Gone
		return
	case l.Size != 0 && int(l.Size) != len(at.record.Value):
		result.Outcome = Changed
		result.Note = fmt.Sprintf("the letter's record had %d bytes, the one at its offset has %d: the topic was made anew", l.Size, len(at.record.Value))
		return
	}
	value := at.record.Value
	if !whole {
		if value = r.entry(l, value); value == nil {
			result.Outcome, result.Fault = Refused, *l
			result.Note = "the record has no entry of that number any more"
			return
		}
	}
	entries := r.Decoder.Reread(value, r.position(l))
	for i := range entries {
		if entries[i].Event != nil {
			result.Events = append(result.Events, *entries[i].Event)
		} else if result.Fault.Reason == "" {
			result.Fault = *entries[i].Letter
		}
	}
	if len(result.Events) == 0 || !whole && result.Fault.Reason != "" {
		result.Outcome = Refused
		return
	}
	result.Outcome = Ready
	result.record = r.copyOf(l, &at.record, value)
}

// entry is the text of the entry that a letter is about.
func (r *Replayer) entry(l *schema.DeadLetter, value []byte) []byte {
	for _, e := range r.Decoder.Reread(value, r.position(l)) {
		if e.Item == l.Item && len(e.Raw) > 0 {
			return e.Raw
		}
	}
	return nil
}

func (r *Replayer) position(l *schema.DeadLetter) ingest.Position {
	return ingest.Position{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, At: time.Now().UTC()}
}

// copyOf is the record to be appended: as it was, but for the header.
func (r *Replayer) copyOf(l *schema.DeadLetter, old *Record, value []byte) Record {
	headers := maps.Clone(old.Headers)
	if headers == nil {
		headers = map[string][]byte{}
	}
	headers[Header] = []byte(l.Origin())
	return Record{Key: old.Key, Value: value, Headers: headers}
}
