package main

import "errors"

type runCommand struct{}

// Run watches until it is told to stop (SIGINT, SIGTERM), and then finishes what it has
// in hand.
func (runCommand) Run(p *process) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	log := p.logger(cfg.Log)
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
