package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// What a person is promised before a press follows the configuration, where the revocation stands, and the caps.
func TestForesee(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	inc := schema.Incident{ID: "inc-1", State: schema.IncidentOpen, Severity: schema.SeverityHigh, Token: schema.TokenID{1}, Consumer: "acme"}
	stands := func(state schema.RevocationState) *schema.Revocation {
		return &schema.Revocation{State: state, Step: 2, Via: "kong", Rule: "revoke.mode", At: now.Add(-time.Minute), Attempts: 1}
	}
	var full []schema.RevocationStep
	for i := range 3 {
		full = append(full, schema.RevocationStep{Incident: fmt.Sprint("inc-x", i), Consumer: "acme", Action: "called",
			Revocation: schema.Revocation{State: schema.RevocationCalling, Attempts: 1, At: now.Add(-10 * time.Minute)}})
	}
	for name, c := range map[string]struct {
		mode      alert.RevokeMode
		kind      schema.VerdictKind
		rev       *schema.Revocation
		steps     []schema.RevocationStep
		protected bool
		calls     bool
		want      string
	}{
		"off":             {mode: alert.RevokeOff, kind: schema.VerdictTheft, want: "revocation is off (revoke.mode)"},
		"dry run":         {mode: alert.RevokeDryRun, kind: schema.VerdictTheft, want: "dry run (revoke.mode)"},
		"theft":           {mode: alert.RevokeAsk, kind: schema.VerdictTheft, calls: true, want: "The stage is ask (revoke.mode); at most 10 tokens an hour are taken out of use, and 3 of one owner"},
		"approved":        {mode: alert.RevokeAutomatic, kind: schema.VerdictRevoke, rev: stands(schema.RevocationHeld), calls: true, want: "The gateway kong is called at once"},
		"protected":       {mode: alert.RevokeAsk, kind: schema.VerdictRevoke, protected: true, want: "the token is protected by revoke.protected.owners: acme"},
		"cap":             {mode: alert.RevokeAsk, kind: schema.VerdictRevoke, steps: full, want: "A cap is reached: 3 tokens of this owner were revoked within the hour already (revoke.max_per_owner)"},
		"restore":         {mode: alert.RevokeAsk, kind: schema.VerdictRestore, rev: stands(schema.RevocationDone), calls: true, want: "The gateway kong is asked to put the token in use again"},
		"nothing to give": {mode: alert.RevokeAsk, kind: schema.VerdictRestore, rev: stands(schema.RevocationAsked), want: "its revocation stands at “asked”"},
		"under way":       {mode: alert.RevokeAsk, kind: schema.VerdictTheft, rev: stands(schema.RevocationDone), want: "its revocation stands at “revoked”"},
		"kept":            {mode: alert.RevokeAutomatic, kind: schema.VerdictKeep, rev: stands(schema.RevocationCounting), want: "No gateway is called"},
	} {
		cfg := alert.DefaultRevokeConfig()
		cfg.Mode, cfg.MinSeverity, cfg.Via = c.mode, schema.SeverityHigh, "kong"
		if c.protected {
			cfg.Protected.Owners = []string{"acme"}
		}
		of := inc
		of.Revocation = c.rev
		o := cfg.Foresee(&of, c.kind, c.steps, now)
		if text := strings.Join(o.Lines, "\n"); o.Calls != c.calls || !strings.Contains(text, c.want) {
			t.Errorf("%s: calls %v\n%s\nwant %v, %q", name, o.Calls, text, c.calls, c.want)
		}
	}
}
