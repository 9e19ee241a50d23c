package alert

import (
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// maxVerdicts is how many verdicts an incident keeps, the newest. The table of verdicts has all.
const maxVerdicts = 16

// Judge applies what a person said to an incident, and reports whether that changed it. A verdict that was applied
// before changes nothing, and neither does saying again what already stands. The incident passed in is left as it
// was, slices included.
func Judge(inc schema.Incident, v schema.Verdict) (schema.Incident, bool) {
	if !v.Kind.Valid() || said(&inc, v) {
		return inc, false
	}
	next := inc
	switch v.Kind {
	case schema.VerdictOwner:
		next = resolvedBy(next, v.At)
	case schema.VerdictTheft:
		next = acknowledged(next)
		next.Severity, next.Snoozed = schema.SeverityCritical, time.Time{} // nothing is worse than what is certain
	case schema.VerdictSnooze:
		next.Snoozed = v.Until
	case schema.VerdictAcknowledged:
		next = acknowledged(next)
	}
	next.Verdicts = append(slices.Clone(inc.Verdicts), boundedVerdict(v))
	if extra := len(next.Verdicts) - maxVerdicts; extra > 0 {
		next.Verdicts = next.Verdicts[extra:]
	}
	next.Revision = inc.Revision + 1
	return next, true
}

// said reports whether the incident knows of the verdict, or stands where it would put it.
func said(inc *schema.Incident, v schema.Verdict) bool {
	for _, old := range inc.Verdicts {
		if old.ID == v.ID {
			return true
		}
	}
	last, any := lastVerdict(inc, v.Kind.Acts())
	return any && last.Kind == v.Kind && last.Note == v.Note && last.Allow == v.Allow && last.Until.Equal(v.Until) && !v.Kind.Acts()
}

// lastVerdict is the newest verdict about what happened, or about what becomes of the token.
func lastVerdict(inc *schema.Incident, acts bool) (schema.Verdict, bool) {
	for i := len(inc.Verdicts) - 1; i >= 0; i-- {
		if inc.Verdicts[i].Kind.Acts() == acts {
			return inc.Verdicts[i], true
		}
	}
	return schema.Verdict{}, false
}

func acknowledged(inc schema.Incident) schema.Incident {
	if inc.State == schema.IncidentOpen {
		inc.State = schema.IncidentAcknowledged
	}
	return inc
}

// resolvedBy is Resolve without its revision, which the verdict raises.
func resolvedBy(inc schema.Incident, at time.Time) schema.Incident {
	if inc.State != schema.IncidentResolved {
		inc.State, inc.Resolved = schema.IncidentResolved, at
	}
	return inc
}

func boundedVerdict(v schema.Verdict) schema.Verdict {
	v.ID, v.By, v.Note = clean(v.ID, maxText), clean(v.By, maxText), clean(v.Note, maxText)
	return v
}

// verdictWords say what a verdict of a kind means.
var verdictWords = map[schema.VerdictKind]string{
	schema.VerdictOwner:        "It was the owner",
	schema.VerdictTheft:        "Confirmed theft",
	schema.VerdictSnooze:       "Snoozed",
	schema.VerdictAcknowledged: "Acknowledged",
	schema.VerdictRevoke:       "Revocation wanted",
	schema.VerdictKeep:         "Token to be kept",
	schema.VerdictRestore:      "Restoring wanted",
}

// shownVerdicts is how many verdicts a message shows, the newest.
const shownVerdicts = 4

// verdictLines say who said what, the newest last.
func verdictLines(inc *schema.Incident) []string {
	var lines []string
	for _, v := range inc.Verdicts[max(0, len(inc.Verdicts)-shownVerdicts):] {
		lines = append(lines, verdictLine(v))
	}
	return lines
}

func verdictLine(v schema.Verdict) string {
	line := verdictWords[v.Kind]
	switch {
	case v.Kind == schema.VerdictSnooze:
		line += " until " + moment(v.Until)
	case v.Kind == schema.VerdictOwner && v.Allow && !v.Until.IsZero():
		line += ", allowed until " + moment(v.Until)
	case v.Kind == schema.VerdictOwner && v.Allow:
		line += ", allowed"
	}
	line += ", says " + clean(v.By, 80) + " at " + moment(v.At)
	if v.Note != "" {
		line += ": " + clean(v.Note, 200)
	}
	return line
}
