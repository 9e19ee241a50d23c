package backtest

import "github.com/tokenwatch/tokenwatch/schema"

// Recorder writes events as a Sorter writes them to the disk.
type Recorder struct{ of recorder }

// NewRecorder makes one that knows some words.
func NewRecorder(known ...string) *Recorder {
	r := &Recorder{recorder{words: newWords()}}
	for _, word := range known {
		r.of.words.id(word)
	}
	return r
}

// Append writes an event behind dst.
func (r *Recorder) Append(dst []byte, e *schema.Event) []byte { return r.of.append(dst, e) }

// Read reads an event back.
func (r *Recorder) Read(record []byte, e *schema.Event) error { return r.of.read(record, e) }
