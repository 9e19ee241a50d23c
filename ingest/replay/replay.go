package replay

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Header is the key of the header that names the letter which a record was appended for.
const Header = "tokenwatch-replay"

// ErrGone is wrapped by errors of a Log that has no record at an offset.
var ErrGone = errors.New("no record at this offset")

// Record is a record in Kafka, or one to be appended.
type Record struct {
	Offset  int64
	Time    time.Time
	Key     []byte
	Value   []byte
	Headers map[string][]byte
}

// Log is Kafka, by position. Append adds all records or none, tries once, and gives the first one's offset; after an
// error nobody knows whether it did.
type Log interface {
	At(ctx context.Context, topic string, partition int32, offset int64) (Record, error)
	Between(ctx context.Context, topic string, partition int32, from, to int64, each func(Record) error) error
	// Bounds are the offset of the first record that is still there, and that of the next one to be appended.
	Bounds(ctx context.Context, topic string, partition int32) (first, end int64, err error)
	Append(ctx context.Context, topic string, partition int32, records []Record) (first int64, err error)
}

// Book keeps what became of letters. What WriteReplays has written everybody sees, in the order of writing.
type Book interface {
	Replays(ctx context.Context, topic string, partition int32, offsets []int64) ([]schema.Replay, error)
	WriteReplays(ctx context.Context, lines []schema.Replay) error
	// StoredItems counts events and dead letters of a record, by offset.
	StoredItems(ctx context.Context, topic string, partition int32, offsets []int64) (events, letters map[int64]uint64, err error)
}

// Decoder is today's configuration: an *ingest.Decoder.
type Decoder interface {
	Reread(value []byte, pos ingest.Position) []ingest.Entry
}

// Replayer replays. Its Run tells one run from another.
type Replayer struct {
	Log     Log
	Book    Book
	Decoder Decoder
	// Stale is after how long an intention that nobody ended is looked into. An append has to be
	// answered in half of it.
	Stale time.Duration
	run   string
}

// New makes a Replayer for one run.
func New(log Log, book Book, decoder Decoder, stale time.Duration) *Replayer {
	return &Replayer{Log: log, Book: book, Decoder: decoder, Stale: stale, run: rand.Text()}
}

// Outcome is what becomes of a letter.
type Outcome string

// Outcomes.
const (
	Ready     Outcome = "ready"     // would become events
	Sent      Outcome = "sent"      // was appended in this run
	Done      Outcome = "done"      // was appended in an earlier one
	Refused   Outcome = "refused"   // is refused by today's configuration too
	Gone      Outcome = "gone"      // Kafka has the record no more
	Changed   Outcome = "changed"   // another record stands at its offset
	Underway  Outcome = "underway"  // another run is at it, or was cut off a moment ago
	Uncertain Outcome = "uncertain" // it may have been appended; nobody can tell yet
)

// Result is what becomes of one letter, and why.
type Result struct {
	Letter    schema.DeadLetter
	Outcome   Outcome
	Events    []schema.Event    // that it becomes: one, or those of a whole batch
	Fault     schema.DeadLetter // why it is still refused
	NewOffset int64             // of the record that was appended
	Note      string            // more about it, for people

	record Record // to be appended
}
