package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// incidentRow is an incident in the words of the list. The live stream carries the same words, so that a row that is
// changed in place says what a reload would say.
type incidentRow struct {
	ID         string `json:"id"`
	Revision   uint64 `json:"revision"`
	Severity   string `json:"severity"`
	Score      string `json:"score"`
	Summary    string `json:"summary"`
	State      string `json:"state"`
	Said       string `json:"said"`    // who is at it, or what was said of it
	Snoozed    string `json:"snoozed"` // until when nothing is said of it; empty: it is not
	Revocation string `json:"revocation"`
	Decide     bool   `json:"decide"` // somebody is to decide on a revocation
	New        bool   `json:"new"`    // it was not there before

	Owner, Hint, Environment, Detectors, Age, Opened, OpenedISO string     `json:"-"`
	Spark                                                       sparkImage `json:"-"`
}

func rowOf(l board.IncidentLine, spark board.Spark, now time.Time) incidentRow {
	row := incidentRow{
		ID: oneLine(l.ID, 100), Revision: l.Revision, Severity: l.Severity.String(), Score: strconv.FormatFloat(l.Score, 'f', 1, 64),
		Summary: oneLine(l.Summary, 300), State: string(l.State), Said: saidOf(l), Revocation: revocationWords[l.Revocation],
		Decide: l.Revocation == schema.RevocationAsked || l.Revocation == schema.RevocationHeld || l.Revocation == schema.RevocationFailed,
		Owner:  oneLine(l.Owner, 60), Hint: oneLine(l.TokenHint, 40), Environment: oneLine(l.Environment, 30), Detectors: detectorWords(l.Detectors),
		Age: ago(l.Opened), Opened: l.Opened.UTC().Format("2006-01-02 15:04:05"), OpenedISO: l.Opened.UTC().Format(time.RFC3339),
		Spark: drawSpark(spark, l.Opened, now),
	}
	row.Decide = row.Decide && l.State != schema.IncidentResolved
	if row.Summary == "" {
		row.Summary = "Incident " + row.ID
	}
	if l.Snoozed.After(now) && l.State != schema.IncidentResolved {
		row.Snoozed = "snoozed until " + l.Snoozed.UTC().Format("2006-01-02 15:04") + " UTC"
	}
	return row
}

func saidOf(l board.IncidentLine) string {
	by := oneLine(l.AnsweredBy, 60)
	switch l.Answer {
	case schema.VerdictAcknowledged:
		return "by " + by
	case schema.VerdictTheft:
		return "theft, says " + by
	case schema.VerdictOwner:
		return "it was the owner, says " + by
	}
	return ""
}

var revocationWords = map[schema.RevocationState]string{
	schema.RevocationAsked:    "revoke? your decision",
	schema.RevocationCounting: "revocation is counting down",
	schema.RevocationHeld:     "revocation held: your decision",
	schema.RevocationDryRun:   "would have been revoked (dry run)",
	schema.RevocationCalling:  "being revoked",
	schema.RevocationDone:     "token revoked",
	schema.RevocationFailed:   "revocation failed: your decision",
	schema.RevocationStopped:  "revocation stopped",
	schema.RevocationLapsed:   "revocation lapsed",
	schema.RevocationRefused:  "token protected: not revoked",
	schema.RevocationRestore:  "being restored",
	schema.RevocationRestored: "token restored",
}

// detectorWords names the first few detectors as people would.
func detectorWords(names []string) string {
	var list []string
	for _, n := range names[:min(2, len(names))] {
		list = append(list, strings.ReplaceAll(oneLine(n, 30), "_", " "))
	}
	if more := len(names) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// oneLine clips a text, and has neither line breaks nor what would turn the direction of the words behind it.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029:
			return ' '
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f:
			return -1
		}
		return r
	}, clip(s, most))
	return strings.TrimSpace(s)
}

// thousands writes 1234567 as 1,234,567.
func thousands(n uint64) string { return thousandsApart(strconv.FormatUint(n, 10)) }

func thousandsApart(digits string) string {
	digits, negative := strings.CutPrefix(digits, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if negative {
		return "-" + digits
	}
	return digits
}

// sparkImage is a row of bars, one for each of the last 24 hours.
type sparkImage struct {
	Before, Since string // what an SVG's path draws: the hours before the incident, and those since
	Words         string
}

// A bar is 3 wide with 1 between; the picture is 24 high.
const (
	sparkStep = 4
	sparkTall = 24
)

func drawSpark(s board.Spark, opened, now time.Time) sparkImage {
	var total, most uint64
	for _, n := range s {
		total += n
		most = max(most, n)
	}
	if total == 0 {
		return sparkImage{Words: "No requests in the last 24 hours"}
	}
	var before, since strings.Builder
	first := now.UTC().Truncate(time.Hour).Add(-time.Duration(len(s)-1) * time.Hour)
	for i, n := range s {
		if n == 0 {
			continue
		}
		tall := max(1, float64(n)/float64(most)*sparkTall) // what is there at all is seen
		into := &before
		if hour := first.Add(time.Duration(i) * time.Hour); hour.Add(time.Hour).After(opened) {
			into = &since
		}
		fmt.Fprintf(into, "M%d %dv-%.1fh3v%.1fz", i*sparkStep, sparkTall, tall, tall)
	}
	words := fmt.Sprintf("%s requests in the last 24 hours, at most %s an hour", thousands(total), thousands(most))
	if since.Len() > 0 {
		words += "; the hours since the incident are coloured"
	}
	return sparkImage{before.String(), since.String(), words}
}
