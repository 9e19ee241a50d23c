package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// gauge tells on standard error how far a backtest is: a bar on a terminal, a line now and then elsewhere.
type gauge struct {
	out      io.Writer
	terminal bool
	bar      *progressbar.ProgressBar
	what     string
	unit     string
	total    int64
	done     int64
	told     time.Time
}

func newGauge(out io.Writer) *gauge {
	return &gauge{out: out, terminal: isTerminal(out)}
}

// begin begins a part of the work. A total of 0 is not known.
func (g *gauge) begin(what string, total int64, unit string) {
	g.end()
	g.what, g.total, g.unit, g.done, g.told = what, total, unit, 0, time.Now()
	if g.terminal {
		g.bar = progressbar.NewOptions64(max(1, total), progressbar.OptionSetWriter(g.out), progressbar.OptionSetWidth(30),
			progressbar.OptionShowBytes(unit == "bytes"), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetDescription(what))
	}
}

// add says that so much more is done.
func (g *gauge) add(n int64) { g.set(g.done + n) }

// set says how much is done.
func (g *gauge) set(done int64) {
	g.done = done
	if g.bar != nil {
		_ = g.bar.Set64(min(done, max(1, g.total))) // it is drawn, or not
		return
	}
	if g.terminal || time.Since(g.told) < lineEvery {
		return
	}
	g.told = time.Now()
	if g.total > 0 {
		fmt.Fprintf(g.out, "%s: %d of %d %s, %d %%\n", g.what, done, g.total, g.unit, 100*done/g.total)
		return
	}
	fmt.Fprintf(g.out, "%s: %d %s\n", g.what, done, g.unit)
}

// end takes the bar away.
func (g *gauge) end() {
	if g.bar != nil {
		_ = g.bar.Finish() // it is drawn, or not
		_ = g.bar.Clear()
		g.bar = nil
	}
}
