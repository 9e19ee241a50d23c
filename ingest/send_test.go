package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// taker is a topic whose broker fails as it is told to.
type taker struct {
	values []string
	keys   []string
	calls  int
	fail   func(call int, records []ingest.Keyed) error
	limit  int // bytes of a record, 0: any
}

// partial says which records were not taken.
type partial struct {
	unsent []int
	large  bool
}

func (p partial) Error() string  { return "some were not taken" }
func (p partial) Unsent() []int  { return p.unsent }
func (p partial) TooLarge() bool { return p.large }

func (l *taker) Produce(_ context.Context, records []ingest.Keyed) error {
	l.calls++
	skip := partial{}
	if l.fail != nil {
		if err := l.fail(l.calls, records); err != nil && !errors.As(err, &skip) {
			return err
		}
	}
	for i, r := range records {
		if l.limit > 0 && len(r.Value) > l.limit {
			skip.unsent, skip.large = append(skip.unsent, i), true
		}
		if !slices.Contains(skip.unsent, i) {
			l.values, l.keys = append(l.values, string(r.Value)), append(l.keys, string(r.Key))
		}
	}
	if len(skip.unsent) > 0 {
		return skip
	}
	return nil
}

func numbered(n int) (text string, values []string) {
	var b strings.Builder
	for i := range n {
		values = append(values, fmt.Sprintf(`{"time":1795295472,"token":"sk-%d","n":%d}`, i%7, i))
		b.WriteString(values[i] + "\n")
	}
	return b.String(), values
}

var errPassing = errors.New("away for a moment")

func passing(err error) bool { return errors.Is(err, errPassing) || errors.As(err, &partial{}) }

// What was not acknowledged is sent again, and nothing else is.
func TestSendAgain(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	text, want := numbered(300)
	log := &taker{fail: func(call int, records []ingest.Keyed) error {
		if call > 2 {
			return nil
		}
		var p partial
		for i := range records {
			if random.IntN(2) == 0 {
				p.unsent = append(p.unsent, i)
			}
		}
		return p
	}}
	told := []string{}
	s := ingest.Sender{Splitter: newSplitter(t), Producer: log, Retry: passing, Trouble: func(err error) { told = append(told, fmt.Sprint(err)) }}
	done, err := s.Send(t.Context(), []byte(text), true)
	if err != nil || done != len(text) {
		t.Fatal(done, err)
	}
	slices.Sort(want)
	slices.Sort(log.values)
	if !slices.Equal(log.values, want) || s.Tally.Records != len(want) || s.Tally.Unkeyed != 0 {
		t.Errorf("%d records, %+v", len(log.values), s.Tally)
	}
	if !slices.Equal(told, []string{"some were not taken", "<nil>"}) {
		t.Errorf("it tells %q", told)
	}
}

// An error that will not pass ends the sending, and done says how much is safe.
func TestSendFails(t *testing.T) {
	text, want := numbered(50_000)
	log := &taker{fail: func(call int, _ []ingest.Keyed) error {
		if call == 2 {
			return errors.New("no such topic")
		}
		return nil
	}}
	s := ingest.Sender{Splitter: newSplitter(t), Producer: log, Retry: passing}
	done, err := s.Send(t.Context(), []byte(text), true)
	if err == nil || done == 0 || done == len(text) || strings.Count(text[:done]+"\n", "\n") != len(log.values) {
		t.Fatalf("done %d of %d with %d records, %v", done, len(text), len(log.values), err)
	}
	if more, err := s.Send(t.Context(), []byte(text[done:]), true); err != nil || done+more != len(text) || !slices.Equal(log.values, want) {
		t.Errorf("%d records, %v", len(log.values), err)
	}
}

// What the broker finds too large is cut off until it takes it; others are not touched.
func TestSendTooLarge(t *testing.T) {
	huge := `{"a":"` + strings.Repeat("x", 900_000) + `"}`
	text := `{"token":"sk-live-1"}` + "\n" + huge + "\n" + `{"token":"sk-live-2"}` + "\n"
	log := &taker{limit: 300_000}
	s := ingest.Sender{Splitter: newSplitter(t), Producer: log}
	if _, err := s.Send(t.Context(), []byte(text), true); err != nil {
		t.Fatal(err)
	}
	if len(log.values) != 3 || len(log.values[1]) > 300_000 || !strings.HasPrefix(huge, log.values[1]) || log.keys[1] != "" || log.keys[2] == "" {
		t.Errorf("%d records with the keys %q", len(log.values), log.keys)
	}
	if s.Tally.Cut != 1 || s.Tally.Unkeyed != 1 {
		t.Errorf("%+v", s.Tally)
	}
	log.limit = 10
	if _, err := s.Send(t.Context(), []byte(huge), true); err == nil {
		t.Error("a broker that takes nothing is believed to have taken it")
	}
}

// A batch that is under way when the context ends is finished if it can be, so that done is true.
func TestSendStopped(t *testing.T) {
	text, _ := numbered(50_000)
	ctx, cancel := context.WithCancel(t.Context())
	log := &taker{}
	log.fail = func(int, []ingest.Keyed) error { cancel(); return nil }
	s := ingest.Sender{Splitter: newSplitter(t), Producer: log, Grace: time.Minute}
	done, err := s.Send(ctx, []byte(text), true)
	if !errors.Is(err, context.Canceled) || log.calls != 1 || strings.Count(text[:done]+"\n", "\n") != len(log.values) {
		t.Errorf("done %d, %d records, %v", done, len(log.values), err)
	}

	waiting := &ingest.Sender{Splitter: newSplitter(t), Producer: away{}, Grace: time.Millisecond, Retry: passing}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if done, err := waiting.Send(ctx, []byte(text), true); done != 0 || err == nil {
		t.Errorf("done %d, %v, with nobody there", done, err)
	}
}

// away is a broker that is waited for.
type away struct{}

func (away) Produce(ctx context.Context, _ []ingest.Keyed) error {
	<-ctx.Done()
	return fmt.Errorf("%w: %w", errPassing, ctx.Err())
}

func TestTally(t *testing.T) {
	s := ingest.Sender{Splitter: newSplitter(t), Producer: &taker{}}
	text := `{"time":1795295472,"token":"a"}{"time":1795295400,"token":"a"}{"time":1795290000,"token":"a"}{"time":1795299000,"token":"a"}{"uri":"/"}`
	if _, err := s.Send(t.Context(), []byte(text), true); err != nil {
		t.Fatal(err)
	}
	have := fmt.Sprint(s.Tally.Records, s.Tally.Unkeyed, s.Tally.Late, s.Tally.First.Unix(), s.Tally.Latest.Unix())
	if want := "5 1 1 1795295472 1795299000"; have != want {
		t.Errorf("have %s, want %s", have, want)
	}
}
