package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/schema"
)

// outcome is what became of one story.
type outcome struct {
	story    simulate.Story
	incident *schema.Incident // nil when nothing was said
	after    time.Duration    // from its first request to the one that tipped the scale, in its own time
	requests int              // until then
	slack    time.Duration    // from sending that request to the message in Slack, in real time
}

// outcomes are those of all stories, and the alerts about tokens that nobody stole.
type outcomes struct {
	stories []outcome
	falsely []schema.Incident
}

// unseen lists the kinds of theft about which nothing was said.
func (o outcomes) unseen() (kinds []string) {
	for _, s := range o.stories {
		if s.story.Theft && s.incident == nil {
			kinds = append(kinds, s.story.Kind)
		}
	}
	return kinds
}

// judge holds what was alerted against what was true.
func (d *demo) judge(ctx context.Context) (outcomes, error) {
	incidents, err := d.app.engines.db.Incidents(ctx, schema.IncidentOpen, schema.IncidentAcknowledged, schema.IncidentResolved)
	if err != nil {
		return outcomes{}, err
	}
	// Of a fleet event nobody is told: it is kept as what explains many tokens at once.
	incidents = slices.DeleteFunc(incidents, func(inc schema.Incident) bool { return inc.Kind == schema.FindingFleet })
	f, err := d.app.cfg.fingerprinter()
	if err != nil {
		return outcomes{}, err
	}
	var all outcomes
	blamed := map[string]bool{}
	for i, story := range d.fleet.Stories() {
		token := d.fleet.Tokens()[story.Index]
		o := outcome{story: story}
		for k := range incidents {
			inc := &incidents[k]
			if inc.Token == fingerprint(f, token.Secret, token.Credential) && (!story.Theft || !inc.Updated.Before(story.Start.Add(-time.Minute))) {
				o.incident = inc
				blamed[inc.ID] = story.Theft
			}
		}
		if o.incident != nil {
			d.measure(&o, d.played[i])
		}
		all.stories = append(all.stories, o)
	}
	for _, inc := range incidents {
		if !blamed[inc.ID] {
			all.falsely = append(all.falsely, inc)
		}
	}
	return all, nil
}

// measure says how long it took: in the story's time and requests, and in real time.
func (d *demo) measure(o *outcome, played []moment) {
	if len(played) == 0 {
		return
	}
	// A gateway logs a request when it ends; the incident knows when it began.
	tipped := 0
	for tipped < len(played)-1 && played[tipped].event.Before(o.incident.Opened) {
		tipped++
	}
	o.requests = tipped + 1
	o.after = max(0, o.incident.Opened.Sub(played[0].event))
	for _, message := range d.slack.Messages() {
		if strings.Contains(message.Rendered, o.incident.TokenHint) {
			o.slack = message.At.Sub(played[tipped].sent)
			return
		}
	}
}

// report prints the table.
func (d *demo) report(all outcomes) {
	d.say("What happened, and what tokenwatch made of it")
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "   THEFT\tDETECTED\tAFTER\tREQUESTS\tSEVERITY\tIN SLACK AFTER\tBECAUSE OF")
	for _, o := range all.stories {
		if o.story.Theft {
			fmt.Fprintln(w, "   "+o.story.Kind+"\t"+o.theftRow())
		}
	}
	fmt.Fprintln(w, "\t\t\t\t\t\t")
	fmt.Fprintln(w, "   NO THEFT\tALERTED\t\t\t\t\t")
	for _, o := range all.stories {
		if !o.story.Theft {
			fmt.Fprintf(w, "   %s\t%s\t\t\t\t\t\n", o.story.Kind, yesNo(o.incident != nil))
		}
	}
	_ = w.Flush()
	thefts := 0
	for _, o := range all.stories {
		if o.story.Theft {
			thefts++
		}
	}
	fmt.Fprintf(d.out, "\n   %d of %d thefts detected, false alerts: %d (over %d tokens)\n", thefts-len(all.unseen()), thefts, len(all.falsely), d.Tokens)
	if messages := d.slack.Messages(); len(messages) > 0 {
		fmt.Fprintf(d.out, "   first alert %.0f s after the start, history and all\n", messages[0].At.Sub(d.began).Seconds())
	}
	for _, inc := range all.falsely {
		fmt.Fprintf(d.out, "   false alert: %s of %s: %s\n", inc.TokenHint, inc.Consumer, inc.Summary)
	}
	fmt.Fprintln(d.out, "\n   The truth, as the simulation knows it:")
	for _, o := range all.stories {
		fmt.Fprintf(d.out, "   · %s\n", o.story.Title)
	}
}

func (o outcome) theftRow() string {
	if o.incident == nil {
		return "NO\t\t\t\t\t"
	}
	var why []string
	for _, e := range o.incident.Evidence {
		if !slices.Contains(why, e.Detector) {
			why = append(why, e.Detector)
		}
	}
	return fmt.Sprintf("yes\t%s\t%d\t%s\t%.1f s\t%s", seconds(o.after), o.requests, o.incident.Severity, o.slack.Seconds(), strings.Join(why, ", "))
}

func seconds(d time.Duration) string {
	if d < 100*time.Second {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
