package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// outages remembers what is not working at the moment, so that each trouble is logged
// when it begins and when it is over, and not at every attempt in between.
//
// It is keyed by what is affected: the group, or one of the partitions held. It cannot
// grow beyond the partitions of the topic.
type outages struct {
	log  *slog.Logger
	mu   sync.Mutex
	open map[string]outage
}

type outage struct {
	since time.Time
	err   error
	told  bool // in the log; what has not worked yet since the start is not
}

func newOutages(log *slog.Logger) *outages {
	return &outages{log: log, open: map[string]outage{}}
}

// failed notes that something does not work.
func (o *outages) failed(what string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was, known := o.open[what]
	if !known {
		was.since = time.Now()
	}
	if !was.told {
		o.log.Warn("kafka: trouble, trying again until it works", "with", what, "error", err)
	}
	o.open[what] = outage{since: was.since, err: err, told: true}
}

// works notes that something works, again or still.
func (o *outages) works(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	was, known := o.open[what]
	if !known {
		return
	}
	delete(o.open, what)
	if !was.told {
		return
	}
	o.log.Info("kafka: works again", "with", what, "after", time.Since(was.since).Round(time.Millisecond))
}

// forget drops a trouble that is no longer ours, such as that of a partition given away.
func (o *outages) forget(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, what)
}

// err joins all open troubles, nil when there is none.
func (o *outages) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all error
	for _, what := range slices.Sorted(maps.Keys(o.open)) {
		all = errors.Join(all, fmt.Errorf("%s, for %s: %w", what, time.Since(o.open[what].since).Round(time.Second), o.open[what].err))
	}
	return all
}
