package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// swallow is a producer that takes everything at once.
type swallow struct{}

func (swallow) Produce(context.Context, []ingest.Keyed) error { return nil }

// BenchmarkSend is what a line costs on its way to the producer, with its key.
func BenchmarkSend(b *testing.B) {
	var text strings.Builder
	const lines = 10_000
	for i := range lines {
		fmt.Fprintf(&text, `{"msec":"1795295472.%03d","request_id":"%032x","remote_addr":"81.2.69.142","http_authorization":"Bearer sk-live-%024d","request_method":"GET","request_uri":"/v1/models?limit=5","status":"200","bytes_sent":"166","request_length":"233","request_time":"0.010","http_user_agent":"curl/8.7.1"}`+"\n", i%1000, i, i%600)
	}
	s := ingest.Sender{Splitter: newSplitter(b), Producer: swallow{}}
	all := []byte(text.String())
	b.SetBytes(int64(len(all)) / lines)
	b.ReportAllocs()
	for n := 0; n < b.N; n += lines {
		if done, err := s.Send(b.Context(), all, true); err != nil || done != len(all) {
			b.Fatal(done, err)
		}
	}
	if s.Tally.Unkeyed > 0 {
		b.Fatalf("%+v", s.Tally)
	}
}
