package ingest_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

var rekeyBegun = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// rekeyBlock is a block of some tokens; every third record has two entries.
func rekeyBlock(partition int32, first, last int64, at time.Time) *schema.Block {
	b := &schema.Block{Topic: "gateway.access", Partition: partition, First: first, Last: last, Ingested: at}
	for offset := first; offset <= last; offset++ {
		for item := range 1 + uint32(offset%3/2) {
			token := schema.TokenID{byte(offset % 7), 1, 2, 3, byte(offset % 7)}
			b.Events = append(b.Events, schema.Event{
				Time: at.Add(-time.Duration(offset) * time.Second), Ingested: at, Token: token, KeyID: 7, TokenHint: "hf_…x9Qz", Consumer: "acme",
				Environment: "prod", Source: "nginx", IP: netip.MustParseAddr("2001:db8::7"), IPSpoofed: offset%2 == 0,
				Place:  schema.Place{Country: "DE", Region: "Hesse", City: "Frankfurt", Lat: 50.11, Lon: -8.68, AccuracyKM: 20, ASN: 3320, ASOrg: "DTAG", Network: schema.NetworkBusiness},
				Method: "GET", Route: "/v1/models/{id}", Status: 200, BytesIn: 100, BytesOut: 1 << 40, UserAgent: "curl/8.7.1", Client: "curl/8",
				UnitsIn: 5, UnitsOut: 1<<32 - 1, CostUSD: 0.25, Former: schema.TokenID{9, byte(offset)},
				Topic: b.Topic, Partition: partition, Offset: offset, Item: item,
			})
		}
	}
	return b
}

