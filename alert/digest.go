package alert

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// message composes what a destination is to be told of one incident next.
func (d *Dispatcher) message(it item, box *outbox) Message {
	inc := it.page.inc
	last, _ := delivery(&inc, box.notifier.Name())
	m := Compose(inc, d.describe)
	m.Ref, m.Link = last.Ref, d.link(inc.ID)
	m.Key = inc.ID + "/" + box.notifier.Name()
	m.Escalated = !last.Notified.IsZero() && inc.Severity > last.Severity
	m.Footer = append(m.Footer, d.tokenLinks(&inc)...)
	if d.picture != nil && !grouped(&inc) {
		m.Picture = func(ctx context.Context) ([]byte, error) { return d.picture(ctx, inc) }
	}
	switch {
	case it.debt == reply:
		m.below(last)
	case it.debt == post && last.Digest != "":
		m.Key += "/" + inc.Severity.String() // a message of its own after a digest
	}
	return m
}

// below makes the message a reply to the one that is there.
func (m *Message) below(last schema.Delivery) {
	m.Kind = KindReply
	if m.Escalated {
		m.Title = clean("NOW "+m.Title, 140)
		m.Key += "/" + m.Incident.Severity.String()
		return
	}
	m.Title = clean("STILL OPEN · "+m.Title, 140)
	m.Key += fmt.Sprintf("/%d", last.Notified.Unix())
}

// link leads to an incident in the console.
func (d *Dispatcher) link(incident string) string {
	if d.cfg.ConsoleURL == "" {
		return ""
	}
	return strings.TrimSuffix(d.cfg.ConsoleURL, "/") + "/incidents/" + incident
}

// digestPrefix tells the keys of digests from those of messages about one incident.
const digestPrefix = "digest-"

// digestKey names a digest by what is in it.
func digestKey(items []item, destination string) string {
	ids := make([]string, len(items))
	for i, it := range items {
		ids[i] = it.id
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(destination + " " + strings.Join(ids, " ")))
	return digestPrefix + hex.EncodeToString(sum[:8])
}

// digestOf is the key of the digest that was announced and of whose end nothing is known.
func digestOf(last schema.Delivery) string {
	if strings.HasPrefix(last.Announced, digestPrefix) {
		return last.Announced
	}
	return ""
}

// digest composes one message about several incidents, the severe ones first.
func (d *Dispatcher) digest(items []item, key string) Message {
	m := Message{Kind: KindDigest, Key: key, Icon: icon(&items[0].page.inc)}
	count := make([]int, len(schema.SeverityNames))
	for _, it := range items {
		inc := &it.page.inc
		count[min(int(inc.Severity), len(count)-1)]++
		m.Entries = append(m.Entries, Entry{
			Incident: inc.ID, Severity: inc.Severity, Icon: icon(inc), Title: title(inc),
			Sentence: clean(sentence(inc), 200), Link: d.link(inc.ID),
		})
	}
	m.Title = plural(uint64(len(items)), "incident") + ": " + counted(count)
	m.Sentence = "Too many at once for a message each. The most severe come first."
	if items[0].group != "" {
		m.Sentence = "Told together, as the route asks. The most severe come first."
	}
	return m
}

// counted writes how many there are of each severity, the worst first.
func counted(count []int) string {
	var parts []string
	for severity := len(count) - 1; severity >= 0; severity-- {
		if count[severity] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[severity], schema.SeverityNames[severity]))
		}
	}
	return strings.Join(parts, ", ")
}
