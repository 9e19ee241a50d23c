package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
)

type verdictCommand struct {
	Incident   string        `arg:"" help:"The incident's id: inc-3f9a2b7c1d5e8f01, at the end of every message."`
	Verdict    string        `arg:"" enum:"owner,theft,snooze,acknowledge" help:"owner: it was us, learn it. theft: confirmed, never learn it, revoke the token. snooze: say nothing more for a while. acknowledge: somebody is looking."`
	For        time.Duration `help:"How long a snooze lasts; 4h if left out." placeholder:"4h"`
	Note       string        `help:"Why; it stands in the messages."`
	Allow      bool          `help:"With owner: put the token on the allow-list as well."`
	AllowUntil string        `help:"With owner: put the token on the allow-list until then: a day, or a time as 2026-12-31T18:00:00Z." placeholder:"2026-12-31"`
	By         string        `help:"Who says so; you, if left out." placeholder:"NAME"`
}

// Run keeps what somebody says of an incident, where every running tokenwatch finds it.
func (c verdictCommand) Run(p *process) error {
	press, err := c.press(time.Now())
	if err != nil {
		return err
	}
	return p.withStore(func(e *engines) error {
		said, err := p.say(e, press)
		if err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, said)
		return nil
	})
}

func (c verdictCommand) press(now time.Time) (alert.Press, error) {
	kind := schema.VerdictKind(c.Verdict)
	if c.Verdict == "acknowledge" {
		kind = schema.VerdictAcknowledged
	}
	press := alert.Press{ID: pressID(), Incident: c.Incident, Kind: kind, By: byWhom(c.By), Note: c.Note, At: now, Allow: c.Allow || c.AllowUntil != ""}
	switch {
	case c.For != 0 && kind != schema.VerdictSnooze:
		return press, errors.New("--for: only a snooze lasts for a while; for an allowance there is --allow-until")
	case c.For < 0:
		return press, fmt.Errorf("--for: %s is negative", c.For)
	case press.Allow && kind != schema.VerdictOwner:
		return press, errors.New("--allow, --allow-until: they go with owner only")
	case c.For > 0:
		press.Until = now.Add(c.For)
	}
	if c.AllowUntil != "" {
		until, err := parseUntil(c.AllowUntil)
		if err != nil {
			return press, err
		}
		press.Until = until
	}
	return press, nil
}

// parseUntil reads a time, or a day, which is meant to its end.
func parseUntil(text string) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, fmt.Errorf("--allow-until: %q is neither a day such as 2026-12-31 nor a time such as 2026-12-31T18:00:00Z", text)
	}
	return day.AddDate(0, 0, 1), nil
}

// pressID names this very command: typed again, it is another one.
func pressID() string {
	var id [12]byte
	_, _ = rand.Read(id[:]) // never fails
	return "cli:" + hex.EncodeToString(id[:])
}

func byWhom(name string) string {
	if name == "" {
		name = "unknown"
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
	}
	return "cli:" + name
}

// say keeps a press, and tells the processes that run. Where they cannot be told they find it themselves.
func (p *process) say(e *engines, press alert.Press) (string, error) {
	cfg, err := p.load()
	if err != nil {
		return "", err
	}
	return (&alert.Clerk{
		Registry: e.db,
		Announce: func(ctx context.Context, v schema.Verdict) error { return cfg.announceOnce(ctx, v) },
		Late: func(err error) {
			fmt.Fprintf(p.stderr, "tokenwatch: it is kept; a tokenwatch that runs finds it within %s, else its next start does (%v)\n", lookEvery, err)
		},
	}).Take(p.ctx, press)
}

func (c Config) announceOnce(ctx context.Context, v schema.Verdict) error {
	k, err := c.reachedKafka()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if _, err := kafka.EnsureTopics(ctx, k, kafka.TopicPlan{Key: "alert.verdicts_topic", Name: c.Alert.VerdictsTopic, Partitions: 1}); err != nil {
		return err
	}
	to, err := producerOf(k, c.Alert.VerdictsTopic)
	if err != nil {
		return err
	}
	return errors.Join(announce(ctx, to, v), to.Close())
}
