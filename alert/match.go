package alert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Matcher is one condition on an incident, as people write it in a route, a silence or a rule:
//
//	severity=high+            high or worse
//	owner=acme-*|globex       one of these, * for any characters
//	environment!=dev
//	detector=new_geo          one of the detectors that spoke
//	label.team=payments       a label of the token (alert.labels)
//	token=9f86d081…, incident=inc-3f9a2b7c1d5e8f01
//	kind=campaign|fleet       what it is about: token, campaign or fleet
type Matcher struct {
	field    string
	not      bool
	patterns []string
	least    schema.Severity // of severity=high+
}

// Matchers all have to match. None at all match everything.
type Matchers []Matcher

// Matches reports whether the incident meets every condition.
func (list Matchers) Matches(inc *schema.Incident) bool {
	return !slices.ContainsFunc(list, func(m Matcher) bool { return !m.Matches(inc) })
}

// about reports whether a condition is about the field.
func (list Matchers) about(field string) bool {
	return slices.ContainsFunc(list, func(m Matcher) bool { return m.field == field })
}

// labelField begins the name of a field that is a label.
const labelField = "label."

var matchFields = []string{"severity", "detector", "owner", "environment", "token", "incident", "kind"}

// ParseMatcher reads a condition.
func ParseMatcher(text string) (Matcher, error) {
	field, value, found := strings.Cut(text, "=")
	m := Matcher{field: strings.TrimSpace(strings.TrimSuffix(field, "!")), not: strings.HasSuffix(field, "!")}
	if label, isLabel := strings.CutPrefix(m.field, labelField); !found || (isLabel && label == "") ||
		(!isLabel && !slices.Contains(matchFields, m.field)) {
		return m, fmt.Errorf("%q: want field=value, where field is one of %s or label.NAME", text, strings.Join(matchFields, ", "))
	}
	for pattern := range strings.SplitSeq(value, "|") {
		m.patterns = append(m.patterns, strings.TrimSpace(pattern))
	}
	if m.field == "severity" {
		return m, m.severities(text)
	}
	if m.field == "kind" {
		return m, m.kinds(text)
	}
	return m, nil
}

// severities checks the names, since a typo would match nothing for ever.
func (m *Matcher) severities(text string) error {
	for _, p := range m.patterns {
		name, least := strings.CutSuffix(p, "+")
		s, err := schema.ParseSeverity(name)
		if err != nil {
			return fmt.Errorf("%q: %w", text, err)
		}
		if least && len(m.patterns) > 1 {
			return fmt.Errorf("%q: a severity with + stands alone", text)
		}
		if least {
			m.least, m.patterns = s, nil
		}
	}
	return nil
}

// incidentKinds are what an incident can be about, as conditions name it.
var incidentKinds = map[schema.FindingKind]string{schema.FindingToken: "token", schema.FindingCampaign: "campaign", schema.FindingFleet: "fleet"}

// kinds checks the names, for the same reason.
func (m *Matcher) kinds(text string) error {
	for _, p := range m.patterns {
		if p != "token" && p != "campaign" && p != "fleet" {
			return fmt.Errorf("%q: want token, campaign or fleet", text)
		}
	}
	return nil
}

// String is the condition as ParseMatcher reads it.
func (m Matcher) String() string {
	if m.field == "" {
		return ""
	}
	value := strings.Join(m.patterns, "|")
	if m.field == "severity" && m.patterns == nil {
		value = m.least.String() + "+"
	}
	if m.not {
		return m.field + "!=" + value
	}
	return m.field + "=" + value
}

// MarshalText writes String.
func (m Matcher) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText is ParseMatcher.
func (m *Matcher) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMatcher(string(text))
	return err
}

// Matches reports whether the incident meets the condition.
func (m Matcher) Matches(inc *schema.Incident) bool {
	if m.field == "severity" && m.patterns == nil {
		return (inc.Severity >= m.least) != m.not
	}
	return slices.ContainsFunc(m.values(inc), m.fits) != m.not
}

// values are what the incident has in the condition's field.
func (m Matcher) values(inc *schema.Incident) []string {
	switch m.field {
	case "severity":
		return []string{inc.Severity.String()}
	case "detector":
		names := make([]string, len(inc.Evidence))
		for i, e := range inc.Evidence {
			names[i] = e.Detector
		}
		return names
	case "owner":
		return []string{inc.Consumer}
	case "environment":
		return []string{inc.Environment}
	case "token":
		return []string{inc.Token.String()}
	case "incident":
		return []string{inc.ID}
	case "kind":
		return []string{incidentKinds[inc.Kind]}
	}
	return []string{inc.Labels[strings.TrimPrefix(m.field, labelField)]}
}

func (m Matcher) fits(value string) bool {
	return slices.ContainsFunc(m.patterns, func(p string) bool { return glob(p, value) })
}

// glob compares a text with a pattern in which * stands for any characters. It is linear but for the number of
// stars: after each it takes the first place where the next piece fits.
func glob(pattern, text string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == text
	}
	first, last := pieces[0], pieces[len(pieces)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, piece := range pieces[1 : len(pieces)-1] {
		at := strings.Index(text, piece)
		if at < 0 {
			return false
		}
		text = text[at+len(piece):]
	}
	return true
}
