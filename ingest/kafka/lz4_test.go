package kafka

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go/compress"
)

// What is produced as lz4 has blocks of 64 KiB, and is read back by kafka-go's reader and by the fetch, whoever used the writer before.
func TestLZ4Frames(t *testing.T) {
	codec := compress.Lz4.Codec()
	for _, size := range []int{0, 1, 64<<10 - 1, 64 << 10, 300_000} {
		text := strings.Repeat("GET /v1/models 200\n", size/19+1)[:size]
		var frame bytes.Buffer
		w := codec.NewWriter(&frame)
		for rest := text; len(rest) > 0; {
			n := min(len(rest), 7000)
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if frame.Len() == 0 && size == 0 {
			continue // nothing was written, not even a frame
		}
		if code := frame.Bytes()[5] >> 4 & 7; code != 4 {
			t.Errorf("%d bytes: blocks of size %d, want 4, which is 64 KiB", size, code)
		}
		r := codec.NewReader(bytes.NewReader(frame.Bytes()))
		if read, err := io.ReadAll(r); err != nil || string(read) != text {
			t.Errorf("%d bytes: kafka-go reads %d, %v", size, len(read), err)
		}
		_ = r.Close() // nothing is left in it
		var z lz4Frames
		z.reset(frame.Bytes())
		var fetched []byte
		for err := error(nil); err != io.EOF; {
			if fetched, err = z.more(fetched); err != nil && err != io.EOF {
				t.Fatalf("%d bytes: %v", size, err)
			}
		}
		if string(fetched) != text {
			t.Errorf("%d bytes: the fetch reads %d", size, len(fetched))
		}
	}
}
