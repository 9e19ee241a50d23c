package alert

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Bounds of one incident. A thief chooses addresses, user agents and, by the number of
// odd things done, how many findings there are; none of it may make an incident grow for
// ever. What goes first is what tells a reader least.
const (
	maxEvidence = 32  // pieces kept, the strongest
	maxFindings = 256 // ids kept, the newest; a replay of an older one merges to the same
	maxNames    = 16  // places, networks and clients kept, the first
	maxText     = 300 // runes of any text from outside
)

// Open makes the incident that a finding starts. Its id comes from the finding's, so a
// replay opens the same incident again and not a second one.
func Open(f *schema.Finding) schema.Incident {
	inc := schema.Incident{
		ID:          "inc-" + f.ID.String()[:16],
		Revision:    1,
		State:       schema.IncidentOpen,
		Severity:    f.Severity,
		Score:       f.Score,
		Token:       f.Token,
		KeyID:       f.KeyID,
		TokenHint:   clean(f.TokenHint, maxText),
		Consumer:    clean(f.Consumer, maxText),
		Environment: clean(f.Environment, maxText),
		Source:      clean(f.Source, maxText),
		Credential:  clean(f.Credential, maxText),
		Opened:      f.Time,
		Updated:     f.Time,
		Summary:     clean(f.Summary, 2*maxText),
		Evidence:    strongest(nil, f.Evidence),
		Seen:        boundedSeen(f.Seen),
		Normal:      boundedNormal(f.Normal),
		Findings:    []schema.FindingID{f.ID},
	}
	gather(&inc, f)
	return inc
}

// Update adds a finding to an incident and reports whether that changed anything.
// Severity and score only rise; what was seen and what is normal come from the newest
// finding, except that the beginning stays the earliest. The incident passed in is left
// as it was, slices included.
func Update(inc schema.Incident, f *schema.Finding) (schema.Incident, bool) {
	if slices.Contains(inc.Findings, f.ID) {
		return inc, false
	}
	next := inc
	next.Token, next.KeyID = f.Token, f.KeyID // of a newer pepper, if peppers were rotated meanwhile
	next.Severity = max(inc.Severity, f.Severity)
	next.Score = max(inc.Score, f.Score)
	next.Evidence = strongest(inc.Evidence, f.Evidence)
	gather(&next, f)
	newest := !f.Time.Before(inc.Updated)
	next.Seen = mergeSeen(inc.Seen, boundedSeen(f.Seen), newest)
	if newest {
		next.Updated = f.Time
		next.Source, next.Credential = cmp.Or(clean(f.Source, maxText), inc.Source), cmp.Or(clean(f.Credential, maxText), inc.Credential)
		next.Normal = boundedNormal(f.Normal)
	}
	if newest && f.Severity >= inc.Severity && f.Summary != "" {
		next.Summary = clean(f.Summary, 2*maxText)
	}
	if next.Severity > inc.Severity {
		next.Snoozed = time.Time{} // it is worse than what was put off
	}
	if reflect.DeepEqual(next, inc) {
		return inc, false
	}
	next.Findings = append(slices.Clone(inc.Findings), f.ID)
	if extra := len(next.Findings) - maxFindings; extra > 0 {
		next.Findings = next.Findings[extra:]
	}
	next.Revision++
	return next, true
}

// Resolve closes an incident. Resolving a resolved one changes nothing.
func Resolve(inc schema.Incident, at time.Time) schema.Incident {
	if inc.State == schema.IncidentResolved {
		return inc
	}
	inc.State = schema.IncidentResolved
	inc.Resolved = at
	inc.Revision++
	return inc
}

// strongest merges two lists of evidence: of every detector and key the piece with the
// highest ratio, the strongest first, bounded.
func strongest(have, more []schema.Evidence) []schema.Evidence {
	best := make(map[[2]string]schema.Evidence, len(have)+min(len(more), maxEvidence))
	for _, e := range have {
		best[[2]string{e.Detector, e.Key}] = e
	}
	for _, e := range more {
		e = boundedEvidence(e)
		key := [2]string{e.Detector, e.Key}
		if old, ok := best[key]; !ok || e.LLR > old.LLR {
			best[key] = e
		}
	}
	merged := make([]schema.Evidence, 0, len(best))
	for _, e := range best {
		merged = append(merged, e)
	}
	slices.SortFunc(merged, stronger)
	return slices.Clip(merged[:min(len(merged), maxEvidence)])
}
