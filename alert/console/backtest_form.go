package console

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// backtestOrder reads the form. Whether values make sense is for the Backtester to say, as it is when they stand in
// the configuration.
func backtestOrder(r *http.Request) (o board.BacktestOrder, err error) {
	number := func(name string, into *float64) {
		if text := strings.TrimSpace(r.PostFormValue(name)); err == nil && text != "" {
			v, wrong := strconv.ParseFloat(text, 64)
			if wrong != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				err = refused("detect."+name+" has to be a number.", "Such as 5.5. Go back and change it.")
			}
			*into = v
		}
	}
	duration := func(name string, into *time.Duration) {
		v, wrong := time.ParseDuration(strings.TrimSpace(r.PostFormValue(name)))
		if err == nil && wrong != nil {
			err = refused("detect."+name+" has to be a duration.", "Such as 6h or 30m. Go back and change it.")
		}
		*into = v
	}
	if o.Days, err = strconv.Atoi(r.PostFormValue("days")); err != nil || o.Days != 7 && o.Days != 14 && o.Days != 28 {
		return o, refused("How many days are to be judged?", "7, 14 or 28.")
	}
	number("budget", &o.Budget)
	number("alert_nats", &o.AlertNats)
	duration("half_life", &o.HalfLife)
	duration("probation", &o.Probation)
	if err != nil {
		return o, err
	}
	if o.MinSeverity, err = schema.ParseSeverity(r.PostFormValue("min_severity")); err != nil {
		return o, refused("alert.min_severity is low, medium, high or critical.", "Go back and change it.")
	}
	if o.Trial = r.PostForm["trial"]; len(o.Trial) > 100 {
		return o, refused("So many detectors there are not.", "")
	}
	o.Rule = board.BacktestRule{Owner: patternOf(r, "rule_owner"), Environment: patternOf(r, "rule_environment"), Never: r.PostFormValue("rule_never") != ""}
	if number("rule_factor", &o.Rule.Factor); err != nil {
		return o, refused("The factor has to be a number.", "0.5 asks for twice the evidence, 2 for half of it.")
	}
	if o.Rule.Never || o.Rule.Owner == "" && o.Rule.Environment == "" {
		o.Rule.Factor = 0
	}
	return o, nil
}

func patternOf(r *http.Request, name string) string {
	return clip(strings.TrimSpace(r.PostFormValue(name)), 100)
}

// severityNames are what the form offers.
type severityNames struct{}

// List is the names of the severities that can alert.
func (severityNames) List() []string { return schema.SeverityNames[schema.SeverityLow:] }

// Tried says in words what an order changes of what is configured; nothing gives "nothing".
func (v *backtestView) Tried(o board.BacktestOrder) string {
	c := v.Offer.Current
	var list []string
	say := func(changed bool, format string, args ...any) {
		if changed {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	say(o.Budget != c.Budget, "budget %v", o.Budget)
	say(o.AlertNats != c.AlertNats, "alert_nats %v", o.AlertNats)
	say(o.HalfLife != c.HalfLife, "half_life %s", v.Plain(o.HalfLife))
	say(o.Probation != c.Probation, "probation %s", v.Plain(o.Probation))
	say(o.MinSeverity != c.MinSeverity, "min_severity %s", o.MinSeverity)
	say(strings.Join(o.Trial, " ") != strings.Join(c.Trial, " "), "on trial: %s", strings.Join(o.Trial, ", "))
	say(o.Rule.Owner+o.Rule.Environment != "", "a threshold for %s", clip(strings.TrimSpace(o.Rule.Owner+" "+o.Rule.Environment), 60))
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// OnTrial tells whether the form has a detector on trial.
func (v *backtestView) OnTrial(name string) bool {
	for _, t := range v.Form.Trial {
		if t == name {
			return true
		}
	}
	return false
}

// Progress is how far a run is, in percent.
func (v *backtestView) Progress(run *board.BacktestRun) uint64 {
	return min(100, 100*run.Done/max(run.Total, 1))
}

// Change says how much more or less the second figure is.
func (v *backtestView) Change(now, then float64) string {
	switch {
	case now == then:
		return "no change"
	case now == 0:
		return "from none"
	case then == 0:
		return "to none"
	}
	return strings.Replace(fmt.Sprintf("%+.0f %%", 100*(then-now)/now), "-", "−", 1)
}

// Found counts how many of the thefts, or of what was the owner, each of the two finds.
func (v *backtestView) Found(labels []board.BacktestLabel, theft, then bool) string {
	n, of := 0, 0
	for _, l := range labels {
		if l.Theft == theft {
			of++
			if then && l.Then || !then && l.Now {
				n++
			}
		}
	}
	return fmt.Sprintf("%d of %d", n, of)
}

// Plain writes a duration as it stands in the configuration: 6h rather than 6h0m0s.
func (v *backtestView) Plain(d time.Duration) string {
	text := d.String()
	if rest, whole := strings.CutSuffix(text, "m0s"); whole {
		text = rest + "m"
	}
	if rest, whole := strings.CutSuffix(text, "h0m"); whole {
		text = rest + "h"
	}
	return text
}
