package format_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestRepeatedStretches: what stands between two values that are of interest is compared with what stood there before,
// keys and all. The slightest difference counts, wherever it is, and with it what is of interest.
func TestRepeatedStretches(t *testing.T) {
	for name, records := range map[string][]string{
		"nginx": {
			`{"msec":1795295472.5,"host":"api.example","scheme":"https","n":[1,{"a":2}],"status":200,"token":"abc","x":1,"y":"z"}`,
			`{"a":0,"b":"","c":["d","e"],"msec":"1795295472.5","token":"abc","z":{"y":[]},"x":true}`,
		},
		"auto": {
			`{"frontend_name":"api","backend_name":"be","time_wait":0,"client_ip":"203.0.113.7","consumer":"x","request_date_ms":1795295472843,"x":1,"actconn":2}`,
			`{"x":1,"frontend_name":"api","y":2,"client_ip":"203.0.113.7","consumer":"x","request_date_ms":1795295472843}`,
			`{"x":1,"latencies":{"kong":1,"request":2},"service":{"name":"a"},"started_at":1795295472843,"consumer":{"id":"0","username":"x"}}`,
		},
	} {
		for _, record := range records {
			f := lookup(t, name)
			learn := func() {
				for range 3 {
					if have := outline(f, []byte(record)); !strings.Contains(have, "2026") {
						t.Fatalf("%s: %s", record, have)
					}
				}
			}
			for i := range record {
				for n := range 2 {
					const structure = "\"}],:x1\\\xff"
					learn()
					changed := []byte(record)
					changed[i] = structure[(i+4*n)%len(structure)]
					if have, want := outline(f, changed), outline(lookup(t, name), changed); have != want {
						t.Fatalf("%q: have\n%s\nwant\n%s", changed, have, want)
					}
				}
				if i%4 > 0 {
					continue
				}
				learn()
				if have, want := outline(f, []byte(record[:i])), outline(lookup(t, name), []byte(record[:i])); have != want {
					t.Fatalf("%q: have\n%s\nwant\n%s", record[:i], have, want)
				}
			}
		}
	}
}

// TestStretchesInTurns has one reader of each format read samples until it knows them, then ones that were changed
// here and there, with the keys of one sample in the other's places, and a new reader each alone.
func TestStretchesInTurns(t *testing.T) {
	d := rand.New(rand.NewPCG(5, 3))
	for _, name := range append(format.Names(), format.Auto) {
		of := name
		if name == format.Auto {
			of = "nginx"
		}
		reader, paths := lookup(t, name), records(t, of)
		for range 40 {
			sample := read(t, paths[d.IntN(len(paths))])
			for range 1 + d.IntN(3) {
				outline(reader, sample)
			}
			changed := mutated(d, sample)
			if fields := bytes.Split(changed, []byte(",")); d.IntN(2) == 0 && len(fields) > 3 {
				from := 1 + d.IntN(len(fields)-2)
				fields = slices.Insert(fields, 1+d.IntN(len(fields)-2), fields[from])
				changed = bytes.Join(fields, []byte(","))
			}
			if have, want := outline(reader, changed), outline(lookup(t, name), changed); have != want {
				t.Fatalf("%s: %q: have\n%s\nwant\n%s", name, changed, have, want)
			}
		}
	}
}
