package unpack_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/unpack"
)

func TestWhatIsPackedUnpacks(t *testing.T) {
	text := strings.Repeat("a record of some gateway\n", 20_000)
	for name, want := range map[string]string{"access.log": "", "access.log.gz": "gzip", "access.log.zst": "zstd", "gz": ""} {
		var file bytes.Buffer
		w, err := unpack.Pack(&file, name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if small := file.Len() < len(text)/10; small != (want != "") {
			t.Errorf("%s: %d bytes of %d", name, file.Len(), len(text))
		}
		plain, found, err := unpack.Sniff(&file, 8<<20)
		if err != nil || found != want {
			t.Fatalf("%s: is %q, %v", name, found, err)
		}
		back, err := io.ReadAll(plain)
		if err != nil || string(back) != text {
			t.Errorf("%s: %d bytes came back, %v", name, len(back), err)
		}
	}
}
