package main

import (
	"errors"
	"runtime/debug"
	"slices"
	"strings"
)

type runCommand struct{}

// Run watches until it is told to stop (SIGINT, SIGTERM), and then finishes what it has
// in hand.
func (runCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	log := p.logger(cfg.Log)
	frugal(p.environ)
	a, err := openApp(p.ctx, cfg, log)
	if err == nil {
		log.Info("watching", "version", version(), "topics", a.engines.kafka.Topics(), "group", a.engines.kafka.Group,
			"brokers", a.engines.kafka.Brokers, "channels", a.channels(), "metrics", "http://"+a.listener.Addr().String()+"/metrics")
		a.warn(p.ctx)
		err = a.run(p.ctx)
	}
	if p.ctx.Err() != nil {
		log.Info("stopping")
		err = nil // asked to end: what was under way has been finished or will be repeated
	}
	return errors.Join(err, a.close(p.ctx))
}

// frugal has garbage collected when there is half as much of it as of what is in use, rather than as much. What is in
// use are blocks, which are few, large and used again: collecting them twice as often costs 1% more processor
// time, and keeps a process at full load some 150 MB smaller. The environment's GOGC goes before it.
func frugal(environ []string) {
	if !slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, "GOGC=") }) {
		debug.SetGCPercent(50)
	}
}
