package backtest

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"time"
)

//go:embed page.html
var pageText string

// Page is a report that one opens in a browser: one file that needs no network.
type Page struct {
	Title    string
	Report   *Report
	Findings []Listed
}

// Write writes the page.
func (p Page) Write(w io.Writer) error { return writePage(w, "report", p) }

func writePage(w io.Writer, name string, data any) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"percent": percent,
		"number":  short,
		"count":   grouped,
		"maybe":   maybe,
		"span":    span,
		"when":    func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") },
		"tail":    func(r *Report) template.HTML { return tailPlot(r) },
		"tails":   func(a, b *Report) template.HTML { return tailPlot(a, b) },
		"daily":   func(r *Report) template.HTML { return dailyPlot(r) },
		"dailies": func(a, b *Report) template.HTML { return dailyPlot(a, b) },
		"recall":  recallPlot,
		"measure": func(m Measure, v *float64) string { return m.text(v) },
		"names":   detectorNames,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("the report's page: %w", err)
	}
	if err := page.ExecuteTemplate(w, name, data); err != nil {
		return fmt.Errorf("writing the report's page: %w", err)
	}
	return nil
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

func maybe(v *float64) string {
	if v == nil {
		return "–"
	}
	return short(*v)
}

// short is a number with three digits that matter, never in powers of ten.
func short(v float64) string {
	if math.Abs(v) >= 1000 {
		return grouped(int(math.Round(v)))
	}
	if math.Abs(v) < 0.0005 {
		return "0"
	}
	text := strconv.FormatFloat(v, 'g', 3, 64)
	plain, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(plain, 'f', -1, 64)
}

// grouped writes a whole number with a comma at each thousand.
func grouped(n int) string {
	if n < 0 {
		return "−" + grouped(-n)
	}
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// span is a number of seconds as one says it.
func span(seconds *float64) string {
	if seconds == nil {
		return "–"
	}
	switch s := *seconds; {
	case s < 10:
		return short(math.Round(10*s)/10) + " s"
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 2*3600:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.1f h", s/3600)
	default:
		return fmt.Sprintf("%.1f d", s/86400)
	}
}
