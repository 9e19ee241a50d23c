package alert

import (
	"fmt"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Config says which findings become incidents and how often people hear of them.
type Config struct {
	// MinSeverity is the least severe finding that opens an incident. Weaker findings
	// still add to one that is open.
	MinSeverity schema.Severity `yaml:"min_severity"`

	// ResolveAfter is the time without a finding after which an incident resolves.
	ResolveAfter time.Duration `yaml:"resolve_after"`

	// BackfillAfter is how much older than its arrival an event may be and still alert
	// somebody. Findings about older events (history being loaded) are recorded only.
	BackfillAfter time.Duration `yaml:"backfill_after"`

	// UpdateEvery is the least time between two edits of one message.
	UpdateEvery time.Duration `yaml:"update_every"`

	// MaxOpen bounds the open incidents, which are kept in memory (a few KiB each).
	// When one more opens, the one that has been quiet for longest resolves early.
	MaxOpen int `yaml:"max_open"`
}

// DefaultConfig is what applies where nothing is configured.
func DefaultConfig() Config {
	return Config{
		MinSeverity:   schema.SeverityMedium,
		ResolveAfter:  24 * time.Hour,
		BackfillAfter: 6 * time.Hour,
		UpdateEvery:   5 * time.Second,
		MaxOpen:       20_000,
	}
}

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	switch {
	case int(c.MinSeverity) >= len(schema.SeverityNames):
		return fmt.Errorf("alert.min_severity: want one of %q", schema.SeverityNames)
	case c.ResolveAfter < time.Minute:
		return fmt.Errorf("alert.resolve_after: %s is less than 1m", c.ResolveAfter)
	case c.BackfillAfter <= 0:
		return fmt.Errorf("alert.backfill_after: %s is not a positive time", c.BackfillAfter)
	case c.UpdateEvery < 0:
		return fmt.Errorf("alert.update_every: %s is negative", c.UpdateEvery)
	case c.MaxOpen < 1:
		return fmt.Errorf("alert.max_open: %d is less than 1", c.MaxOpen)
	}
	return nil
}

// backfill reports whether the finding is about events too old to wake anybody.
func (c Config) backfill(f *schema.Finding) bool {
	return f.Ingested.Sub(f.Time) > c.BackfillAfter
}
