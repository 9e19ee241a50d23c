package main

import (
	"errors"
	"fmt"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

type silenceCommand struct {
	Add    silenceAdd    `cmd:"" help:"Tell nobody of the incidents that match, until the silence expires. They are kept all the same, and told afterwards if they are still open."`
	List   silenceList   `cmd:"" help:"List silences."`
	Expire silenceExpire `cmd:"" help:"End silences now."`
}

type silenceAdd struct {
	Match  []string      `arg:"" name:"condition" help:"Conditions, all of which have to match: owner=acme-*, token=FINGERPRINT, incident=ID, severity=low|medium, detector=odd_hours, environment!=prod, label.team=payments."`
	For    time.Duration `name:"for" required:"" placeholder:"DURATION" help:"How long: 2h, 72h."`
	Reason string        `required:"" placeholder:"TEXT" help:"Why: those who wonder at the quiet will read it."`
	By     string        `placeholder:"NAME" help:"Who is answerable for it; you, if it is left out."`
}

// Run adds a silence, and prints its id.
func (c silenceAdd) Run(p *process) error {
	by, err := p.who(c.By)
	if err != nil {
		return err
	}
	now := time.Now()
	s, err := alert.NewSilence(c.Match, by, c.Reason, now, c.For, now)
	if err != nil {
		return err
	}
	return p.withStore(func(e *engines) error {
		if err := e.db.SaveSilence(p.ctx, s.Silence); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, s.ID)
		fmt.Fprintf(p.stderr, "Silent until %s about: %s\n", minute(s.Until), strings.Join(s.Matchers, ", "))
		return nil
	})
}

// who is the user who runs the command, unless they say otherwise.
func (p *process) who(named string) (string, error) {
	if named != "" {
		return named, nil
	}
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "", errors.New("--by: say who is answerable for it; the system does not know who you are")
	}
	return u.Username, nil
}

type silenceList struct {
	Expired bool `help:"Those too that expired within the last 30 days."`
	JSON    bool `name:"json" help:"One JSON object a line."`
}

// Run lists.
func (c silenceList) Run(p *process) error {
	now := time.Now()
	since := now
	if c.Expired {
		since = now.Add(-30 * 24 * time.Hour)
	}
	return p.withStore(func(e *engines) error {
		list, err := e.db.SilencesSince(p.ctx, since)
		if err != nil {
			return err
		}
		if c.JSON {
			return encodeLines(p, list)
		}
		if len(list) == 0 {
			fmt.Fprintln(p.stderr, "No silences.")
			return nil
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "SILENCE\tSTATE\tUNTIL\tBY\tCONDITIONS\tREASON")
		for _, s := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", oneLine(s.ID), silenceState(s, now), minute(s.Until), oneLine(s.By),
				oneLine(strings.Join(s.Matchers, ", ")), oneLine(s.Reason))
		}
		return w.Flush()
	})
}

func silenceState(s schema.Silence, now time.Time) string {
	if now.Before(s.Until) {
		return "silent"
	}
	return "expired"
}

type silenceExpire struct {
	ID []string `arg:"" name:"silence" help:"Ids, as list shows them."`
}

// Run ends silences. They stay in the table, with the time at which they were ended.
func (c silenceExpire) Run(p *process) error {
	return p.withStore(func(e *engines) error {
		list, err := e.db.Silences(p.ctx)
		if err != nil {
			return err
		}
		byID := map[string]schema.Silence{}
		for _, s := range list {
			byID[s.ID] = s
		}
		for _, id := range c.ID {
			s, known := byID[id]
			if !known {
				return fmt.Errorf("no silence %q is in force; 'tokenwatch silence list' shows those that are", id)
			}
			if err := e.db.SaveSilence(p.ctx, alert.Expired(s, time.Now())); err != nil {
				return err
			}
			fmt.Fprintf(p.stderr, "%s has ended.\n", id)
		}
		return nil
	})
}
