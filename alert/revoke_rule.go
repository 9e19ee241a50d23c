package alert

import (
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// ruling is what the configuration says of an incident's token.
type ruling struct {
	mode      RevokeMode
	rule      string // what decided, for people
	via       string
	countdown time.Duration
	protected string // what protects the token; empty: nothing does
}

// rules is pure: the same incident at the same time gets the same ruling.
func (c RevokeConfig) rules(inc *schema.Incident, now time.Time) ruling {
	if grouped(inc) {
		return ruling{mode: RevokeOff} // whose tokens they are, and which of them are stolen, is for people to see
	}
	r := c.matched(inc, now)
	r.protected = c.Protected.by(inc)
	return r
}

func (c RevokeConfig) matched(inc *schema.Incident, now time.Time) ruling {
	for i, rule := range c.Rules {
		if !rule.matches(c, inc, now) {
			continue
		}
		r := ruling{mode: rule.Mode, rule: rule.name(i), via: rule.via(c), countdown: c.Countdown}
		if rule.Countdown != nil {
			r.countdown = *rule.Countdown
		}
		return r
	}
	if inc.Severity < c.MinSeverity {
		return ruling{mode: RevokeOff}
	}
	return ruling{mode: c.Mode, rule: "revoke.mode", via: c.Via, countdown: c.Countdown}
}

func (r RevokeRule) matches(c RevokeConfig, inc *schema.Incident, now time.Time) bool {
	return r.Match.Matches(inc) && (r.Source == "" || r.Source == inc.Source) &&
		(r.Hours == "" || (r.Hours == "business") == c.BusinessHours.hold(now))
}

func (b BusinessHours) hold(now time.Time) bool {
	zone, err := time.LoadLocation(b.TimeZone)
	if err != nil {
		zone = time.UTC // Validate has seen to it
	}
	return slices.ContainsFunc(b.Hours, func(h QuietHours) bool { return !h.end(now, zone).IsZero() })
}

// by says what protects the incident's token.
func (p Protected) by(inc *schema.Incident) string {
	if slices.Contains(p.Tokens, inc.Token) {
		return "revoke.protected.tokens"
	}
	for _, pattern := range p.Owners {
		if glob(pattern, inc.Consumer) {
			return "revoke.protected.owners: " + pattern
		}
	}
	for _, pattern := range p.Hints {
		if glob(pattern, inc.TokenHint) {
			return "revoke.protected.hints: " + pattern
		}
	}
	return ""
}

// Urgent reports whether a finding's token would be revoked at once, so that it should not wait for others.
func (c RevokeConfig) Urgent(f *schema.Finding, now time.Time) bool {
	if !c.reaches(RevokeAutomatic) {
		return false
	}
	inc := Open(f)
	r := c.rules(&inc, now)
	return r.mode == RevokeAutomatic && r.protected == "" && r.countdown == 0
}
