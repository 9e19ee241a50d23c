package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// simulateReport tells on standard error how far a simulation is: a bar on a terminal, a line now and then elsewhere.
type simulateReport struct {
	out     io.Writer
	from    time.Time
	days    int
	bar     *progressbar.ProgressBar
	records int
	began   time.Time
	said    time.Time
}

// glanceEvery is after how many records the clock is looked at.
const glanceEvery = 20_000

func newSimulateReport(out io.Writer, fleet *simulate.Fleet, from time.Time, days int) *simulateReport {
	r := &simulateReport{out: out, from: from, days: days, began: time.Now(), said: time.Now()}
	fmt.Fprintf(out, "%s tokens from %s to %s\n", thousands(len(fleet.Tokens())), from.Format(time.RFC3339), from.AddDate(0, 0, days).Format(time.RFC3339))
	if isTerminal(out) {
		r.bar = progressbar.NewOptions64(int64(days)*24, progressbar.OptionSetWriter(out), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return r
}

// wrote counts a record; now and then it says how far things are, and returns true.
func (r *simulateReport) wrote(at time.Time) bool {
	if r.records++; r.records%glanceEvery != 0 {
		return false
	}
	switch {
	case r.bar != nil:
		r.bar.Describe(fmt.Sprintf("%s records, %s ", thousands(r.records), at.Format(time.DateOnly)))
		_ = r.bar.Set64(int64(at.Sub(r.from) / time.Hour)) // it is drawn, or not
	case time.Since(r.said) >= lineEvery:
		r.said = time.Now()
		fmt.Fprintf(r.out, "%d %%: %s records, %s a second, now at %s\n", int(at.Sub(r.from).Hours()/24*100)/r.days, thousands(r.records), r.rate(), at.Format(time.DateOnly))
	}
	return true
}

func (r *simulateReport) rate() string {
	return thousands(int(float64(r.records) / max(time.Since(r.began).Seconds(), 1e-3)))
}

// summary says what there is in it.
func (r *simulateReport) summary(fleet *simulate.Fleet) {
	if r.bar != nil {
		_ = r.bar.Finish()
	}
	fmt.Fprintf(r.out, "%s records in %s, %s a second\n", thousands(r.records), time.Since(r.began).Round(100*time.Millisecond), r.rate())
	stories, labels := map[string]int{}, map[string]int{}
	for _, l := range fleet.Labels() {
		labels[l.Kind]++
	}
	for _, s := range fleet.Stories() {
		stories[s.Kind]++
	}
	for _, kind := range simulate.TheftKinds() {
		fmt.Fprintf(r.out, "  %-28s %5d thefts\n", simulate.Name(kind), labels[simulate.Name(kind)])
	}
	for _, kind := range simulate.ConfuserKinds() {
		name := "benign:" + simulate.Name(kind)
		fmt.Fprintf(r.out, "  %-28s %5d events, %d labels\n", name, stories[kind], labels[name])
	}
}
