package backtest

import (
	"io"
	"slices"
)

// Comparison sets two runs over the same history side by side.
type Comparison struct {
	Title    string    `json:"-"`
	A        Side      `json:"a"`
	B        Side      `json:"b"`
	Measures []Measure `json:"measures"`
}

// Side is one of the two runs.
type Side struct {
	Config string  `json:"config"` // what it was configured by
	Report *Report `json:"report"`
}

// Measure is a figure of both. One that a run does not have is null.
type Measure struct {
	Name   string   `json:"measure"`
	A      *float64 `json:"a"`
	B      *float64 `json:"b"`
	Change *float64 `json:"change"` // B − A

	share bool // of something
}

// text writes one of its figures.
func (m Measure) text(v *float64) string {
	if m.share && v != nil {
		return percent(*v)
	}
	return maybe(v)
}

// Compare makes a Comparison.
func Compare(a, b Side) *Comparison {
	c := &Comparison{Title: "Backtest: two configurations", A: a, B: b}
	c.add("alerts per 1,000 token-days", &a.Report.PerToken, &b.Report.PerToken)
	c.add("findings", whole(a.Report.Findings), whole(b.Report.Findings))
	for _, kind := range kindsOf(a.Report, b.Report, func(r *Report) (kinds []string) {
		for _, row := range r.Recall {
			kinds = append(kinds, row.Kind)
		}
		return kinds
	}) {
		c.recall(kind)
	}
	for _, kind := range kindsOf(a.Report, b.Report, func(r *Report) (kinds []string) {
		for _, row := range r.Confusers {
			kinds = append(kinds, row.Kind)
		}
		return kinds
	}) {
		c.add(kind+": alerts", a.Report.alertsOf(kind), b.Report.alertsOf(kind))
	}
	c.share("precision at 10", a.Report.Precision10, b.Report.Precision10)
	c.share("precision at 50", a.Report.Precision50, b.Report.Precision50)
	return c
}

// Write writes it as a page.
func (c *Comparison) Write(w io.Writer) error { return writePage(w, "comparison", c) }

func (c *Comparison) add(name string, a, b *float64) {
	m := Measure{Name: name, A: a, B: b}
	if a != nil && b != nil {
		change := *b - *a
		m.Change = &change
	}
	c.Measures = append(c.Measures, m)
}

func (c *Comparison) share(name string, a, b *float64) {
	c.add(name, a, b)
	c.Measures[len(c.Measures)-1].share = true
}

// recall adds what there is about a kind of theft.
func (c *Comparison) recall(kind string) {
	a, b := c.A.Report.recallOf(kind), c.B.Report.recallOf(kind)
	c.share(kind+": found as configured", &a.Configured, &b.Configured)
	c.share(kind+": found within a day", &a.InDay, &b.InDay)
	c.share(kind+": found at 0.5", &a.AtHalf, &b.AtHalf)
	c.share(kind+": found at 2", &a.AtTwo, &b.AtTwo)
	c.share(kind+": found at 10", &a.AtTen, &b.AtTen)
	c.add(kind+": seconds, half", a.SecondsP50, b.SecondsP50)
	c.add(kind+": requests, half", a.RequestP50, b.RequestP50)
}

// recallOf is the row of a kind; one of no thefts when there is none.
func (r *Report) recallOf(kind string) *Recall {
	at := slices.IndexFunc(r.Recall, func(row Recall) bool { return row.Kind == kind })
	if at < 0 {
		return &Recall{Kind: kind}
	}
	return &r.Recall[at]
}

func (r *Report) alertsOf(kind string) *float64 {
	at := slices.IndexFunc(r.Confusers, func(row ConfuserResult) bool { return row.Kind == kind })
	if at < 0 {
		return nil
	}
	return whole(r.Confusers[at].Alerts)
}

// kindsOf are the kinds of both, in their order.
func kindsOf(a, b *Report, of func(*Report) []string) []string {
	kinds := of(a)
	for _, kind := range of(b) {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func whole(n int) *float64 {
	v := float64(n)
	return &v
}
