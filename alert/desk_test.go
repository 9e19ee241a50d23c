package alert_test

import (
	"context"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// desk is a channel with every ability: it takes replies and digests, and finds its own messages.
type desk struct {
	channel
	entries int                                      // of a digest
	find    func(key string) (ref string, err error) // nil finds nothing
	lookups int
}

func (d *desk) Replies() bool      { return true }
func (d *desk) DigestEntries() int { return d.entries }

func (d *desk) Find(_ context.Context, m alert.Message) (string, error) {
	d.mu.Lock()
	d.lookups++
	d.mu.Unlock()
	if d.find == nil {
		return "", nil
	}
	return d.find(m.Key)
}

// told counts by incident how often it was posted, alone or in a digest.
func (d *desk) told() map[string]int {
	told := map[string]int{}
	for _, c := range d.heard() {
		switch {
		case c.m.Kind == alert.KindDigest:
			for _, e := range c.m.Entries {
				told[e.Incident]++
			}
		case c.m.Kind == alert.KindIncident && c.m.Ref == "":
			told[c.m.Incident.ID]++
		}
	}
	return told
}

// kinds lists what was heard: post, edit, reply, digest.
func (d *desk) kinds() (list []string) {
	for _, c := range d.heard() {
		switch {
		case c.m.Kind == alert.KindDigest:
			list = append(list, "digest")
		case c.m.Kind == alert.KindReply:
			list = append(list, "reply")
		case c.m.Ref == "":
			list = append(list, "post")
		default:
			list = append(list, "edit")
		}
	}
	return list
}

// office is where orders come from.
type office struct {
	mu       sync.Mutex
	silences []schema.Silence
	retries  []schema.Retry
}

func (o *office) Silences(context.Context) ([]schema.Silence, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.silences, nil
}

func (o *office) Retries(_ context.Context, since time.Time) (list []schema.Retry, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.retries {
		if !r.At.Before(since) {
			list = append(list, r)
		}
	}
	return list, nil
}

func (o *office) order(change func(*office)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}
