// Package unpack turns compressed bytes into plain ones: gzip, zstd and deflate, told by the name of an encoding (an HTTP
// header) or by the first bytes (a file, and clients that forget the header).
//
//	body, file ──► Open, Sniff ──► plain bytes
//
// It refuses what it does not know instead of passing it on as text, and it never buffers a stream: how much
// comes out is for the caller to bound, since a kilobyte may hold a gigabyte. What it needs itself is bounded by the
// window that a stream may ask for.
//
// Nothing else imports the compression library.
package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// ErrUnknown says that the encoding is none that is read here.
var ErrUnknown = errors.New("want gzip, zstd, deflate or none")

// ErrCorrupt says that the bytes are not what their encoding says, or end too early.
var ErrCorrupt = errors.New("not decompressible")

// maxLayers bounds how often a stream may be compressed.
const maxLayers = 2

// Open reads what was compressed as an HTTP Content-Encoding header says: nothing, one encoding, or a list of them in the
// order in which they were applied. window bounds the memory that a stream may ask for.
func Open(r io.Reader, encodings string, window int64) (io.ReadCloser, error) {
	var names []string
	for name := range strings.SplitSeq(encodings, ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" && name != "identity" {
			names = append(names, name)
		}
	}
	if len(names) > maxLayers {
		return nil, fmt.Errorf("%d encodings one over the other: %w", len(names), ErrUnknown)
	}
	plain := io.NopCloser(r)
	for i := len(names) - 1; i >= 0; i-- {
		layer, err := open(plain, names[i], window)
		if err != nil {
			return nil, errors.Join(err, plain.Close())
		}
		plain = layer
	}
	return plain, nil
}

func open(r io.Reader, name string, window int64) (io.ReadCloser, error) {
	switch name {
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, corrupt(err)
		}
		return &stream{z, z.Close}, nil
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(uint64(window)))
		if err != nil {
			return nil, corrupt(err)
		}
		return &stream{z, func() error { z.Close(); return nil }}, nil
	case "deflate":
		return inflate(bufio.NewReader(r))
	}
	return nil, fmt.Errorf("encoding %.40q: %w", name, ErrUnknown)
}

// inflate reads what HTTP calls deflate: zlib's format, and the bare one that some clients send in its place.
func inflate(r *bufio.Reader) (io.ReadCloser, error) {
	head, err := r.Peek(2)
	if err != nil {
		return nil, corrupt(err)
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, corrupt(err)
		}
		return &stream{z, z.Close}, nil
	}
	z := flate.NewReader(r)
	return &stream{z, z.Close}, nil
}

// magics are the first bytes of compressed streams. No record begins like that.
var magics = []struct {
	name  string
	bytes []byte
}{
	{"gzip", []byte{0x1f, 0x8b, 8}},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}},
	{"xz", []byte{0xfd, '7', 'z', 'X', 'Z', 0}},
	{"bzip2", []byte("BZh")},
	{"zip", []byte{'P', 'K', 3, 4}},
}

// Sniff reads a stream that may be compressed, and names what it is compressed with, "" if it is not.
func Sniff(r io.Reader, window int64) (plain io.ReadCloser, name string, err error) {
	ahead := bufio.NewReaderSize(r, 64<<10)
	head, err := ahead.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	for _, magic := range magics {
		if bytes.HasPrefix(head, magic.bytes) {
			plain, err := open(ahead, magic.name, window)
			return plain, magic.name, err
		}
	}
	return io.NopCloser(ahead), "", nil
}

// stream tells errors of the compression from those of what is below.
type stream struct {
	io.Reader
	close func() error
}

func (s *stream) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = corrupt(err)
	}
	return n, err
}

func (s *stream) Close() error { return s.close() }

// corrupt marks what a decompressor found wrong. An error that the source gave stays recognisable beneath.
func corrupt(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
