package format_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

var update = flag.Bool("update", false, "write testdata/*/*.want.json anew; read what changed before you commit it")

// seen is a Record as the golden files show it: copied, and without what is not said.
type seen struct {
	Item         int       `json:"item"`
	Err          string    `json:"err,omitempty"`
	Token        string    `json:"token,omitempty"`
	Credential   string    `json:"credential,omitempty"`
	Secrets      []string  `json:"secrets,omitempty"`
	Consumer     string    `json:"consumer,omitempty"`
	Environment  string    `json:"environment,omitempty"`
	Time         time.Time `json:"time,omitzero"`
	Latency      string    `json:"latency,omitempty"`
	Peer         string    `json:"peer,omitempty"`
	Client       string    `json:"client,omitempty"`
	ForwardedFor string    `json:"forwarded_for,omitempty"`
	Forwarded    string    `json:"forwarded,omitempty"`
	Country      string    `json:"country,omitempty"`
	ASN          uint32    `json:"asn,omitempty"`
	Method       string    `json:"method,omitempty"`
	URI          string    `json:"uri,omitempty"`
	Status       uint16    `json:"status,omitempty"`
	BytesIn      uint64    `json:"bytes_in,omitempty"`
	BytesOut     uint64    `json:"bytes_out,omitempty"`
	UserAgent    string    `json:"user_agent,omitempty"`
	RequestID    string    `json:"request_id,omitempty"`
	UnitsIn      uint32    `json:"units_in,omitempty"`
	UnitsOut     uint32    `json:"units_out,omitempty"`
	CostUSD      float64   `json:"cost_usd,omitempty"`
}

func see(r *format.Record) seen {
	s := seen{
		Item: r.Item, Token: string(r.Token), Credential: string(r.Credential), Consumer: string(r.Consumer),
		Environment: string(r.Environment), Time: r.Time, Peer: string(r.Peer), Client: string(r.Client),
		ForwardedFor: string(r.ForwardedFor), Forwarded: string(r.Forwarded), Method: string(r.Method),
		URI: string(r.URI), Status: r.Status, BytesIn: r.BytesIn, BytesOut: r.BytesOut, UserAgent: string(r.UserAgent),
		RequestID: string(r.RequestID), Country: string(r.Country), ASN: r.ASN, UnitsIn: r.UnitsIn, UnitsOut: r.UnitsOut, CostUSD: r.CostUSD,
	}
	if r.Err != nil {
		s.Err = r.Err.Error()
	}
	if r.Latency != 0 {
		s.Latency = r.Latency.String()
	}
	for _, secret := range r.Secrets {
		s.Secrets = append(s.Secrets, string(secret))
	}
	return s
}

// decode gives the entries of a record, or the fault of the whole.
func decode(t testing.TB, f format.Format, record []byte) ([]seen, error) {
	t.Helper()
	var all []seen
	err := f.Decode(record, func(r *format.Record) error {
		all = append(all, see(r))
		return nil
	})
	return all, err
}

func lookup(t testing.TB, name string) format.Format {
	t.Helper()
	f, err := format.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// records lists the sample records of a format.
func records(t testing.TB, name string) []string {
	t.Helper()
	var all []string
	for _, kind := range []string{"*.json", "*.log", "*.rec"} {
		paths, err := filepath.Glob(filepath.Join("testdata", name, kind))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if !strings.HasSuffix(path, ".want.json") {
				all = append(all, path)
			}
		}
	}
	if len(all) == 0 {
		t.Fatalf("testdata/%s: no records", name)
	}
	return all
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	for _, name := range format.Names() {
		f := lookup(t, name)
		for _, path := range records(t, name) {
			t.Run(strings.TrimPrefix(path, "testdata/"), func(t *testing.T) { golden(t, f, path) })
		}
	}
}

func golden(t *testing.T, f format.Format, path string) {
	entries, err := decode(t, f, read(t, path))
	have := struct {
		Fault   string `json:"fault,omitempty"`
		Entries []seen `json:"entries"`
	}{Entries: entries}
	if err != nil {
		have.Fault = err.Error()
	}
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(have); err != nil {
		t.Fatal(err)
	}
	wanted := strings.TrimSuffix(path, ".json") + ".want.json"
	if *update {
		if err := os.WriteFile(wanted, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := read(t, wanted); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("have\n%s\nwant\n%s", got.Bytes(), want)
	}
}
