package ingest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// corpusSize is how many different records a benchmark goes round in: more than caches of
// the processor and of the decoder hold.
const corpusSize = 16 << 10

// corpus makes records of a format that differ as an API's traffic does: thousands of
// tokens, addresses and paths, hundreds of clients. Each is a sample of the format in which
// everything that the format reads has been replaced. They are drawn from all samples that are whole records, or from those named.
func corpus(b testing.TB, name string, samplesNamed string) [][]byte {
	b.Helper()
	samples := specimens(b, name, samplesNamed)
	d := &drawing{Rand: rand.New(rand.NewPCG(7, 11)), at: at().Add(-time.Hour)}
	records := make([][]byte, corpusSize)
	for i := range records {
		records[i] = samples[i%len(samples)].drawn(d)
	}
	return records
}

// more is what gateways log besides.
const more = `,"scheme":"https","ssl_protocol":"TLSv1.3","ssl_cipher":"TLS_AES_256_GCM_SHA384"}`

// fleet takes records of one gateway out of the simulated fleet.
func fleet(b testing.TB, gateway string) [][]byte {
	b.Helper()
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Tokens, cfg.End, cfg.History = 7, 60_000, at(), 15*24*time.Hour
	f, err := simulate.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	tokens, records := f.Tokens(), make([][]byte, 0, corpusSize)
	for r := range f.History() {
		if tokens[r.Token].Gateway == gateway {
			records = append(records, append(bytes.TrimSuffix(bytes.Clone(r.Value), []byte("}")), more...))
		}
		if len(records) == corpusSize {
			return records
		}
	}
	b.Fatalf("only %d records of %s", len(records), gateway)
	return nil
}

// specimen is a record, and what the format reads in it.
type specimen struct {
	record []byte
	said   []saying
}

// saying is one text of a sample and what draws others of its kind.
type saying struct {
	text string
	draw func(*drawing) string
}

// specimens gives the format's samples that become events.
// Short ones show a corner of the format, and are no measure of its speed.
func specimens(b testing.TB, name, samplesNamed string) []specimen {
	b.Helper()
	paths, err := filepath.Glob(filepath.Join("format", "testdata", name, samplesNamed))
	if err != nil {
		b.Fatal(err)
	}
	var all []specimen
	for _, path := range paths {
		record, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		if s, ok := specimenOf(b, name, bytes.TrimSpace(record)); ok && !strings.Contains(path, ".want.") && len(record) > 400 {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		b.Skipf("no sample of %s is like a gateway's record", name)
	}
	return all
}

func specimenOf(b testing.TB, name string, record []byte) (specimen, bool) {
	f, err := format.Lookup(name)
	if err != nil {
		b.Fatal(err)
	}
	s, good := specimen{record: record}, true
	err = f.Decode(record, func(r *format.Record) error {
		tokenInURI := len(r.Token) > 0 && bytes.Contains(r.URI, r.Token) && bytes.Contains(record, r.URI) // another is drawn, without it
		good = good && r.Err == nil && !tokenInURI
		s.hear(r)
		return nil
	})
	slices.SortStableFunc(s.said, func(a, b saying) int { return len(b.text) - len(a.text) })
	return s, err == nil && good
}

// hear notes the texts of an entry.
func (s *specimen) hear(r *format.Record) {
	secret := string(r.Token)
	if _, bare, ok := strings.Cut(secret, " "); ok {
		secret = bare
	}
	s.say(secret, (*drawing).secret)
	s.say(string(r.Credential), (*drawing).uuid)
	s.say(string(r.Consumer), (*drawing).owner)
	s.say(string(r.URI), (*drawing).uri)
	if path, _, found := strings.Cut(string(r.URI), "?"); found && !bytes.Contains(s.record, r.URI) { // HAProxy logs the query apart
		s.say(path, (*drawing).path)
	}
	s.say(string(r.UserAgent), (*drawing).agent)
	s.say(string(r.RequestID), (*drawing).hex)
	for _, chain := range [][]byte{r.Client, r.Peer, r.ForwardedFor} {
		for _, hop := range strings.Split(string(chain), ",") {
			if hop = strings.TrimSpace(hop); strings.Count(hop, ".") == 3 && !strings.HasPrefix(hop, "10.") && !strings.Contains(hop, ":") {
				s.say(hop, (*drawing).address)
			}
		}
	}
	for _, logged := range []time.Time{r.Time, r.Time.Add(r.Latency)} {
		s.say(strconv.FormatInt(logged.Unix(), 10), func(d *drawing) string { return strconv.FormatInt(d.at.Unix(), 10) })
		for _, layout := range []string{"2006-01-02T15:04:05", "02/Jan/2006:15:04:05"} {
			s.say(logged.Format(layout), func(d *drawing) string { return d.at.Format(layout) })
		}
	}
}

func (s *specimen) say(text string, draw func(*drawing) string) {
	known := slices.ContainsFunc(s.said, func(other saying) bool { return other.text == text })
	if len(text) > 4 && !known && bytes.Contains(s.record, []byte(text)) {
		s.said = append(s.said, saying{text, draw})
	}
}

// drawn is another record like this one.
func (s *specimen) drawn(d *drawing) []byte {
	d.at = d.at.Add(time.Duration(d.IntN(5)) * time.Millisecond)
	d.caller = int(float64(callers) * d.Float64() * d.Float64()) // some call more than others
	record := bytes.Clone(s.record)
	for _, said := range s.said {
		record = bytes.ReplaceAll(record, []byte(said.text), []byte(said.draw(d)))
	}
	return record
}

// callers is how many tokens call.
const callers = 5000

// drawing draws the texts of one record at a time.
type drawing struct {
	*rand.Rand
	at     time.Time
	caller int
}

// own draws what belongs to the caller: the same in all its records.
func (d *drawing) own(salt uint64) *drawing {
	return &drawing{Rand: rand.New(rand.NewPCG(uint64(d.caller), salt)), at: d.at, caller: d.caller}
}

func (d *drawing) of(alphabet string, n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = alphabet[d.IntN(len(alphabet))]
	}
	return string(text)
}

