package alert

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Bounds of a message, chosen so that the longest fits the tightest vendor with room to
// spare (4,096 UTF-16 units at Telegram).
const (
	namesShown   = 3
	reasonsShown = 6
	cellRunes    = 200
	hoursLabel   = "Hours"
)

// rowsOf sets what was seen beside what is normal. The odd rows come first: they are
// what a reader decides on.
func rowsOf(inc *schema.Incident) []Row {
	seen, normal := &inc.Seen, &inc.Normal
	rows := []Row{
		row("Place", names(seen.Places, namesShown), shares(normal.Places, namesShown),
			against(inc, "new_geo", "impossible_travel") && strange(seen.Places, normal.Places)),
		row("Network", names(seen.Networks, namesShown), shares(normal.Networks, namesShown),
			against(inc, "new_geo") && strange(seen.Networks, normal.Networks)),
		row("Client", names(seen.Clients, namesShown), shares(normal.Clients, namesShown),
			against(inc, "new_client") && strange(seen.Clients, normal.Clients)),
		row(hoursLabel, hoursSeen(inc), usualHours(normal.Hours), against(inc, "odd_hours")),
		row("Rate", perMinute(seen.PeakMinute), perMinute(normal.PeakMinute), against(inc, "traffic_spike")),
		row("Volume", volume(seen), perDay(normal.PerDay), false),
	}
	if grouped(inc) { // it has no hours, rate or volume that are one token's
		rows = append([]Row{groupRow(inc)}, rows[:3]...)
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return r.Seen == "" })
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(odds(a), odds(b)) })
	return rows
}

func row(label, seen, normal string, odd bool) Row {
	return Row{Label: label, Seen: clean(seen, cellRunes), Normal: clean(normal, cellRunes), Odd: odd}
}

func odds(r Row) int {
	if r.Odd {
		return 0
	}
	return 1
}

// against reports whether one of the detectors has evidence against the owner.
func against(inc *schema.Incident, detectors ...string) bool {
	return slices.ContainsFunc(inc.Evidence, func(e schema.Evidence) bool {
		return e.LLR > 0 && slices.Contains(detectors, e.Detector)
	})
}

// strange reports whether something was seen that is not among what is normal.
func strange(seen []string, normal []schema.Share) bool {
	return slices.ContainsFunc(seen, func(name string) bool {
		return !slices.ContainsFunc(normal, func(s schema.Share) bool { return s.Name == name })
	})
}

func hoursSeen(inc *schema.Incident) string {
	from, to := began(inc).UTC(), inc.Updated.UTC()
	if to.Sub(from) >= minuteShown {
		return from.Format("15:04") + "–" + to.Format("15:04 UTC")
	}
	return from.Format("15:04 UTC")
}

func perMinute(peak uint64) string {
	if peak == 0 {
		return ""
	}
	return "up to " + number(peak) + " a minute"
}

func perDay(mean float64) string {
	if mean < 1 {
		return ""
	}
	return "about " + number(uint64(math.Round(mean))) + " requests a day"
}

func volume(seen *schema.Seen) string {
	if seen.Requests == 0 {
		return ""
	}
	parts := []string{plural(seen.Requests, "request")}
	if seen.BytesOut > 0 {
		parts = append(parts, size(seen.BytesOut)+" out")
	}
	if seen.CostUSD >= 0.005 {
		parts = append(parts, fmt.Sprintf("$%.2f", seen.CostUSD))
	}
	return strings.Join(parts, " · ")
}

// labels of the detectors that are known by name.
var labels = map[string]string{
	"new_geo":           "New place",
	"impossible_travel": "Impossible travel",
	"odd_hours":         "Odd hours",
	"new_client":        "New client",
	"traffic_spike":     "Traffic spike",
	"fan_out":           "Fan-out",
}

func label(e schema.Evidence) string {
	if known, ok := labels[e.Detector]; ok {
		return known
	}
	words := strings.ReplaceAll(clean(e.Detector, 40), "_", " ")
	if words == "" {
		return "Evidence"
	}
	first, size := utf8.DecodeRuneInString(words)
	return string(unicode.ToUpper(first)) + words[size:]
}

// reasonsOf puts evidence against the owner into words, strongest first, and counts what
// it leaves out.
func reasonsOf(list []schema.Evidence) (reasons []Reason, weaker int) {
	for _, e := range list {
		if e.LLR <= 0 {
			continue
		}
		if len(reasons) == reasonsShown {
			weaker++
			continue
		}
		reasons = append(reasons, reason(e))
	}
	return reasons, weaker
}

// inRows are the detectors whose normal stands in a row of the message.
var inRows = []string{"new_geo", "odd_hours", "new_client", "traffic_spike"}

func reason(e schema.Evidence) Reason {
	r := Reason{Weight: weight(e.LLR), Times: times(e.LLR), Label: label(e), Seen: clean(e.Seen, cellRunes)}
	if !slices.Contains(inRows, e.Detector) {
		r.Normal = clean(e.Normal, cellRunes)
	}
	return r
}

// weight is 1 to 5 for ratios of up to 5, 20, 100, 1,000 and beyond.
func weight(llr float64) int {
	for i, ratio := range []float64{5, 20, 100, 1000} {
		if llr <= math.Log(ratio) {
			return i + 1
		}
	}
	return 5
}

// times writes the likelihood ratio with one digit that means something. A model that
// says more than 10,000 to 1 says more than it knows.
func times(llr float64) string {
	ratio := math.Exp(min(llr, 20))
	switch {
	case ratio < 2:
		return fmt.Sprintf("×%.1f", ratio)
	case ratio < 10:
		return fmt.Sprintf("×%.0f", ratio)
	case ratio > 10_000:
		return "×10,000+"
	}
	step := math.Pow(10, math.Floor(math.Log10(ratio)))
	return "×" + number(uint64(math.Round(ratio/step)*step))
}
