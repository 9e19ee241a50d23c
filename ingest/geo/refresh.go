package geo

import (
	"context"
	"os"
	"slices"
	"time"
)

// stamp tells one version of a file from another.
type stamp struct {
	file    string
	size    int64
	changed time.Time
}

// stampsOf looks at all configured files. One that cannot be looked at has an empty stamp.
func stampsOf(cfg Config) []stamp {
	files := slices.Concat(cfg.City, cfg.ASN)
	if cfg.Networks != "" {
		files = append(files, cfg.Networks)
	}
	stamps := make([]stamp, len(files))
	for i, file := range files {
		stamps[i].file = file
		if info, err := os.Stat(file); err == nil {
			stamps[i].size, stamps[i].changed = info.Size(), info.ModTime()
		}
	}
	return stamps
}

// Run looks for newer files until ctx ends, and swaps them in. A file that is being written is left alone until it has
// stayed the same from one look to the next. When new files cannot be used the old ones go on
// serving, and the log says so once.
//
// It looks rather than being told: notifications do not cross network file systems, and Kubernetes swaps a link
// two levels up.
func (l *Locator) Run(ctx context.Context) error {
	if l.cfg.Refresh == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(l.cfg.Refresh)
	defer tick.Stop()
	last, refused := l.current.Load().stamps, []stamp(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := stampsOf(l.cfg)
		settled := slices.Equal(now, last)
		last = now
		if settled && !slices.Equal(now, refused) && l.outdated(now) {
			refused = l.reload(now)
		}
	}
}

func (l *Locator) outdated(now []stamp) bool {
	return l.damaged.Load() || !slices.Equal(now, l.current.Load().stamps)
}

// reload swaps new files in, or returns their stamps when they cannot be used.
func (l *Locator) reload(now []stamp) (refused []stamp) {
	next, err := load(l.cfg)
	if err != nil {
		l.log.Error("geo: keeping the address databases in use, the new ones cannot be read", "error", err)
		return now
	}
	l.current.Store(next)
	l.damaged.Store(false)
	l.log.Info("geo: address databases were replaced", "files", len(next.stamps))
	return nil
}
