package kafka

import (
	"errors"
	"fmt"

	kafkago "github.com/segmentio/kafka-go"
)

// ProduceError says which records of a Produce may not have been appended. All others have been.
type ProduceError struct {
	Err    error
	run    int // records of the write that failed
	unsent []int
}

func (e *ProduceError) Error() string { return e.Err.Error() }

// Unwrap gives the reason.
func (e *ProduceError) Unwrap() error { return e.Err }

// Unsent are the positions of the records, in order, among those that were given to Produce.
func (e *ProduceError) Unsent() []int { return e.unsent }

// TooLarge reports whether the broker takes no record, or no batch, of this size.
func (e *ProduceError) TooLarge() bool { return errors.Is(e.Err, kafkago.MessageSizeTooLarge) }

// failure sorts out which records of a run were not appended, as far as the writer knows.
func (p *Producer) failure(err error, run int) error {
	if err == nil {
		return nil
	}
	failed := &ProduceError{Err: err, run: run}
	var each kafkago.WriteErrors
	known := errors.As(err, &each) && len(each) == run
	for i := range run {
		if known && each[i] == nil {
			continue
		}
		failed.unsent = append(failed.unsent, i)
		if known {
			failed.Err = each[i]
		}
	}
	if known {
		failed.Err = fmt.Errorf("%d of %d records: %w", len(failed.unsent), run, failed.Err)
	}
	failed.Err = fmt.Errorf("producing to %s: %w", p.topic, failed.Err)
	return failed
}

// unsent turns the positions in a failed run that began at from into positions among all records. What comes behind the
// run was not tried.
func unsent(err error, from, all int) error {
	var failed *ProduceError
	if !errors.As(err, &failed) {
		return err
	}
	for i := range failed.unsent {
		failed.unsent[i] += from
	}
	for i := from + failed.run; i < all; i++ {
		failed.unsent = append(failed.unsent, i)
	}
	return failed
}
