package alert

import "github.com/tokenwatch/tokenwatch/schema"

// Fold applies findings of one token or one group, in the order in which they were made, to the
// incident that is open for it (nil when there is none). It returns the incidents that
// changed, each as it stands at the end: at most the one that was open, and those that
// opened. Known tells findings of incidents that were resolved before; outcome is told
// what became of each finding.
func (c Config) Fold(
	open *schema.Incident,
	findings []schema.Finding,
	known func(schema.FindingID) bool,
	outcome func(string),
) []schema.Incident {
	var changed []schema.Incident
	for i := range findings {
		f := &findings[i]
		switch {
		case c.backfill(f):
			outcome(FindingBackfill)
		case known(f.ID):
			outcome(FindingKnown)
		case open != nil && f.Time.Sub(open.Updated) < c.ResolveAfter:
			next, ok := Update(*open, f)
			if !ok {
				outcome(FindingKnown)
				continue
			}
			outcome(FindingMerged)
			open, changed = &next, latest(changed, next)
		case f.Severity < c.MinSeverity && f.Kind != schema.FindingFleet: // a fleet event is kept, and told where a route says so
			outcome(FindingMinor)
		default:
			if open != nil {
				changed = latest(changed, Resolve(*open, open.Updated.Add(c.ResolveAfter)))
			}
			next := Open(f)
			c.label(&next)
			outcome(FindingOpened)
			open, changed = &next, latest(changed, next)
		}
	}
	return changed
}

// latest replaces the incident's earlier version, if it is among the changed.
func latest(changed []schema.Incident, inc schema.Incident) []schema.Incident {
	for i := range changed {
		if changed[i].ID == inc.ID {
			changed[i] = inc
			return changed
		}
	}
	return append(changed, inc)
}
