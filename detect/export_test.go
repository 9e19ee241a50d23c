package detect

import "github.com/tokenwatch/tokenwatch/schema"

// ProcessThoroughly shows an event to all detectors, also when it is no news.
func (e *Engine) ProcessThoroughly(ev *schema.Event) *schema.Finding {
	if s, known := e.memory.find(&ev.Token); known {
		e.memory.at(s).surprise()
	}
	return e.Process(ev)
}

// Texts is how many distinct strings the engine holds.
func (e *Engine) Texts() int { return len(e.memory.texts.ids) }

// Clip is what is kept of a string.
var Clip = clip

// Gatherings is how many there are.
func (c *Campaigns) Gatherings() int { return len(c.gatherings) }
