package alert

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Config says which findings become incidents and how often people hear of them.
type Config struct {
	// MinSeverity is the least severe finding that opens an incident. Weaker findings
	// still add to one that is open. Fleet events open one whatever their severity.
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

	// Routes say who is told of what. Without any, everybody is told everything.
	Routes []Route `yaml:"routes"`

	// Receivers are what applies to a channel, by its name.
	Receivers map[string]Receiver `yaml:"receivers"`

	// Labels are given to tokens, for routes and rules to match.
	Labels []Labels `yaml:"labels"`

	// ConsoleURL is where the console is reached by those who read the messages. Empty: where this process serves it.
	ConsoleURL string `yaml:"console_url"`

	// DigestAfter is how long a channel's queue may be, in time, before it is told of several incidents at once.
	DigestAfter time.Duration `yaml:"digest_after"`

	// FallbackAfter is how long a delivery may fail before the channel's fallback is told.
	FallbackAfter time.Duration `yaml:"fallback_after"`

	// GiveUpAfter is how long a delivery is tried.
	GiveUpAfter time.Duration `yaml:"give_up_after"`

	// FindingsTopic hands findings over to whoever has their tokens' incidents; IncidentsTopic, which is compacted,
	// keeps these. Both have as many partitions.
	FindingsTopic  string `yaml:"findings_topic"`
	IncidentsTopic string `yaml:"incidents_topic"`

	// VerdictsTopic tells the running processes what people said.
	VerdictsTopic string `yaml:"verdicts_topic"`

	// Partitions is how many the two topics get when they are created here: at most so many instances share the work.
	Partitions int `yaml:"partitions"`
}

// DefaultConfig is what applies where nothing is configured.
func DefaultConfig() Config {
	return Config{
		MinSeverity:   schema.SeverityMedium,
		ResolveAfter:  24 * time.Hour,
		BackfillAfter: 6 * time.Hour,
		UpdateEvery:   5 * time.Second,
		MaxOpen:       20_000,

		DigestAfter:    time.Minute,
		FallbackAfter:  2 * time.Minute,
		GiveUpAfter:    48 * time.Hour,
		FindingsTopic:  "tokenwatch.findings",
		IncidentsTopic: "tokenwatch.incidents",
		VerdictsTopic:  "tokenwatch.verdicts",
		Partitions:     4,
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
	case c.DigestAfter < time.Second:
		return fmt.Errorf("alert.digest_after: %s is less than 1s", c.DigestAfter)
	case c.FallbackAfter < 0:
		return fmt.Errorf("alert.fallback_after: %s is negative", c.FallbackAfter)
	case c.GiveUpAfter < time.Minute:
		return fmt.Errorf("alert.give_up_after: %s is less than 1m", c.GiveUpAfter)
	}
	for _, check := range []func() error{c.validateTopics, c.validateRoutes, c.validateLabels} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) validateTopics() error {
	switch {
	case c.FindingsTopic == "":
		return errors.New("alert.findings_topic: must not be empty")
	case c.IncidentsTopic == "" || c.IncidentsTopic == c.FindingsTopic:
		return errors.New("alert.incidents_topic: want a topic of its own, such as tokenwatch.incidents")
	case c.Partitions < 1 || c.Partitions > 1000:
		return fmt.Errorf("alert.partitions: %d is not between 1 and 1000", c.Partitions)
	}
	if u, err := url.Parse(c.ConsoleURL); c.ConsoleURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		return fmt.Errorf("alert.console_url: %q is not a URL such as https://tokenwatch.example.org", c.ConsoleURL)
	}
	return nil
}

// backfill reports whether the finding is about events too old to wake anybody.
func (c Config) backfill(f *schema.Finding) bool {
	return f.Ingested.Sub(f.Time) > c.BackfillAfter
}
