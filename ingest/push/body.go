package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/tokenwatch/tokenwatch/ingest/unpack"
)

var (
	errFull     = errors.New("no memory left for further bodies")
	errTooLarge = errors.New("the body is too large")
)

// budget bounds the bytes that all bodies together may hold.
type budget struct {
	mu   sync.Mutex
	left int64
}

func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.left += n
	b.mu.Unlock()
}

// body is what a request brought, in memory that the budget gave.
type body struct {
	text  []byte
	taken int64
	from  *budget
}

func (b *body) free() { b.from.give(b.taken) }

func (b *body) take(n int64) error {
	if !b.from.take(n) {
		return errFull
	}
	b.taken += n
	return nil
}

func (b *body) give(n int64) {
	b.taken -= n
	b.from.give(n)
}

const (
	// firstRead is what a body gets to begin with; most are no longer.
	firstRead = 64 << 10
	// otherWindow is what the decompressors of gzip and deflate remember.
	otherWindow = 64 << 10
)

// read reads a whole body and undoes its compression, which is also recognised where no header names it. It fails when
// more than most bytes come out. Free the body afterwards, also after an error.
func (b *body) read(r *http.Request, most int64) error {
	if r.ContentLength > most {
		return errTooLarge // it does not get smaller
	}
	if err := b.take(overhead); err != nil {
		return err
	}
	encoding := r.Header.Get("Content-Encoding")
	unpacking := &body{from: b.from} // what is needed only until the body is read
	defer unpacking.free()
	if err := unpacking.take(window(encoding)); err != nil {
		return err
	}
	// Compressed bytes out of which nothing comes have to end, too. Decompressors that work one behind the other share.
	raw, layers := http.MaxBytesReader(nil, r.Body, most), int64(1+strings.Count(encoding, ","))
	plain, err := unpack.Open(raw, encoding, max(1<<10, maxWindow/layers))
	if err != nil {
		return err
	}
	defer plain.Close()
	if encoding == "" {
		if plain, err = unpacking.sniff(plain); err != nil {
			return err
		}
		defer plain.Close()
	}
	return b.fill(plain, most, firstSize(r, encoding, most))
}

// window is what decompressing needs. A zstd stream names a window that suits its level, however short it is.
func window(encoding string) int64 {
	switch encoding = strings.ToLower(encoding); {
	case encoding == "", encoding == "identity":
		return 0
	case strings.Contains(encoding, "zstd"):
		return maxWindow
	}
	return otherWindow
}

// sniff looks whether the bytes are compressed although nothing says so.
func (b *body) sniff(r io.Reader) (io.ReadCloser, error) {
	plain, name, err := unpack.Sniff(r, maxWindow)
	if err != nil || name == "" {
		return plain, err
	}
	if err := b.take(window(name)); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return plain, nil
}

func firstSize(r *http.Request, encoding string, most int64) int64 {
	if encoding == "" && r.ContentLength >= 0 {
		return min(r.ContentLength, most) + 1
	}
	return min(firstRead, most+1)
}

// fill reads to the end, in a buffer that doubles as long as the budget allows it.
func (b *body) fill(r io.Reader, most, size int64) error {
	if err := b.take(size); err != nil {
		return err
	}
	b.text = make([]byte, 0, size)
	for {
		n, err := r.Read(b.text[len(b.text):cap(b.text)])
		b.text = b.text[:len(b.text)+n]
		switch {
		case int64(len(b.text)) > most:
			return errTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if len(b.text) == cap(b.text) {
			if err := b.grow(most); err != nil {
				return err
			}
		}
	}
}

func (b *body) grow(most int64) error {
	old := int64(cap(b.text))
	size := min(2*old, most+1)
	if err := b.take(size); err != nil {
		return err
	}
	b.text = append(make([]byte, 0, size), b.text...)
	b.give(old)
	return nil
}

// isTrial reports whether this is what Cloudflare sends to try a destination: {"content":"test"}, or "tests".
func (b *body) isTrial() bool {
	if len(b.text) > 64 {
		return false
	}
	var only map[string]string
	err := json.Unmarshal(b.text, &only)
	return err == nil && len(only) == 1 && (only["content"] == "test" || only["content"] == "tests")
}

// broken says what is wrong with a body that should be a single JSON value and is none. Of several lines each is judged where
// it is decoded.
func (b *body) broken() error {
	text := bytes.TrimPrefix(bytes.TrimSpace(b.text), []byte("\xef\xbb\xbf")) // some libraries mark UTF-8
	if bytes.IndexByte(text, '\n') >= 0 {
		return nil
	}
	values := json.NewDecoder(bytes.NewReader(text))
	if len(text) > 0 && text[0] == '[' {
		if _, err := values.Token(); err != nil || !values.More() {
			return err
		}
	}
	var first json.RawMessage
	return values.Decode(&first)
}
