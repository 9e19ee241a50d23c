package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/compress"
)

// inflater takes the records of a batch apart, decompressing them piece by piece, so that what it
// holds depends on the largest record and not on how much a batch claims to hold.
type inflater struct {
	have   []byte // decompressed
	at     int    // how much of it has been handed out
	window []byte // what have lies in, unless it lies in the batch itself
	source source
	lz4    lz4Frames
	stream stream
}

// source is a compressed batch.
type source interface {
	// more appends some more of what was compressed to dst, or returns io.EOF.
	more(dst []byte) ([]byte, error)
}

// keptWindow is how much is kept for the next batch: the largest lz4 block, 4 MiB, with a record at either end. A larger
// record had a window of its own.
const keptWindow = 16 << 20

// open begins with a batch. The one before is closed.
func (i *inflater) open(b *batch) error {
	if cap(i.window) > keptWindow {
		i.window = nil
	}
	i.have, i.at, i.source = i.window[:0], 0, nil
	switch codec := compress.Compression(b.attributes & codecMask); {
	case codec == compress.None:
		i.have = b.records
	case codec == compress.Lz4:
		i.lz4.reset(b.records)
		i.source = &i.lz4
	case codec.Codec() != nil:
		i.stream.reset(codec.Codec(), b.records)
		i.source = &i.stream
	default:
		return fmt.Errorf("the batch at offset %d has compression %d, which is not known here", b.base, b.attributes&codecMask)
	}
	return nil
}

// next returns the next record's body, which is valid until the one after it.
func (i *inflater) next() ([]byte, error) {
	for {
		size, n := binary.Varint(i.have[i.at:])
		switch {
		case n < 0 || n > 0 && (size < 1 || size > maxFetch):
			return nil, fmt.Errorf("%w: a record of %d bytes", errCorrupt, size)
		case n > 0 && int(size) <= len(i.have)-i.at-n:
			body := i.have[i.at+n : i.at+n+int(size)]
			i.at += n + int(size)
			return body, nil
		}
		if err := i.fill(); err != nil {
			return nil, err
		}
	}
}

// fill decompresses some more, and moves what is left to the front to make room.
func (i *inflater) fill() error {
	if i.source == nil {
		return fmt.Errorf("%w: a batch ends within a record", errCorrupt)
	}
	left := copy(i.window, i.have[i.at:])
	have, err := i.source.more(i.window[:left])
	i.have, i.at, i.window = have, 0, have[:cap(have)]
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: a batch ends within a record", errCorrupt)
	}
	return err
}

// close gives the decompressor back.
func (i *inflater) close() { i.stream.close() }

// room makes sure that so many bytes can be appended. It at least doubles what has to grow.
func room(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	grown := make([]byte, len(b), max(len(b)+n, 2*cap(b)))
	copy(grown, b)
	return grown
}

// stream is a source for all but lz4.
type stream struct {
	from   bytes.Reader
	reader io.ReadCloser
}

// streamPiece is how much is decompressed at a time: little enough for the processor's cache.
const streamPiece = 128 << 10

func (s *stream) reset(codec compress.Codec, b []byte) {
	s.close()
	s.from.Reset(b)
	s.reader = codec.NewReader(&s.from)
}

func (s *stream) more(dst []byte) ([]byte, error) {
	dst = room(dst, streamPiece)
	n, err := s.reader.Read(dst[len(dst) : len(dst)+streamPiece])
	dst = dst[:len(dst)+n]
	if n > 0 || err == nil {
		return dst, nil
	}
	if !errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: %w", errCorrupt, err)
	}
	return dst, err
}

func (s *stream) close() {
	if s.reader != nil {
		_ = s.reader.Close() // it only goes back to a pool
		s.reader = nil
	}
}
