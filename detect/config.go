package detect

import (
	"cmp"
	"errors"
	"time"
)

// Config sets how much evidence an alert needs and how much memory profiles may take.
type Config struct {
	// Budget is how many false alerts are bearable, per 1,000 tokens a day. A score of 1.0 is what
	// that many days of a class of tokens exceed, as far as the fleet has taught it. Range 0.01 to
	// 200.
	Budget float64 `yaml:"budget"`
	// AlertNats is the evidence, in nats, that makes a score of 1.0 at a budget of 2 in a fleet
	// that has taught nothing yet. Higher is quieter. Range 1 to 50.
	AlertNats float64 `yaml:"alert_nats"`
	// HalfLife is how long it takes until evidence that is not renewed counts half.
	HalfLife time.Duration `yaml:"half_life"`
	// Probation is how long a new place, client or hour must go without an alert before it
	// counts as the owner's.
	Probation time.Duration `yaml:"probation"`
	// MaxTokens bounds the profiles kept in memory for each partition, of about 1 KiB each.
	// Beyond it the profiles that were unused for longest are dropped, young ones first. It
	// is no bound of the process: which profiles are dropped, and so what is found, must
	// not depend on which partitions a process happens to own.
	MaxTokens int `yaml:"max_tokens"`
	// SnapshotEvery is how often changed profiles are stored, in event-independent wall
	// time; a restart replays what came since.
	SnapshotEvery time.Duration `yaml:"snapshot_every"`
	// BackfillAfter is how much older than its arrival an event may be and still be taken
	// for the present. Findings about older ones are made all the same, but their events
	// are learnt like all others: nobody could give a verdict on them, and a history that
	// is loaded to learn from is taken to be the owner's. Set from alert.backfill_after.
	BackfillAfter time.Duration `yaml:"-"`
	// Together puts together what is seen in all partitions, so that a campaign or a move is known when the
	// tokens are spread over them. What is found then depends on when the partitions heard of each other; without
	// it, on the events alone.
	Together bool `yaml:"together"`
	// Simulate names detectors that are on trial: what they say is recorded, in findings that are marked as
	// simulated, and adds to no alert.
	Simulate []string `yaml:"simulate"`
	// Thresholds are for owners and environments that need more evidence than others, or less. The names are free.
	Thresholds map[string]Threshold `yaml:"thresholds"`
	// Allow lists what is known to be harmless, for ever or until a date. The names are free. Entries that come and go
	// are better made with 'tokenwatch allow'.
	Allow map[string]AllowEntry `yaml:"allow"`
	// History is how far back events are read when no stored profile exists.
	History time.Duration `yaml:"history"`
}

// DefaultConfig is what a newcomer gets.
func DefaultConfig() Config {
	return Config{
		Together:      true,
		Budget:        2,
		AlertNats:     5.5,
		HalfLife:      6 * time.Hour,
		Probation:     24 * time.Hour,
		MaxTokens:     1_000_000,
		SnapshotEvery: time.Minute,
		BackfillAfter: 6 * time.Hour,
		History:       28 * 24 * time.Hour,
	}
}

// Validate reports the first key with a value that cannot work.
func (c Config) Validate() error {
	switch {
	case !(c.Budget >= 0.01 && c.Budget <= 200):
		return errors.New("detect.budget: want a number from 0.01 to 200, of alerts per 1,000 tokens a day")
	case c.AlertNats < 1 || c.AlertNats > 50:
		return errors.New("detect.alert_nats: want a number from 1 to 50")
	case c.HalfLife <= 0:
		return errors.New("detect.half_life: want a positive duration, such as 6h")
	case c.Probation < 0:
		return errors.New("detect.probation: want a duration of 0 or more, such as 24h")
	case c.MaxTokens < 1000:
		return errors.New("detect.max_tokens: want at least 1000")
	case c.SnapshotEvery <= 0:
		return errors.New("detect.snapshot_every: want a positive duration, such as 1m")
	case c.History < 0:
		return errors.New("detect.history: want a duration of 0 or more, such as 672h")
	}
	return cmp.Or(c.checkTrials(), c.checkThresholds(), c.checkAllowed())
}
