package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// AuditConfig says how often a running process holds what it has stored of late against
// what it should have.
type AuditConfig struct {
	// Every is the time between two looks; 0 is never. A look that takes long is followed by a
	// longer pause, so that looking takes at most a twentieth of the time.
	Every time.Duration `yaml:"every"`
	// Window is how far back a look goes.
	Window time.Duration `yaml:"window"`
}

func (c AuditConfig) validate() error {
	if c.Every != 0 && c.Every < time.Second {
		return errors.New("audit.every: must be 0 (never) or at least 1s")
	}
	if c.Window < time.Minute || c.Window > 24*time.Hour {
		return errors.New("audit.window: must be between 1m and 24h")
	}
	return nil
}

// auditShare is how many times as long as a look took the pause behind it is at least.
const auditShare = 20

// auditor keeps the metrics gaps and repeats of the partitions that this process works on.
type auditor struct {
	cfg    AuditConfig
	log    *slog.Logger
	audit  func(ctx context.Context, since time.Time) ([]clickhouse.Audit, error)
	status func() []ingest.PartitionStatus

	gaps, repeats *prometheus.GaugeVec // by partition: as many as this process works on
}

// newAuditor makes one whose metrics are registered.
func newAuditor(cfg AuditConfig, log *slog.Logger, db *clickhouse.DB, status func() []ingest.PartitionStatus, registry *prometheus.Registry) *auditor {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tokenwatch", Name: name, Help: help}, []string{"topic", "partition"})
	}
	a := &auditor{
		cfg: cfg, log: log, audit: db.Audit, status: status,
		gaps:    gauge("gaps", "Offsets of the last audit.window that are stored nowhere, for no known reason. More than 0 is a loss: tokenwatch audit tells which."),
		repeats: gauge("repeats", "Entries of the last audit.window that are stored more than once. More than 0 is a defect: tokenwatch audit tells which."),
	}
	registry.MustRegister(a.gaps, a.repeats)
	return a
}

// run looks until ctx ends. A look that fails is made up for by the next one: what keeps ClickHouse from answering is
// for others to tell.
func (a *auditor) run(ctx context.Context) error {
	if a.cfg.Every == 0 {
		return nil
	}
	for pause := a.cfg.Every; ; {
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		begun := time.Now()
		if err := a.look(ctx); err != nil && ctx.Err() == nil {
			a.log.Debug("auditing what was stored of late", "error", err)
		}
		pause = max(a.cfg.Every, auditShare*time.Since(begun))
	}
}

func (a *auditor) look(ctx context.Context) error {
	ours := a.status() // before what is stored is looked at: up to there it is complete
	list, err := a.audit(ctx, time.Now().Add(-a.cfg.Window))
	if err != nil {
		return err
	}
	a.gaps.Reset() // partitions come and go
	a.repeats.Reset()
	for _, s := range ours {
		gaps, repeats := int64(0), uint64(0)
		for i := range list {
			if list[i].Topic == s.Topic && list[i].Partition == s.Partition {
				gaps, repeats = before(list[i].Gaps, s.Next), list[i].Repeats
				a.warn(&list[i], gaps)
			}
		}
		a.gaps.WithLabelValues(s.Topic, strconv.Itoa(int(s.Partition))).Set(float64(gaps))
		a.repeats.WithLabelValues(s.Topic, strconv.Itoa(int(s.Partition))).Set(float64(repeats))
	}
	return nil
}

func (a *auditor) warn(found *clickhouse.Audit, gaps int64) {
	if gaps > 0 || found.Repeats > 0 {
		a.log.Error("what is stored is not what was read; `tokenwatch audit` tells the offsets",
			"topic", found.Topic, "partition", found.Partition, "gaps", gaps, "repeats", found.Repeats)
	}
}

// before counts the offsets of gaps below next. What comes behind it is being stored.
func before(gaps []clickhouse.Range, next int64) (n int64) {
	for _, g := range gaps {
		g.Last = min(g.Last, next-1)
		n += max(0, g.Len())
	}
	return n
}
