package backtest

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

//go:embed page.html
var pageText string

// maxListed bounds the findings that a page lists; the file of findings has all.
const maxListed = 200

// Page is a report that one opens in a browser: one file that needs no network.
type Page struct {
	Title    string
	Report   *Report
	Other    *Report // to compare with, or nil
	OtherIs  string
	Findings []schema.Finding
}

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	page, err := template.New("page").Funcs(template.FuncMap{
		"percent": func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
		"number":  func(v float64) string { return fmt.Sprintf("%.3g", v) },
		"maybe":   maybe,
		"span":    span,
		"when":    func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") },
		"tail":    tailPlot,
		"daily":   dailyPlot,
		"names":   detectorNames,
	}).Parse(pageText)
	if err != nil {
		return fmt.Errorf("the report's page: %w", err)
	}
	if len(p.Findings) > maxListed {
		p.Findings = p.Findings[:maxListed]
	}
	if err := page.Execute(w, p); err != nil {
		return fmt.Errorf("writing the report's page: %w", err)
	}
	return nil
}

func maybe(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.3g", *v)
}

// span is a number of seconds as one says it.
func span(seconds *float64) string {
	if seconds == nil {
		return "–"
	}
	d := time.Duration(*seconds * float64(time.Second))
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}
