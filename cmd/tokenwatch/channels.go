package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/discord"
	"github.com/tokenwatch/tokenwatch/alert/email"
	"github.com/tokenwatch/tokenwatch/alert/guard"
	"github.com/tokenwatch/tokenwatch/alert/hook"
	"github.com/tokenwatch/tokenwatch/alert/ocsf"
	"github.com/tokenwatch/tokenwatch/alert/owner"
	"github.com/tokenwatch/tokenwatch/alert/pagerduty"
	"github.com/tokenwatch/tokenwatch/alert/syslog"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// ChannelsConfig is what the channels besides Slack and Telegram want to know.
type ChannelsConfig struct {
	Discord   discord.Config   `yaml:"discord"`
	Email     email.Config     `yaml:"email"`
	PagerDuty pagerduty.Config `yaml:"pagerduty"`
	Hook      hook.Config      `yaml:"hook"`
	OCSF      ocsf.Config      `yaml:"ocsf"`
	Syslog    syslog.Config    `yaml:"syslog"`
	Owner     owner.Config     `yaml:"owner"`
}

// DefaultChannelsConfig tells nobody.
func DefaultChannelsConfig() ChannelsConfig {
	return ChannelsConfig{
		Discord: discord.DefaultConfig(), Email: email.DefaultConfig(), PagerDuty: pagerduty.DefaultConfig(),
		Hook: hook.DefaultConfig(), OCSF: ocsf.DefaultConfig(), Syslog: syslog.DefaultConfig(), Owner: owner.DefaultConfig(),
	}
}

// validate checks the channels that are used, and refuses those of which half is configured.
func (c ChannelsConfig) validate() error {
	for _, channel := range []struct {
		enabled  bool
		validate func() error
	}{
		{c.Discord.Enabled(), c.Discord.Validate}, {c.Email.Enabled(), c.Email.Validate}, {c.PagerDuty.Enabled(), c.PagerDuty.Validate},
		{c.Hook.Enabled(), c.Hook.Validate}, {c.OCSF.Enabled(), c.OCSF.Validate}, {c.Syslog.Enabled(), c.Syslog.Validate},
		{c.Owner.Enabled(), c.Owner.Validate},
	} {
		if !channel.enabled {
			continue
		}
		if err := channel.validate(); err != nil {
			return err
		}
	}
	switch {
	case !c.Email.Enabled() && len(c.Email.To) > 0:
		return errors.New("email.server: missing, though email.to is set")
	case !c.Hook.Enabled() && c.Hook.Secret != "":
		return errors.New("hook.url: missing, though hook.secret is set")
	case c.Owner.ByMail() && !c.Email.Enabled():
		return errors.New("email.server: missing, though owners of tokens are to be written to (owner.addresses, owner.domain)")
	case c.Owner.Enabled() && !c.Owner.ByMail():
		return c.ownersHook().Validate()
	}
	return nil
}

// ownersHook is the endpoint that tells owners.
func (c ChannelsConfig) ownersHook() hook.Config {
	h := hook.DefaultConfig().Named("owner")
	h.URL, h.Secret, h.Timeout = c.Owner.URL, c.Owner.Secret, c.Owner.Timeout
	h.Access = guard.Access{AllowPrivate: c.Owner.AllowPrivate, Allow: c.Owner.Allow}
	return h
}

// outfit is what channels need of the program around them.
type outfit struct {
	log   *slog.Logger
	topic func(name string) ocsf.Writer
}

// blurred reports pictures that could not be sent. The message itself is there.
func (o outfit) blurred(channel string) func(error) {
	return func(err error) {
		o.log.Warn("an alert went out without its picture", "destination", channel, "error", err)
	}
}

// notifiers makes one of each channel that is configured.
func (c ChannelsConfig) notifiers(o outfit) (list []alert.Notifier, err error) {
	add := func(n alert.Notifier, problem error) {
		list, err = append(list, n), errors.Join(err, problem)
	}
	if c.Discord.Enabled() {
		n, problem := discord.New(c.Discord, discord.WithBlurred(o.blurred("discord")))
		add(n, problem)
	}
	if c.PagerDuty.Enabled() {
		n, problem := pagerduty.New(c.PagerDuty)
		add(n, problem)
	}
	if c.Hook.Enabled() {
		n, problem := hook.New(c.Hook)
		add(n, problem)
	}
	if c.OCSF.Topic != "" {
		n, problem := ocsf.NewTopic(c.OCSF, version(), o.topic(c.OCSF.Topic))
		add(n, problem)
	}
	if c.OCSF.URL != "" {
		n, problem := ocsf.NewEndpoint(c.OCSF, version())
		add(n, problem)
	}
	if c.Syslog.Enabled() {
		n, problem := syslog.New(c.Syslog)
		add(n, problem)
	}
	c.mails(o, add)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// mails makes what writes to the SOC and to owners: both need the mail server.
func (c ChannelsConfig) mails(o outfit, add func(alert.Notifier, error)) {
	var mailer owner.Mailer
	if c.Email.Enabled() {
		n, err := email.New(c.Email, email.WithBlurred(o.blurred("email")))
		if mailer = n; len(c.Email.To) > 0 || err != nil {
			add(n, err)
		}
	}
	if !c.Owner.Enabled() {
		return
	}
	var poster owner.Poster
	if !c.Owner.ByMail() {
		n, err := hook.New(c.ownersHook())
		if poster = n; err != nil {
			add(n, err)
			return
		}
	}
	n, err := owner.New(c.Owner, mailer, poster)
	add(n, err)
}

// topicWriter writes to a topic of the Kafka that the program works with. That is known, and the
// topic made where it is missing, only when the first record comes.
type topicWriter struct {
	name       string
	partitions int
	reach      func() (kafka.Config, error)

	mu       sync.Mutex
	producer *kafka.Producer
}

func (w *topicWriter) Write(ctx context.Context, key, value []byte) error {
	producer, err := w.open(ctx)
	if err != nil {
		return err
	}
	return producer.Produce(ctx, []kafka.Record{{Key: key, Value: value}})
}

func (w *topicWriter) open(ctx context.Context) (*kafka.Producer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.producer != nil {
		return w.producer, nil
	}
	k, err := w.reach()
	if err != nil {
		return nil, err
	}
	if _, err := kafka.EnsureTopics(ctx, k, kafka.TopicPlan{Key: "ocsf.topic", Name: w.name, Partitions: w.partitions}); err != nil {
		return nil, err
	}
	if w.producer, err = producerOf(k, w.name); err != nil {
		return nil, fmt.Errorf("ocsf.topic: %w", err)
	}
	return w.producer, nil
}
