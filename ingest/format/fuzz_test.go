package format_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// Whatever a record is, decoding it ends, and what comes out of it stands by its word: an
// entry without a fault says whose request it was and when.

func FuzzDecodeTokenwatch(f *testing.F) { fuzzDecode(f, "tokenwatch") }
func FuzzDecodeNginx(f *testing.F)      { fuzzDecode(f, "nginx") }
func FuzzDecodeKong(f *testing.F)       { fuzzDecode(f, "kong") }
func FuzzDecodeLitellm(f *testing.F)    { fuzzDecode(f, "litellm") }
func FuzzDecodeAPISIX(f *testing.F)     { fuzzDecode(f, "apisix") }
func FuzzDecodeEnvoy(f *testing.F)      { fuzzDecode(f, "envoy") }
func FuzzDecodeTraefik(f *testing.F)    { fuzzDecode(f, "traefik") }
func FuzzDecodeCaddy(f *testing.F)      { fuzzDecode(f, "caddy") }
func FuzzDecodeHAProxy(f *testing.F)    { fuzzDecode(f, "haproxy") }
func FuzzDecodeAWS(f *testing.F)        { fuzzDecode(f, "aws-apigateway") }
func FuzzDecodeCloudflare(f *testing.F) { fuzzDecode(f, "cloudflare") }
func FuzzDecodeAuto(f *testing.F)       { fuzzDecode(f, format.Auto, format.Names()...) }

func FuzzDecodeAlike(f *testing.F) { fuzzDecode(f, format.Auto, "alike") }

func fuzzDecode(f *testing.F, name string, samples ...string) {
	if samples == nil {
		samples = []string{name}
	}
	for _, sample := range samples {
		for _, path := range records(f, sample) {
			f.Add(read(f, path))
		}
	}
	reader := lookup(f, name)
	f.Fuzz(func(t *testing.T, record []byte) {
		given := bytes.Clone(record)
		entries, err := decode(t, reader, record)
		if !bytes.Equal(given, record) {
			t.Fatal("the record was written to")
		}
		if err == nil && len(entries) == 0 {
			t.Fatalf("no entry and no fault of %q", record)
		}
		for i, entry := range entries {
			checkEntry(t, i, entry)
		}
	})
}

func checkEntry(t *testing.T, i int, entry seen) {
	t.Helper()
	if entry.Item != i {
		t.Fatalf("entry %d is numbered %d", i, entry.Item)
	}
	if entry.Err != "" {
		return
	}
	if entry.Token+entry.Credential+entry.Consumer == "" {
		t.Fatal("an entry of nobody")
	}
	if year := entry.Time.Year(); year < 1969 || year > 2262 { // 1969: logged in 1970, begun before
		t.Fatalf("time %s", entry.Time)
	}
	if entry.Status > 999 || entry.CostUSD < 0 {
		t.Fatalf("status %d, cost %g", entry.Status, entry.CostUSD)
	}
	if entry.Token != "" && len(entry.Secrets) == 0 {
		t.Fatal("the token is not among the secrets")
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	for _, name := range format.Names() {
		sample := "docs.json"
		switch name {
		case "tokenwatch":
			sample = "full.json"
		case "litellm":
			sample = "success.json"
		}
		reader, record := lookup(t, name), read(t, filepath.Join("testdata", name, sample))
		emit := func(r *format.Record) error { return r.Err }
		allocations := testing.AllocsPerRun(100, func() {
			if err := reader.Decode(record, emit); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations a record", name, allocations)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, name := range format.Names() {
		for _, path := range records(b, name) {
			reader, record := lookup(b, name), read(b, path)
			emit := func(*format.Record) error { return nil }
			if reader.Decode(record, emit) != nil {
				continue // a record that is refused says nothing about speed
			}
			b.Run(path[len("testdata/"):], func(b *testing.B) {
				b.SetBytes(int64(len(record)))
				b.ReportAllocs()
				for b.Loop() {
					_ = reader.Decode(record, emit)
				}
			})
		}
	}
}
