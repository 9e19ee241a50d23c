package backtest_test

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

var swapEvents = flag.String("swap-events", "", "CSV.gz of actor,unix_ts,utc_offset that TestSwaps swaps identities in")

const (
	swapLength = 20 // events by somebody else
	swapLeast  = 60 // events of an actor
	swapsEach  = 20
)

type moment struct {
	at     int64
	offset int // UTC offset, ±HHMM: the place
}

// TestSwaps puts twenty events of one person into the timeline of another, and tells how well the highest score
// separates them from twenty of the person's own. All that is known is when, and at which UTC offset.
func TestSwaps(t *testing.T) {
	if *swapEvents == "" {
		t.Skip("no -swap-events FILE: bring timelines of people to measure on")
	}
	actors := readMoments(t, *swapEvents)
	var own, others []float64
	r := rand.New(rand.NewPCG(7, 7))
	halves := trained(t, actors)
	for a, list := range actors {
		if len(list) < swapLeast {
			continue
		}
		e := restored(t, halves)
		from := max(30, len(list)/2)
		chosen := map[int]int{}
		for range swapsEach {
			chosen[from+swapLength*r.IntN(max(1, (len(list)-from)/swapLength))]++
		}
		for at := from; at+swapLength <= len(list); at += swapLength {
			before := append(slices.Clip(halves), e.Snapshot()...) // a snapshot holds what has changed
			for range chosen[at] {
				b := a
				for b == a || len(actors[b]) < swapLength {
					b = r.IntN(len(actors))
				}
				k := r.IntN(len(actors[b]) - swapLength + 1)
				others = append(others, highest(restored(t, before), a, moved(actors[b][k:k+swapLength], list[at-1].at)))
			}
			own = append(own, highest(e, a, list[at:at+swapLength]))

		}
	}
	slices.Sort(own)
	bar := own[int(0.99*float64(len(own)))]
	t.Logf("%d windows of their own, %d of others: AUC %.3f, recall at 1%% false positives %.3f", len(own), len(others), area(own, others), share(others, bar))
}

func readMoments(t *testing.T, name string) [][]moment {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, index, all := csv.NewReader(zip), map[string]int{}, [][]moment{}
	_, _ = rows.Read()
	for {
		row, err := rows.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		i, known := index[row[0]]
		if !known {
			i = len(all)
			index[row[0]] = i
			all = append(all, nil)
		}
		at, _ := strconv.ParseInt(row[1], 10, 64)
		offset, _ := strconv.Atoi(row[2])
		all[i] = append(all[i], moment{at, offset})
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b moment) int { return int(a.at - b.at) })
	}
	return all
}

func (m moment) event(actor int) *schema.Event {
	var id schema.TokenID
	binary.BigEndian.PutUint32(id[:], uint32(actor)+1)
	at := time.Unix(m.at, 0).UTC()
	place := schema.Place{Country: fmt.Sprintf("%+05d", m.offset), ASN: uint32(70000 + m.offset), Network: schema.NetworkResidential}
	return &schema.Event{Token: id, Time: at, Ingested: at, Place: place}
}

// trained has seen the first half of everybody.
func trained(t *testing.T, actors [][]moment) []schema.Profile {
	t.Helper()
	type step struct {
		actor int
		moment
	}
	var all []step
	for a, list := range actors {
		for _, m := range list[:max(min(30, len(list)), len(list)/2)] {
			all = append(all, step{a, m})
		}
	}
	slices.SortStableFunc(all, func(a, b step) int { return int(a.at - b.at) })
	e := detect.New(detect.DefaultConfig(), "swaps", 0)
	for i := range all {
		e.Process(all[i].event(all[i].actor))
	}
	return e.Snapshot()
}

func restored(t *testing.T, list []schema.Profile) *detect.Engine {
	t.Helper()
	e := detect.New(detect.DefaultConfig(), "swaps", 0)
	if err := e.Restore(list); err != nil {
		t.Fatal(err)
	}
	return e
}

// moved brings moments to the present by whole weeks: hours and weekdays stay.
func moved(list []moment, after int64) []moment {
	const week = 7 * 24 * 3600
	shift := int64(0)
	if d := after - list[0].at; d >= 0 {
		shift = (d/week + 1) * week
	} else {
		shift = -(-d / week) * week
	}
	out := slices.Clone(list)
	for i := range out {
		out[i].at += shift
	}
	return out
}

func highest(e *detect.Engine, actor int, list []moment) float64 {
	best := 0.0
	for _, m := range list {
		e.Process(m.event(actor))
		best = max(best, e.Score())
	}
	return best
}

// area is the area under the ROC curve.
func area(own, others []float64) float64 {
	sum := 0.0
	for _, s := range others {
		lo, _ := slices.BinarySearch(own, s)
		hi := lo
		for hi < len(own) && own[hi] == s {
			hi++
		}
		sum += (float64(lo) + float64(hi)) / 2
	}
	return sum / float64(len(own)*len(others))
}
