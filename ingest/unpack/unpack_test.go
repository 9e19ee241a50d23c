package unpack_test

import (
	"bytes"
	stdflate "compress/flate"
	stdgzip "compress/gzip"
	stdzlib "compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/tokenwatch/tokenwatch/ingest/unpack"
)

const window = 8 << 20

func packed(t testing.TB, name string, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch name {
	case "gzip":
		w = stdgzip.NewWriter(&out)
	case "zlib":
		w = stdzlib.NewWriter(&out)
	case "flate":
		w, err = stdflate.NewWriter(&out, 6)
	case "zstd":
		w, err = zstd.NewWriter(&out)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestOpen(t *testing.T) {
	text := []byte(strings.Repeat("{\"a\":1}\n", 100_000))
	twice := packed(t, "gzip", packed(t, "zstd", text))
	members := append(packed(t, "gzip", text[:8]), packed(t, "gzip", text[8:])...)
	for _, c := range []struct {
		encoding string
		body     []byte
	}{
		{"", text}, {"identity", text}, {"gzip", packed(t, "gzip", text)}, {"x-gzip", members}, {"GZIP", packed(t, "gzip", text)},
		{"deflate", packed(t, "zlib", text)}, {"deflate", packed(t, "flate", text)}, {"zstd", packed(t, "zstd", text)},
		{"zstd, gzip", twice}, {"identity,gzip", packed(t, "gzip", text)},
	} {
		t.Run(c.encoding, func(t *testing.T) {
			r, err := unpack.Open(bytes.NewReader(c.body), c.encoding, window)
			if err != nil {
				t.Fatal(err)
			}
			have, err := io.ReadAll(r)
			if err := errors.Join(err, r.Close()); err != nil || !bytes.Equal(have, text) {
				t.Errorf("%d bytes of %d, %v", len(have), len(text), err)
			}
		})
	}
}

func TestSniff(t *testing.T) {
	text := []byte(strings.Repeat("{\"a\":1}\n", 1000))
	for name, body := range map[string][]byte{"": text, "gzip": packed(t, "gzip", text), "zstd": packed(t, "zstd", text)} {
		r, have, err := unpack.Sniff(bytes.NewReader(body), window)
		if err != nil || have != name {
			t.Fatalf("%q is taken for %q, %v", name, have, err)
		}
		if plain, err := io.ReadAll(r); err != nil || !bytes.Equal(plain, text) {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
	}
	if r, name, err := unpack.Sniff(strings.NewReader(""), window); err != nil || name != "" {
		t.Error(r, name, err)
	}
}

func TestRefusals(t *testing.T) {
	whole := packed(t, "gzip", []byte("some text that is long enough"))
	for _, c := range []struct {
		encoding string
		body     []byte
		want     error
	}{
		{"br", nil, unpack.ErrUnknown}, {"gzip, gzip, gzip", whole, unpack.ErrUnknown}, {"snappy", nil, unpack.ErrUnknown},
		{"gzip", []byte("no gzip at all"), unpack.ErrCorrupt}, {"gzip", whole[:len(whole)-3], unpack.ErrCorrupt}, {"gzip", nil, unpack.ErrCorrupt},
		{"zstd", []byte("no zstd at all"), unpack.ErrCorrupt}, {"deflate", nil, unpack.ErrCorrupt},
	} {
		r, err := unpack.Open(bytes.NewReader(c.body), c.encoding, window)
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s of %q: %v", c.encoding, c.body, err)
		}
	}
	for _, magic := range []string{"BZh91AY", "PK\x03\x04...", "\xfd7zXZ\x00"} {
		if _, name, err := unpack.Sniff(strings.NewReader(magic), window); !errors.Is(err, unpack.ErrUnknown) || name == "" {
			t.Errorf("%q: %q, %v", magic, name, err)
		}
	}
}

// An error of what is below keeps its nature.
func TestBrokenSource(t *testing.T) {
	broken := errors.New("the line is cut")
	whole := packed(t, "gzip", bytes.Repeat([]byte("text"), 1000))
	r, err := unpack.Open(io.MultiReader(bytes.NewReader(whole[:20]), errorReader{broken}), "gzip", window)
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, broken) {
		t.Errorf("have %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// FuzzUnpack: whatever comes in, what comes out is bounded by who reads, and nothing panics.
func FuzzUnpack(f *testing.F) {
	for i, name := range []string{"gzip", "zlib", "flate", "zstd"} {
		f.Add(uint8(i), packed(f, name, []byte("some text")))
	}
	encodings := []string{"gzip", "deflate", "deflate", "zstd", ""}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		for _, open := range []func() (io.ReadCloser, error){
			func() (io.ReadCloser, error) {
				return unpack.Open(bytes.NewReader(body), encodings[int(which)%len(encodings)], window)
			},
			func() (io.ReadCloser, error) {
				r, _, err := unpack.Sniff(bytes.NewReader(body), window)
				return r, err
			},
		} {
			r, err := open()
			if err != nil {
				continue
			}
			if _, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20)); err != nil && !errors.Is(err, unpack.ErrCorrupt) {
				t.Errorf("%v", err)
			}
			_ = r.Close() // what was wrong has been said
		}
	})
}
