package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/detect/backtest"
)

// rehearsal is one run over a history.
type rehearsal struct {
	process *process
	cfg     Config
	to      *output
	title   string
	warmup  time.Duration
	labels  []backtest.Label
	history history
	notes   []string
}

var errNoLabel = errors.New("none of the labels names a token of the input")

// run plays the history and writes what came of it. What was written before an interruption stays.
func (r *rehearsal) run() (*backtest.Report, error) {
	gauge := newGauge(r.process.stderr)
	defer gauge.end()
	if err := r.history.prepare(r.process.ctx, gauge); err != nil {
		return nil, r.explained(err, "nothing was written to "+shorter(r.to.dir))
	}
	from, to := r.history.span()
	warm := backtest.WarmUp(r.warmup, from, to).Round(time.Second)
	if warm < r.warmup {
		r.notes = append(r.notes, fmt.Sprintf("The history lasts %s, so the warm-up was shortened from %s to half of it, %s.",
			stretch(to.Sub(from)), stretch(r.warmup), stretch(warm)))
	}
	engine := newEngine(r.cfg)
	results, err := r.to.results(r.history.moments())
	if err != nil {
		return nil, err
	}
	player := &backtest.Player{
		Engine: engine, Tally: backtest.NewTally(from.Add(warm), r.labels, r.history.ids),
		Finding: results.findings.Write, Score: results.score,
	}
	played := r.history.play(r.process.ctx, player, gauge)
	gauge.end()
	if err := results.close(); err != nil {
		return nil, errors.Join(played, err)
	}
	if played != nil && !interrupted(played) {
		return nil, played
	}
	report := player.Tally.Report(r.cfg.Detect.Budget, player.Found())
	report.Partial = played != nil
	r.describe(report, engine.Evicted())
	if err := r.write(report, player.Found()); err != nil {
		return nil, err
	}
	if report.Partial {
		return report, r.explained(played, "what is in "+shorter(r.to.dir)+" is partial")
	}
	if report.Labels > 0 && report.Unmatched == report.Labels {
		return report, fmt.Errorf("%s: %w; a token stands in them as it does in the input, or as its fingerprint", counted(report.Labels, "label"), errNoLabel)
	}
	return report, nil
}

// explained is the error of an interruption in words.
func (r *rehearsal) explained(err error, outcome string) error {
	if !interrupted(err) {
		return err
	}
	fmt.Fprintf(r.process.stderr, "tokenwatch: interrupted; %s\n", outcome)
	return errFailed
}

// describe notes what one should know of the run.
func (r *rehearsal) describe(report *backtest.Report, evicted uint64) {
	report.Notes = append(report.Notes, r.notes...)
	if report.Unmatched > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d of %s name tokens that never occur; thefts among them count as missed.", report.Unmatched, counted(report.Labels, "label")))
	}
	if report.Empty > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d of %s have nothing of their token between start and end; thefts among them count as missed.", report.Empty, counted(report.Labels, "label")))
	}
	if report.TokenDays == 0 {
		report.Notes = append(report.Notes, "No day of ordinary life was judged, so rates and thresholds say nothing: give more history, or a shorter --warmup.")
	}
	if report.Early > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%s not judged.", ended(report.Early)))
	}
	if evicted > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d profiles were dropped for want of room, and learnt anew when their tokens came back: raise detect.max_tokens, which is %d.",
			evicted, r.cfg.Detect.MaxTokens))
	}
	r.history.describe(report)
}

func ended(labels int) string {
	if labels == 1 {
		return "1 label ends in the warm-up and is"
	}
	return fmt.Sprintf("%d labels end in the warm-up and are", labels)
}

func (r *rehearsal) write(report *backtest.Report, found *backtest.Findings) error {
	page := backtest.Page{Title: r.title, Report: report, Findings: found.Top()}
	return errors.Join(r.to.json("report.json", report), r.to.page("report.html", page))
}

// newEngine is the engine of a partition that has seen nothing.
func newEngine(cfg Config) *detect.Engine {
	cfg.Detect.BackfillAfter = cfg.Alert.BackfillAfter
	return detect.New(cfg.Detect, cfg.Kafka.Topic, 0)
}

// summarize says the most important of a report on standard output.
func summarize(p *process, r *backtest.Report, dir string) {
	fmt.Fprintf(p.stdout, "%s of %s, %s judged after a warm-up of %s.\n", counted(r.Observed, "observation"), counted(r.Seen, "token"),
		counted(r.TokenDays, "token-day"), stretch(r.Judged.Sub(r.From)))
	fmt.Fprintf(p.stdout, "%.3g alerts per 1,000 token-days (budget %.3g): %s, %s.\n", r.PerToken, r.Budget, counted(r.Alerts, "alert"), counted(r.Findings, "finding"))
	if len(r.Recall) > 0 {
		fmt.Fprintf(p.stdout, "\n%-24s %7s %7s %7s %7s %7s %10s\n", "thefts", "labels", "found", "at 0.5", "at 2", "at 10", "time, half")
		for _, row := range r.Recall {
			delay := "–"
			if row.SecondsP50 != nil {
				delay = time.Duration(*row.SecondsP50 * float64(time.Second)).Round(time.Second).String()
			}
			fmt.Fprintf(p.stdout, "%-24s %7d %7.2f %7.2f %7.2f %7.2f %10s\n", row.Kind, row.Thefts, row.Configured, row.AtHalf, row.AtTwo, row.AtTen, delay)
		}
		fmt.Fprintln(p.stdout)
	}
	for _, row := range r.Confusers {
		fmt.Fprintf(p.stdout, "%-24s %s, %s\n", row.Kind, counted(row.Labels, "label"), counted(row.Alerts, "alert"))
	}
	for _, reason := range slices.Sorted(maps.Keys(r.Ignored)) {
		fmt.Fprintf(p.stdout, "%s left out: %s.\n", counted(r.Ignored[reason], "row"), reason)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(p.stdout, note)
	}
	fmt.Fprintf(p.stdout, "See %s.\n", shorter(dir)+"/report.html")
}

// summarizeComparison says where two configurations differ.
func summarizeComparison(p *process, c *backtest.Comparison, dir string) {
	width := len("measure")
	for _, m := range c.Measures {
		width = max(width, len(m.Name))
	}
	fmt.Fprintf(p.stdout, "%-*s %10s %10s %10s\n", width, "measure", "A", "B", "B - A")
	for _, m := range c.Measures {
		fmt.Fprintf(p.stdout, "%-*s %10s %10s %10s\n", width, m.Name, optional(m.A), optional(m.B), optional(m.Change))
	}
	fmt.Fprintf(p.stdout, "See %s.\n", strings.Join([]string{shorter(dir), "report.html"}, "/"))
}

func optional(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.3g", *v)
}
