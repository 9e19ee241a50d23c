package main

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// stampOf is a time as explain writes it, in UTC.
func stampOf(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") }

// portrait tells what was learnt of a token.
func (t *teller) portrait(p *detect.Portrait) {
	t.say("    %-12s %s, learnt from %s on %s, %s to %s", "state", stateWords(p.State), counted(int(p.Events), "event"), counted(p.Days, "day"), stampOf(p.First), stampOf(p.Last))
	t.say("    %-12s %s", "hours", p.HoursInWords)
	t.week(p.Hours)
	t.habits("countries", p.Countries)
	t.habits("places", p.Places)
	t.habits("networks", p.Networks)
	t.habits("clients", p.Clients)
	t.rates(p.Rates)
	if !p.Quarantine.IsZero() {
		t.say("    %-12s nothing suspicious is learnt, nor what is new, until %s", "quarantine", stampOf(p.Quarantine))
	}
	if len(p.Evidence) == 0 {
		t.say("    %-12s nothing", "in the air")
		return
	}
	t.say("    %-12s evidence that adds up to a score of %.2f now (1.0 is enough for an alert)", "in the air", p.Score)
	for _, e := range p.Evidence {
		was := ""
		if e.LLR-e.Weight > 0.05 || e.Weight-e.LLR > 0.05 {
			was = fmt.Sprintf(", faded from %.1f", e.LLR)
		}
		t.say("        %-17s %5.1f nats%s  %s", e.Detector, e.Weight, was, e.Seen)
	}
}

func stateWords(s schema.ProfileState) string {
	switch s {
	case schema.ProfileLearning:
		return "learning (too little history yet: it leans on tokens like it)"
	case schema.ProfileStale:
		return "stale (silent for so long that its history says little)"
	}
	return string(s)
}

// week draws the hours of the week, darker where the token is active more often.
func (t *teller) week(hours [7 * 24]int) {
	most := 0
	for _, n := range hours {
		most = max(most, n)
	}
	if most == 0 {
		return
	}
	t.say("                 00    03    06    09    12    15    18    21   UTC")
	for d, name := range [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} {
		var row strings.Builder
		for h := range 24 {
			row.WriteString(strings.Repeat(shade(hours[d*24+h], most), 2))
		}
		fmt.Fprintf(t.out, "            %s  %s\n", name, strings.TrimRight(row.String(), " "))
	}
}

// shade is how dark a number is beside the largest.
func shade(n, most int) string {
	if n == 0 {
		return "·"
	}
	shades := [...]string{"░", "▒", "▓", "█"}
	return shades[min(len(shades)-1, n*len(shades)/(most+1))]
}

// habits lists what a token was seen with.
func (t *teller) habits(label string, list []detect.Habit) {
	for i, h := range list {
		if i > 0 {
			label = ""
		}
		since := "since " + h.First.Format(time.DateOnly)
		if h.Probation {
			since += ", on probation"
		}
		t.say("    %-12s %3.0f %%  %s (%s, last %s, %s)", label, 100*h.Share, h.Name, counted(h.Days, "day"), h.LastDay.Format(time.DateOnly), since)
	}
}

func (t *teller) rates(list []detect.Rate) {
	var usual, today []string
	for _, r := range list {
		usual = append(usual, fmt.Sprintf("%d in %s", r.Most, stretch(r.Span)))
		if r.Today > r.Most {
			today = append(today, fmt.Sprintf("%d in %s", r.Today, stretch(r.Span)))
		}
	}
	t.say("    %-12s usually at most %s", "requests", strings.Join(usual, ", "))
	if len(today) > 0 {
		t.say("    %-12s %s on its last day", "", strings.Join(today, ", "))
	}
}

// reasons lists evidence by weight: how much likelier it is from a thief than from the owner.
func (t *teller) reasons(list []schema.Evidence) {
	for _, e := range list {
		t.say("    %-17s %5.1f nats, %s times likelier from a thief", e.Detector, e.LLR, times(e.LLR))
		t.say("        seen    %s", e.Seen)
		if e.Normal != "" {
			t.say("        normal  %s", e.Normal)
		}
	}
}

// times is a likelihood ratio with one digit that matters.
func times(nats float64) string {
	ratio := math.Exp(nats)
	switch {
	case ratio < 10:
		return fmt.Sprintf("%.1f", ratio)
	case ratio >= 1e6:
		return "more than a million"
	}
	step := math.Pow(10, math.Floor(math.Log10(ratio)))
	return fmt.Sprintf("about %.0f", math.Round(ratio/step)*step)
}

func (t *teller) list(label string, names []string) {
	for _, name := range names {
		t.say("    %-12s %s", label, name)
		label = ""
	}
}

// normal tells what was normal when a finding was made.
func (t *teller) normal(n *schema.Normal) {
	if n.Days == 0 && n.Events == 0 {
		return
	}
	t.say("\nNormal until then: %s, learnt from %s on %s", stateWords(n.State), counted(int(n.Events), "event"), counted(n.Days, "day"))
	for _, kind := range []struct {
		label string
		list  []schema.Share
	}{{"places", n.Places}, {"networks", n.Networks}, {"clients", n.Clients}} {
		label := kind.label
		for _, s := range kind.list {
			t.say("    %-12s %3.0f %%  %s", label, 100*s.Share, s.Name)
			label = ""
		}
	}
	t.say("    %-12s about %.0f a day, at most %d a minute and %d an hour", "requests", n.PerDay, n.PeakMinute, n.PeakHour)
}