// readAll reads what a block has for a partition.
func readAll(t *testing.T, r *ingest.Repeats, records ingest.Rekeyed, from int64) (list []schema.Event) {
	t.Helper()
	for i, record := range records {
		var err error
		if list, err = r.Read(list, record, "tokenwatch.events", 1, from+int64(i)); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

func TestRekeyedEventsAreWhatTheyWere(t *testing.T) {
	b := rekeyBlock(3, 0, 20_000, rekeyBegun)
	b.Events[5].Token = schema.TokenID{}
	b.Events[6].IP, b.Events[6].Place, b.Events[6].Consumer = netip.MustParseAddr("192.0.2.1"), schema.Place{}, ""
	b.Events[7].IP = netip.Addr{}
	want := map[int32][]schema.Event{}
	for _, e := range b.Events {
		if !e.Token.IsZero() {
			to := ingest.KeyedTo(e.Token, 4)
			want[to] = append(want[to], e)
		}
	}
	chunks := 0
	for partition, records := range ingest.Rekey(b, 4) {
		have := readAll(t, ingest.NewRepeats(), records, 0)
		chunks = max(chunks, len(records))
		if len(have) != len(want[int32(partition)]) {
			t.Fatalf("partition %d: %d events, want %d", partition, len(have), len(want[int32(partition)]))
		}
		for i, e := range have {
			w := want[int32(partition)][i]
			w.Topic, w.Partition, w.Offset, w.Item = e.Topic, e.Partition, e.Offset, e.Item
			if !reflect.DeepEqual(e, w) {
				t.Fatalf("event %d:\n%+v\nwant\n%+v", i, e, w)
			}
		}
	}
	if chunks < 2 {
		t.Error("all went into one record: nothing is said of the next")
	}
	if again := ingest.Rekey(b, 4); !reflect.DeepEqual(again, ingest.Rekey(b, 4)) {
		t.Error("the same block gives other records")
	}
}

// What is appended again, whole or from the middle of another block on, is read once. What begins anew is read.
func TestRepeats(t *testing.T) {
	at := func(seconds int) time.Time { return rekeyBegun.Add(time.Duration(seconds) * time.Second) }
	first, second, third := rekeyBlock(0, 0, 9, at(0)), rekeyBlock(0, 10, 19, at(1)), rekeyBlock(0, 20, 29, at(2))
	other := rekeyBlock(1, 0, 9, at(0))
	for _, c := range []struct {
		name   string
		blocks []*schema.Block
		want   []*schema.Block
	}{
		{"in order", []*schema.Block{first, second, third}, []*schema.Block{first, second, third}},
		{"repeated at once", []*schema.Block{first, first, second}, []*schema.Block{first, second}},
		{"repeated late, by an owner that was stalled", []*schema.Block{first, second, first, third, second}, []*schema.Block{first, second, third}},
		{"two partitions", []*schema.Block{second, other, other, third}, []*schema.Block{second, other, third}},
		{"an owner whose clock is behind", []*schema.Block{first, rekeyBlock(0, 10, 19, at(-60)), third}, []*schema.Block{first, rekeyBlock(0, 10, 19, at(-60)), third}},
		{"a topic made anew", []*schema.Block{third, rekeyBlock(0, 0, 9, at(60)), rekeyBlock(0, 10, 19, at(61)), rekeyBlock(0, 0, 9, at(60))},
			[]*schema.Block{third, rekeyBlock(0, 0, 9, at(60)), rekeyBlock(0, 10, 19, at(61))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []time.Time
			for _, b := range c.want {
				for _, e := range readAll(t, ingest.NewRepeats(), ingest.Rekey(b, 1)[0], 0) {
					want = append(want, e.Time)
				}
			}
			for stored := range len(c.blocks) + 1 { // a restart after any block changes nothing
				r := ingest.NewRepeats()
				var have []time.Time
				for i, b := range c.blocks {
					if i == stored {
						r = reopened(t, r)
					}
					for _, e := range readAll(t, r, ingest.Rekey(b, 1)[0], int64(i)) {
						have = append(have, e.Time)
					}
				}
				if !slices.Equal(have, want) {
					t.Errorf("restarted after %d: %d events, want %d", stored, len(have), len(want))
				}
			}
		})
	}
}

func reopened(t *testing.T, r *ingest.Repeats) *ingest.Repeats {
	t.Helper()
	state, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again := ingest.NewRepeats()
	if err := json.Unmarshal(state, again); err != nil {
		t.Fatal(err)
	}
	return again
}

// A crash in the middle of a block leaves some of its records: the rest is read when the block comes again.
func TestRepeatsOfHalfABlock(t *testing.T) {
	b := rekeyBlock(0, 0, 20_000, rekeyBegun)
	records := ingest.Rekey(b, 1)[0]
	for cut := range records {
		r := ingest.NewRepeats()
		have := len(readAll(t, r, records[:cut], 0))
		have += len(readAll(t, r, records, int64(cut)))
		if have != len(b.Events) || int(r.Dropped()) == 0 && cut > 0 {
			t.Errorf("cut after %d records: %d events, want %d", cut, have, len(b.Events))
		}
	}
}

// What was seen elsewhere, in whatever order, is not read again.
func TestRepeatsSaw(t *testing.T) {
	seen, next := rekeyBlock(0, 0, 9, rekeyBegun), rekeyBlock(0, 10, 19, rekeyBegun.Add(time.Second))
	r := ingest.NewRepeats()
	for i := range seen.Events {
		r.Saw(&seen.Events[(i*3+5)%len(seen.Events)])
	}
	if n := len(readAll(t, r, ingest.Rekey(seen, 1)[0], 0)); n != 0 {
		t.Errorf("%d events are read again", n)
	}
	if n := len(readAll(t, r, ingest.Rekey(next, 1)[0], 1)); n != len(next.Events) {
		t.Errorf("%d events of the next block, want %d", n, len(next.Events))
	}
}

func FuzzRepeats(f *testing.F) {
	for _, record := range ingest.Rekey(rekeyBlock(0, 0, 9, rekeyBegun), 2) {
		f.Add(record[0])
	}
	f.Add([]byte("not one"))
	f.Fuzz(func(t *testing.T, record []byte) {
		list, err := ingest.NewRepeats().Read(nil, record, "t", 0, 1)
		if err != nil && len(list) > 0 {
			t.Error("a record that is none has events")
		}
		if len(list) > len(record) {
			t.Errorf("%d events of %d bytes", len(list), len(record))
		}
	})
}
