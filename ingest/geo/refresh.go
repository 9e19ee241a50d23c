package geo

import (
	"context"
	"os"
	"slices"
	"time"
)

// stamps tell one version of all configured files from another. One that cannot be looked at is nil.
type stamps []os.FileInfo

func stampsOf(cfg Config) stamps {
	files := slices.Concat(cfg.City, cfg.ASN)
	if cfg.Networks != "" {
		files = append(files, cfg.Networks)
	}
	for _, list := range cfg.lists() {
		files = append(files, list.files...)
	}
	all := make(stamps, len(files))
	for i, file := range files {
		if info, err := os.Stat(file); err == nil {
			all[i] = info
		}
	}
	return all
}

// same tells whether these are the same files, untouched. Time and size do not suffice: two versions may be
// written within a tick of the file system's clock.
func (s stamps) same(other stamps) bool {
	return slices.EqualFunc(s, other, func(a, b os.FileInfo) bool {
		if a == nil || b == nil {
			return a == nil && b == nil
		}
		return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
	})
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
	last, refused := l.current.Load().stamps, stamps(nil)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := stampsOf(l.cfg)
		settled := now.same(last)
		last = now
		if settled && !now.same(refused) && l.outdated(now) {
			refused = l.reload(now)
		}
	}
}

func (l *Locator) outdated(now stamps) bool {
	return l.damaged.Load() || !now.same(l.current.Load().stamps)
}

// reload swaps new files in, or returns their stamps when some cannot be used.
func (l *Locator) reload(now stamps) (refused stamps) {
	next, err := load(l.cfg, l.current.Load())
	l.current.Store(next) // also after an error: what can be used of the new files is
	if err != nil {
		l.log.Error("geo: some of the new files cannot be read; the ones in use go on in their place until they are mended", "error", err)
		return now
	}
	l.damaged.Store(false)
	l.log.Info("geo: address databases and lists were replaced", "files", len(next.stamps))
	return nil
}
