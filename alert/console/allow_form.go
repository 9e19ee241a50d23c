package console

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/schema"
)

// allowForm is what somebody typed, and what is wrong with it. It is shown again as it was typed.
type allowForm struct {
	Kind, Value, Owner, Reason, Until string
	Detectors                         []string
	Wrong                             map[string]string
}

// allowKind is what an entry can name, with an example.
type allowKind struct {
	Kind    schema.AllowKind
	Text    string
	Example string
}

var allowKinds = []allowKind{
	{schema.AllowCIDR, "addresses", "203.0.113.0/24"}, {schema.AllowASN, "network (AS number)", "AS64500"}, {schema.AllowCountry, "country", "DE"},
	{schema.AllowClient, "client", "curl or curl/8"}, {schema.AllowToken, "token (fingerprint)", "32 hexadecimal digits"}, {schema.AllowLabel, "owner or environment", "consumer=loadtest-* or environment=dev"},
}

func readAllowForm(values url.Values) allowForm {
	text := func(name string) string { return clip(strings.TrimSpace(values.Get(name)), 2*mostTyped) }
	f := allowForm{Kind: text("kind"), Value: text("value"), Owner: text("owner"), Reason: text("reason"), Until: text("until")}
	for _, name := range values["detector"][:min(len(values["detector"]), 50)] {
		if name != "" {
			f.Detectors = append(f.Detectors, clip(name, 40))
		}
	}
	return f
}

// Has tells whether a detector is ticked.
func (f allowForm) Has(detector string) bool { return slices.Contains(f.Detectors, detector) }

func (f *allowForm) wrong(field, text string) {
	if f.Wrong == nil {
		f.Wrong = map[string]string{}
	}
	if f.Wrong[field] == "" {
		f.Wrong[field] = clip(text, 300)
	}
}

// badText says what is wrong with a text that people type; empty if nothing is.
func badText(field, text string) string {
	if utf8.RuneCountInString(text) > mostTyped {
		return fmt.Sprintf("%s: at most %d characters", field, mostTyped)
	}
	return ""
}

// allowance is the entry that the form asks for; if it makes none, the form says why, beside each field.
func (f *allowForm) allowance(detectors []string, by string, now time.Time) (schema.Allowance, bool) {
	a := schema.Allowance{
		ID: schema.NewAllowanceID(), Action: schema.AllowAdd, At: now.UTC().Truncate(time.Millisecond), By: by,
		Kind: schema.AllowKind(f.Kind), Value: f.Value, Detectors: f.Detectors, Owner: f.Owner, Reason: f.Reason,
	}
	for field, text := range map[string]string{"value": f.Value, "owner": f.Owner, "reason": f.Reason} {
		if problem := badText(field, text); problem != "" {
			f.wrong(field, problem)
		}
	}
	for _, name := range f.Detectors {
		if !slices.Contains(detectors, name) {
			f.wrong("detector", fmt.Sprintf("there is no detector %q", name))
		}
	}
	if f.Until != "" {
		until, err := parseMoment(f.Until)
		if err != nil {
			f.wrong("until", err.Error())
		}
		a.Until = until
	}
	f.check(a)
	return a, len(f.Wrong) == 0
}

// check holds the entry against the rules, one field after the other, so that all that is wrong is told at once.
func (f *allowForm) check(a schema.Allowance) {
	for range 4 { // as many as there are fields
		err := a.Check()
		if err == nil {
			return
		}
		field, _, _ := strings.Cut(err.Error(), ":")
		switch field {
		case "owner":
			a.Owner = "-"
		case "reason":
			a.Reason = "-"
		case "until":
			a.Until = time.Time{}
		default:
			f.wrong("value", err.Error())
			return
		}
		f.wrong(field, strings.TrimPrefix(err.Error(), field+": "))
	}
}
