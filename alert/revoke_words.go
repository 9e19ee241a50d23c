package alert

import (
	"fmt"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// revocationLine says what was done about the token, or is about to be; empty if nothing was considered.
func revocationLine(inc *schema.Incident) string {
	rev := inc.Revocation
	if rev == nil {
		return ""
	}
	at, by := rev.At.UTC().Format("15:04:05 UTC"), clean(rev.By, 80)
	switch rev.State {
	case schema.RevocationDryRun:
		return "Dry run: the token would have been revoked at " + at + "; nothing was done to it"
	case schema.RevocationAsked:
		return withReason("Nothing was done to the token: revoke it?", rev.Reason)
	case schema.RevocationCounting:
		return "The token will be revoked at " + rev.Due.UTC().Format("15:04:05 UTC") + " unless somebody keeps it"
	case schema.RevocationHeld:
		return withReason("NOT revoked yet", rev.Reason)
	case schema.RevocationCalling:
		return underWay("Revoking the token", "Revocation", rev)
	case schema.RevocationDone:
		return withAnswer("Token revoked at "+at, by, rev)
	case schema.RevocationFailed:
		return withReason("NOT revoked", rev.Reason)
	case schema.RevocationRefused:
		return withReason("Not revoked", rev.Reason)
	case schema.RevocationStopped:
		return withReason("Not revoked: "+by+" keeps the token", rev.Reason)
	case schema.RevocationLapsed:
		return withReason("Not revoked", rev.Reason)
	case schema.RevocationRestore:
		return underWay("Restoring the token", "Restoring", rev)
	case schema.RevocationRestored:
		return withAnswer("Token restored at "+at, by, rev)
	}
	return ""
}

func withReason(text, reason string) string {
	if reason == "" {
		return text
	}
	return text + ": " + clean(reason, maxText)
}

func withAnswer(text, by string, rev *schema.Revocation) string {
	if by != "" {
		text += ", as " + by + " wanted"
	}
	answer := rev.Answer
	if answer == "" {
		answer = "the " + strings.TrimSpace(rev.Via+" gateway") + " accepted it"
	}
	return withReason(withReason(text, answer), rev.Reason)
}

func underWay(doing, what string, rev *schema.Revocation) string {
	if rev.Reason == "" {
		return doing + " …"
	}
	return fmt.Sprintf("%s not confirmed after %d attempts, still trying: %s", what, rev.Attempts, clean(rev.Reason, maxText))
}
