package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// allowedFor leaves the entries of the allow-list that are about a token or its owner.
func allowedFor(t board.Token, list []board.TokenAllowance, now time.Time) []board.TokenAllowance {
	return slices.DeleteFunc(list, func(a board.TokenAllowance) bool {
		if !a.Until.IsZero() && !a.Until.After(now) {
			return true
		}
		if a.Kind == string(schema.AllowToken) {
			id, err := schema.ParseTokenID(a.Value)
			return err != nil || id != t.ID && !slices.Contains(t.Names, id)
		}
		label, pattern, _ := strings.Cut(a.Value, "=")
		value := t.Owner
		if label == "environment" {
			value = t.Environment
		}
		return a.Kind != string(schema.AllowLabel) || value == "" || !fits(pattern, value)
	})
}

// fits compares a text with a pattern in which * stands for any characters.
func fits(pattern, text string) bool {
	m, err := alert.ParseMatcher("owner=" + strings.ReplaceAll(pattern, "|", "*")) // an allowance has no alternatives
	return err == nil && m.Matches(&schema.Incident{Consumer: text})
}

// silencesFor leaves the silences that would keep an alert about a token quiet, if what else they ask for is true of it.
func silencesFor(t board.Token, incidents []board.TokenIncident, list []schema.Silence) []schema.Silence {
	return slices.DeleteFunc(list, func(s schema.Silence) bool {
		return slices.ContainsFunc(s.Matchers, func(text string) bool { return contradicts(text, t, incidents) })
	})
}

// contradicts tells whether a condition cannot be true of a token. What a finding alone decides can be.
func contradicts(text string, t board.Token, incidents []board.TokenIncident) bool {
	m, err := alert.ParseMatcher(text)
	if err != nil {
		return true // it never matches
	}
	field, _, _ := strings.Cut(text, "=")
	switch strings.TrimSpace(strings.TrimSuffix(field, "!")) {
	case "owner", "environment":
		return !m.Matches(&schema.Incident{Consumer: t.Owner, Environment: t.Environment})
	case "token":
		return !slices.ContainsFunc(append([]schema.TokenID{t.ID}, t.Names...), func(id schema.TokenID) bool { return m.Matches(&schema.Incident{Token: id}) })
	case "incident":
		return !slices.ContainsFunc(incidents, func(i board.TokenIncident) bool { return m.Matches(&schema.Incident{ID: i.ID}) })
	}
	return false
}

// tokenQuestion is SQL to go on with.
type tokenQuestion struct{ Title, SQL string }

func tokenQuestions(t board.Token) []tokenQuestion {
	where := fmt.Sprintf("WHERE token = unhex('%s')", t.ID)
	return []tokenQuestion{
		{"What is its normal?", "SELECT * FROM token_profile " + where},
		{"From where is it used?", "SELECT country, city, asn, as_org, network, requests, share, first_seen, last_seen FROM token_places " + where + " ORDER BY requests DESC"},
		{"Its last requests", "SELECT ts, ip, country, method, path, status, bytes_out, client FROM events " + where + " ORDER BY ts DESC LIMIT 100"},
		{"Its days", "SELECT * FROM token_days " + where + " ORDER BY day DESC"},
		{"Why was it found?", "SELECT ts, severity, score, summary FROM findings FINAL " + where + " ORDER BY ts DESC"},
		{"In a terminal", "tokenwatch explain " + t.ID.String()},
	}
}
