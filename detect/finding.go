package detect

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

func (e *Engine) finding(l *look, s *story, score float64, list []schema.Evidence) *schema.Finding {
	ev := l.event
	return &schema.Finding{
		ID: findingID(ev), Token: ev.Token, KeyID: ev.KeyID, Former: ev.Former, TokenHint: ev.TokenHint, Consumer: ev.Consumer, Environment: ev.Environment,
		Source: ev.Source, Credential: ev.Credential,
		Time: ev.Time, Ingested: ev.Ingested, Score: score, Severity: severity(score),
		Summary: e.summary(list), Evidence: list, Seen: s.episode.seen(), Normal: l.normal(s),
		Topic: e.topic, Partition: e.partition, Offset: ev.Offset, Group: l.campaign,
	}
}

// findingID names a finding by the record that caused it, so that a replay of the
// record gives the same name.
func findingID(ev *schema.Event) (id schema.FindingID) {
	h := sha256.New()
	fmt.Fprintf(h, "finding\x00%s\x00", ev.Topic)
	var n [20]byte
	binary.BigEndian.PutUint64(n[:], uint64(ev.Offset))
	binary.BigEndian.PutUint32(n[8:], uint32(ev.Partition))
	binary.BigEndian.PutUint32(n[12:], ev.Item)
	h.Write(n[:])
	h.Write(ev.Token[:])
	copy(id[:], h.Sum(nil))
	return id
}

// summary is one sentence: what is odd, strongest first, and the strongest in detail.
func (e *Engine) summary(list []schema.Evidence) string {
	var parts []string
	told := map[string]bool{}
	for _, reason := range list {
		if !told[reason.Detector] {
			told[reason.Detector] = true
			parts = append(parts, e.phrase(reason.Detector))
		}
	}
	if len(parts) > 1 {
		parts = append(parts[:len(parts)-2], parts[len(parts)-2]+" and "+parts[len(parts)-1])
	}
	return fmt.Sprintf("Used %s: %s (normal: %s)", strings.Join(parts, ", "), list[0].Seen, list[0].Normal)
}

func (e *Engine) phrase(name string) string {
	for _, d := range e.detectors {
		if d.name() == name {
			return d.phrase()
		}
	}
	return name // of a detector that this version no longer has
}

// normal describes the profile as a message shows it.
func (l *look) normal(s *story) schema.Normal {
	p := l.profile
	lastSeen := s.episode.lastSeen
	n := schema.Normal{
		State: p.state(l.now), Since: time.Unix(int64(p.first), 0).UTC(), LastSeen: time.Unix(lastSeen, 0).UTC(),
		Days: int(max(p.days-1, 1)), Events: p.events, // the open day is not history yet
		Places: top(l.shares(cities)), Networks: top(l.shares(networks)), Clients: top(l.shares(clients)),
		PerDay: float64(p.events) / float64(max(p.days, 1)), PeakMinute: uint64(p.rate.spans[1].most()), PeakHour: uint64(p.rate.spans[hour].most()),
	}
	total := 0.0
	for i, c := range p.hours {
		n.Hours[i%24] += float64(c)
		total += float64(c)
	}
	for i := range n.Hours {
		n.Hours[i] /= max(total, 1)
	}
	return n
}

func top(list []schema.Share) []schema.Share { return list[:min(5, len(list))] }
