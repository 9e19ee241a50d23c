package backtest_test

import (
	"compress/gzip"
	"encoding/binary"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/detect/backtest"
	"github.com/tokenwatch/tokenwatch/schema"
)

var (
	burstCounts = flag.String("burst-counts", "", "CSV (.gz) of ts,token,requests of two weeks, into which TestBursts puts bursts")
	burstRuns   = flag.Int("burst-runs", 8, "bursts that each token gets, one a run")
)

// TestBursts puts an hour of ten and thirty times a token's mean active level into the second of two
// weeks of counts, and tells how many are found at budgets of 2 and 10 a 1,000 token-days. The budgets'
// thresholds come from a run without bursts.
func TestBursts(t *testing.T) {
	if *burstCounts == "" {
		t.Skip("no -burst-counts FILE: bring counts of two weeks to measure on")
	}
	c := readCounts(t, *burstCounts)
	days := 14 * 24 * time.Hour
	half := c.From().Add(days / 2)
	tokens := tokensOf(c, half, days)
	natural := play(c, half, nil)
	for _, group := range []struct {
		name string
		in   func(*client) bool
	}{{"all", func(*client) bool { return true }}, {"steady", func(k *client) bool { return k.peak <= 6*k.mean }}} {
		ordinary := dayMaxima(natural, tokens, group.in, half)
		for _, factor := range []float64{10, 30} {
			var best []float64
			for run := range *burstRuns {
				r := rand.New(rand.NewPCG(uint64(run), 4))
				starts := map[int32]time.Time{}
				for _, k := range tokens {
					starts[k.index] = half.Add(time.Duration(r.IntN(7*24*6-6)) * c.Interval)
				}
				hit := play(withBursts(c, tokens, starts, factor), half, starts)
				for _, k := range tokens {
					if group.in(k) {
						best = append(best, burstScore(hit[k.index], starts[k.index], c.Interval))
					}
				}
			}
			t.Logf("%s: %d tokens, %d days; x%.0f: recall %.3f at 10, %.3f at 2; alerts at 1.0: %.1f per 1,000 token-days, recall %.3f", group.name, len(ordinary)/7, len(ordinary),
				factor, share(best, at(ordinary, 10)), share(best, at(ordinary, 2)), 1000*share(ordinary, 1), share(best, 1))
		}
	}
}

type client struct {
	index      int32
	active     float64 // mean count of the intervals with any
	mean, peak float64 // of the first week, idle intervals included
}

type scored struct {
	at    time.Time
	score float64
}

func readCounts(t *testing.T, name string) *backtest.Counts {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	c, err := backtest.ReadCounts(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tokensOf are the tokens that live through both weeks and made a hundred requests in the first.
func tokensOf(c *backtest.Counts, half time.Time, days time.Duration) []*client {
	type sums struct {
		n, first, peak, active float64
		last                   time.Time
	}
	all := make([]sums, len(c.Tokens))
	for _, row := range c.Rows {
		s := &all[row.Token]
		if row.Requests > 0 {
			s.active++
			s.n += row.Requests
		}
		if row.At.Before(half) {
			s.first += row.Requests
			s.peak = max(s.peak, row.Requests)
		}
		s.last = row.At
	}
	var list []*client
	for i, s := range all {
		if s.first >= 100 && s.last.Sub(c.From()) > days-24*time.Hour {
			list = append(list, &client{int32(i), s.n / s.active, s.first / float64(days/2/c.Interval), s.peak})
		}
	}
	return list
}

func withBursts(c *backtest.Counts, tokens []*client, starts map[int32]time.Time, factor float64) *backtest.Counts {
	extra := map[int32]float64{}
	for _, k := range tokens {
		extra[k.index] = factor * k.active
	}
	hit := *c
	hit.Rows = slices.Clone(c.Rows)
	for i := range hit.Rows {
		row := &hit.Rows[i]
		if start, any := starts[row.Token]; any && !row.At.Before(start) && row.At.Before(start.Add(time.Hour)) {
			row.Requests += extra[row.Token]
		}
	}
	return &hit
}

// play gives the scores of each token from half on.
func play(c *backtest.Counts, half time.Time, _ map[int32]time.Time) [][]scored {
	e := detect.New(detect.DefaultConfig(), "counts", 0)
	list := make([][]scored, len(c.Tokens))
	for _, row := range c.Rows {
		var id schema.TokenID
		binary.BigEndian.PutUint32(id[:], uint32(row.Token)+1)
		e.Count(id, row.At, c.Interval, row.Requests)
		if !row.At.Before(half) {
			list[row.Token] = append(list[row.Token], scored{row.At, e.Score()})
		}
	}
	return list
}

func dayMaxima(scores [][]scored, tokens []*client, in func(*client) bool, half time.Time) []float64 {
	var all []float64
	for _, k := range tokens {
		if !in(k) {
			continue
		}
		var days [7]float64
		for _, s := range scores[k.index] {
			if d := int(s.at.Sub(half) / (24 * time.Hour)); d < len(days) {
				days[d] = max(days[d], s.score)
			}
		}
		all = append(all, days[:]...)
	}
	slices.Sort(all)
	return all
}

func burstScore(scores []scored, start time.Time, interval time.Duration) float64 {
	best := 0.0
	for _, s := range scores {
		if !s.at.Before(start) && s.at.Before(start.Add(time.Hour)) {
			best = max(best, s.score)
		}
	}
	return best
}

// at is the score that as many of the days exceed as a budget allows.
func at(days []float64, budget float64) float64 {
	return days[len(days)-1-int(float64(len(days))*budget/1000)]
}

// share of the scores above a bar.
func share(scores []float64, bar float64) float64 {
	n := 0
	for _, s := range scores {
		if s > bar {
			n++
		}
	}
	return float64(n) / float64(max(len(scores), 1))
}
