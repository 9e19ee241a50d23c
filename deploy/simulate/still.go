package simulate

import "time"

// stopClocks lets the tokens in stories of a change of the clocks live on as if there were none. Everything else stays as
// it is, so what differs between the two fleets is what the change has done.
func (f *Fleet) stopClocks() {
	for i := range f.stories {
		s := &f.stories[i]
		if s.Kind != ClockChange {
			continue
		}
		switch h := f.tokens[s.Index].habit.(type) {
		case *person:
			still := *h.base
			still.zone = stopped(still.zone, s.From)
			h.base = &still
		case *cron:
			h.zone = stopped(h.zone, s.From)
		}
	}
}

// stopped is a zone that keeps the offset which another has before a moment.
func stopped(zone *time.Location, at time.Time) *time.Location {
	name, offset := at.Add(-time.Minute).In(zone).Zone()
	return time.FixedZone(name, offset)
}