const base62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func (d *drawing) secret() string { return "hf_" + d.own(1).of(base62, 34) }
func (d *drawing) hex() string    { return d.of("0123456789abcdef", 32) }

func (d *drawing) uuid() string {
	o := d.own(2)
	part := func(n int) string { return o.of("0123456789abcdef", n) }
	return part(8) + "-" + part(4) + "-4" + part(3) + "-a" + part(3) + "-" + part(12)
}

func (d *drawing) owner() string {
	return fmt.Sprintf("team-%d-%s", d.caller/7, []string{"prod", "dev", "staging"}[d.caller%3])
}

// address is one of the caller's few.
func (d *drawing) address() string {
	o := d.own(uint64(10 + d.IntN(4)))
	return fmt.Sprintf("%d.%d.%d.%d", 11+o.IntN(80), o.IntN(256), o.IntN(256), 1+o.IntN(254))
}

func (d *drawing) agent() string {
	version := d.own(3).IntN(40)
	switch d.caller % 5 {
	case 0:
		return fmt.Sprintf("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36", 100+version)
	case 1:
		return fmt.Sprintf("OpenAI/Python 1.%d.0", version)
	case 2:
		return fmt.Sprintf("transformers/4.%d.1; hf_hub/0.25.1; python/3.11.%d; torch/2.4.0", version, version%12)
	case 3:
		return fmt.Sprintf("curl/8.%d.1", version%12)
	}
	return fmt.Sprintf("python-requests/2.%d.3", version)
}

func (d *drawing) path() string {
	path, _, _ := strings.Cut(d.uri(), "?")
	return path
}

func (d *drawing) uri() string {
	switch d.IntN(6) {
	case 0:
		return "/v1/chat/completions?stream=true"
	case 1:
		return fmt.Sprintf("/api/models/org-%d/model-%db-instruct/resolve/main/config.json", d.IntN(200), 1+d.IntN(70))
	case 2:
		return fmt.Sprintf("/v1/models/%d", d.IntN(5000))
	case 3:
		return fmt.Sprintf("/v1/files/%s/content", d.hex())
	case 4:
		return fmt.Sprintf("/api/datasets?search=text&limit=%d&full=true", d.IntN(1000))
	}
	return "/v1/embeddings"
}
