package alert

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// RevokeMode is how far revocation goes.
type RevokeMode string

// The modes, from nothing to everything.
const (
	RevokeOff       RevokeMode = "off"       // nothing is revoked
	RevokeDryRun    RevokeMode = "dry_run"   // messages say what would have been revoked; nobody is called
	RevokeAsk       RevokeMode = "ask"       // a person is asked first
	RevokeAutomatic RevokeMode = "automatic" // revoked without asking
)

var revokeModes = []RevokeMode{RevokeOff, RevokeDryRun, RevokeAsk, RevokeAutomatic}

// RevokeConfig says which tokens are taken out of use, and what has to happen before.
type RevokeConfig struct {
	// Mode is off, dry_run, ask or automatic. It holds for incidents that no rule matches and that are as severe as
	// MinSeverity.
	Mode RevokeMode `yaml:"mode"`

	// MinSeverity is the least severe incident that Mode holds for.
	MinSeverity schema.Severity `yaml:"min_severity"`

	// Rules go before Mode: the first one that matches decides.
	Rules []RevokeRule `yaml:"rules"`

	// Via is the gateway that is called: webhook, kong, apisix or litellm.
	Via string `yaml:"via"`

	// Countdown is how long an automatic revocation waits, for a person to stop it.
	Countdown time.Duration `yaml:"countdown"`

	// MaxPerHour bounds the tokens taken out of use within any hour, by all instances together. Beyond it nobody is
	// revoked and the messages say so: a mistake must not take down everybody.
	MaxPerHour int `yaml:"max_per_hour"`

	// MaxPerOwner bounds them for one owner within any hour.
	MaxPerOwner int `yaml:"max_per_owner"`

	// GiveUpAfter is how long a gateway that does not answer, or fails, is called again.
	GiveUpAfter time.Duration `yaml:"give_up_after"`

	// Protected are never taken out of use, whoever decides.
	Protected Protected `yaml:"protected"`

	// BusinessHours are what rules mean by hours: business.
	BusinessHours BusinessHours `yaml:"business_hours"`
}

// RevokeRule decides about incidents that match it.
type RevokeRule struct {
	// Match lists conditions, all of which have to hold, such as severity=high+ or label.team=payments.
	Match Matchers `yaml:"match"`
	// Source is the format of the gateway's records: kong, apisix, litellm, ...
	Source string `yaml:"source"`
	// Hours is business, outside, or empty for any.
	Hours string     `yaml:"hours"`
	Mode  RevokeMode `yaml:"mode"`
	// Via and Countdown, where they are given, go before those of the section.
	Via       string         `yaml:"via"`
	Countdown *time.Duration `yaml:"countdown"`
}

// Protected names tokens in three ways. Owners and hints may hold * for any characters.
type Protected struct {
	Tokens []schema.TokenID `yaml:"tokens"` // fingerprints
	Owners []string         `yaml:"owners"`
	Hints  []string         `yaml:"hints"` // "hf_*": tokens of an issuer
}

// BusinessHours are when there are people at work.
type BusinessHours struct {
	Hours    []QuietHours `yaml:"hours"`     // "Mon-Fri 08:00-18:00"
	TimeZone string       `yaml:"time_zone"` // UTC if empty
}

// DefaultRevokeConfig revokes nothing.
func DefaultRevokeConfig() RevokeConfig {
	hours, err := ParseQuietHours("Mon-Fri 08:00-18:00")
	if err != nil {
		panic("alert: the default business hours are none: " + err.Error())
	}
	return RevokeConfig{
		Mode: RevokeOff, MinSeverity: schema.SeverityCritical, Via: "webhook", MaxPerHour: 10, MaxPerOwner: 3,
		GiveUpAfter: 15 * time.Minute, BusinessHours: BusinessHours{Hours: []QuietHours{hours}},
	}
}

// Enabled reports whether there is anything to do.
func (c RevokeConfig) Enabled() bool { return c.reaches(RevokeDryRun) }

// Calls reports whether any gateway may be called.
func (c RevokeConfig) Calls() bool { return c.reaches(RevokeAsk) }

func (c RevokeConfig) reaches(mode RevokeMode) bool {
	least := slices.Index(revokeModes, mode)
	return slices.Index(revokeModes, c.Mode) >= least ||
		slices.ContainsFunc(c.Rules, func(r RevokeRule) bool { return slices.Index(revokeModes, r.Mode) >= least })
}

// Gateways lists those that may be called, each once.
func (c RevokeConfig) Gateways() []string {
	var names []string
	add := func(mode RevokeMode, via string) {
		if (mode == RevokeAsk || mode == RevokeAutomatic) && !slices.Contains(names, via) {
			names = append(names, via)
		}
	}
	add(c.Mode, c.Via)
	for _, r := range c.Rules {
		add(r.Mode, r.via(c))
	}
	return names
}

// Validate reports the first key whose value makes no sense.
func (c RevokeConfig) Validate() error {
	switch {
	case !slices.Contains(revokeModes, c.Mode):
		return fmt.Errorf("revoke.mode: %q is none of off, dry_run, ask, automatic", c.Mode)
	case int(c.MinSeverity) >= len(schema.SeverityNames):
		return fmt.Errorf("revoke.min_severity: want one of %q", schema.SeverityNames)
	case c.MaxPerHour < 1:
		return fmt.Errorf("revoke.max_per_hour: %d is less than 1", c.MaxPerHour)
	case c.MaxPerOwner < 1:
		return fmt.Errorf("revoke.max_per_owner: %d is less than 1", c.MaxPerOwner)
	case c.Countdown < 0:
		return fmt.Errorf("revoke.countdown: %s is negative", c.Countdown)
	case c.GiveUpAfter <= 0:
		return fmt.Errorf("revoke.give_up_after: %s is not a positive time", c.GiveUpAfter)
	case slices.Contains(c.Protected.Owners, "") || slices.Contains(c.Protected.Hints, ""):
		return errors.New("revoke.protected: an empty name protects nothing; remove it")
	}
	if _, err := time.LoadLocation(c.BusinessHours.TimeZone); err != nil {
		return fmt.Errorf("revoke.business_hours.time_zone: %q is no time zone such as Europe/Berlin", c.BusinessHours.TimeZone)
	}
	for i, r := range c.Rules {
		if err := r.validate(); err != nil {
			return fmt.Errorf("revoke.rules: entry %d: %w", i+1, err)
		}
	}
	return nil
}

func (r RevokeRule) validate() error {
	switch {
	case !slices.Contains(revokeModes, r.Mode):
		return fmt.Errorf("mode: %q is none of off, dry_run, ask, automatic", r.Mode)
	case r.Hours != "" && r.Hours != "business" && r.Hours != "outside":
		return fmt.Errorf("hours: %q is neither business nor outside", r.Hours)
	case r.Countdown != nil && *r.Countdown < 0:
		return fmt.Errorf("countdown: %s is negative", *r.Countdown)
	}
	return nil
}

func (r RevokeRule) via(c RevokeConfig) string {
	if r.Via != "" {
		return r.Via
	}
	return c.Via
}

// name is the rule as messages and the audit show it.
func (r RevokeRule) name(i int) string {
	var parts []string
	for _, m := range r.Match {
		parts = append(parts, m.String())
	}
	if r.Source != "" {
		parts = append(parts, "source="+r.Source)
	}
	if r.Hours != "" {
		parts = append(parts, "hours="+r.Hours)
	}
	return strings.TrimSpace(fmt.Sprintf("revoke.rules[%d] %s", i+1, strings.Join(parts, " ")))
}
