package console

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// problem is one thing that is not as it should be, and what to do about it.
type problem struct {
	Bad  bool   // else it can wait
	Text string // one sentence
	Do   string
	Code string // a command that tells more; may be empty
}

const (
	lagWorth   = 1000             // records that are worth a word
	lagLong    = time.Minute      // to work it off
	lagTooLong = 10 * time.Minute // and this is bad
	slowInsert = 5 * time.Second
	oldPlaces  = 90 * 24 * time.Hour
	littleRoom = 0.10 // of the disk
	noRoom     = 0.03
	queueWaits = 5 * time.Minute
)

// judge lists what is wrong, the bad first. Nothing means that all is well.
func judge(d *systemData) (list []problem) {
	list = append(list, judgeParts(d)...)
	list = append(list, judgeWork(d)...)
	list = append(list, judgeStore(d)...)
	list = append(list, judgeChannels(d)...)
	list = append(list, judgeKnowledge(d)...)
	slices.SortStableFunc(list, func(a, b problem) int {
		switch {
		case a.Bad == b.Bad:
			return 0
		case a.Bad:
			return -1
		}
		return 1
	})
	return list
}

func judgeParts(d *systemData) (list []problem) {
	if len(d.Unknown) > 0 {
		list = append(list, problem{Bad: true, Text: "ClickHouse did not tell: " + strings.Join(d.Unknown, ", ") + ".",
			Do: "What stands below is what this process knows. Look whether ClickHouse runs, and at the log of tokenwatch."})
	}
	for _, i := range d.Alive {
		if i.Silent {
			list = append(list, problem{Text: fmt.Sprintf("Nothing was heard of instance %s for %s.", clip(i.Instance, 80), spanOf(d.Now.Sub(i.At))),
				Do: "If it was stopped on purpose this goes away within a day; others have taken its partitions over. If not, look at its log."})
			continue
		}
		for _, w := range i.Waiting {
			list = append(list, problem{Bad: true, Text: fmt.Sprintf("%s%s: %s", of(d, i.Instance), clip(w.Part, 40), clip(w.Why, 300)),
				Do: partHelp(w.Part)})
		}
	}
	return list
}

// of begins a sentence about one instance of several.
func of(d *systemData, name string) string {
	if d.Several() {
		return clip(name, 60) + ": "
	}
	return ""
}

func partHelp(part string) string {
	switch part {
	case "clickhouse", "inserts":
		return "Nothing is lost: records stay in Kafka until ClickHouse takes them. Look whether it runs, has disk space, and accepts tokenwatch's user."
	case "kafka", "consumer":
		return "Look whether the brokers answer (kafka.brokers), and whether tokenwatch may read the topic as its group."
	case "alerts":
		return "Findings are kept in their topic until then. Look at the findings topic and the group's rights."
	}
	return "The log of tokenwatch says more."
}

func judgeWork(d *systemData) (list []problem) {
	if len(d.Work) == 0 && d.Here.Instance != "" {
		list = append(list, problem{Text: "No partition is read here.", Do: "Another instance may have them all; or this one waits to join the group: the log says which."})
	}
	for _, w := range d.Work {
		name := fmt.Sprintf("%s, partition %d", clip(w.Topic, 80), w.Partition.Partition)
		behind := w.Behind()
		switch {
		case w.Stalled != "": // readiness tells it
		case w.Lag > lagWorth && (behind > lagLong || w.PerSecond == 0):
			text := fmt.Sprintf("%s is %s records behind", name, mustCount(w.Lag))
			if behind > 0 {
				text += fmt.Sprintf(": %s at the rate of now", spanOf(behind))
			}
			list = append(list, problem{Bad: behind > lagTooLong || w.PerSecond == 0, Text: text + ".",
				Do: "Is ClickHouse slow (time to store, below)? Is the machine busy? More instances share the work, up to one a partition."})
		}
		if w.Gaps > 0 || w.Repeats > 0 {
			list = append(list, problem{Bad: true, Text: fmt.Sprintf("%s: %s offsets are stored nowhere, and %s entries more than once.", name, mustCount(w.Gaps), mustCount(w.Repeats)),
				Do: "That should not happen. This tells which:", Code: "tokenwatch audit"})
		}
		if w.Insert > slowInsert {
			list = append(list, problem{Text: fmt.Sprintf("%s: a block takes %s to store.", name, spanOf(w.Insert)),
				Do: "Look at ClickHouse's disks and merges; alerts are as late as blocks are."})
		}
	}
	for _, m := range d.Missing {
		if m.Lost > 0 {
			list = append(list, problem{Bad: true, Text: fmt.Sprintf("%s, partition %d: %s deleted from Kafka unread (last %s UTC).", clip(m.Topic, 80), m.Partition, several(m.Lost, "record was", "records were"), m.Last.UTC().Format("2006-01-02 15:04")),
				Do: "Kafka's retention was shorter than the lag. Lengthen it (retention.ms), and mend what made tokenwatch fall behind."})
		}
	}
	if n := d.RefusedToday(); n > 0 {
		list = append(list, problem{Text: fmt.Sprintf("%s refused in the last 24 hours, most as %s.", several(n, "record was", "records were"), clip(d.Letters[0].Reason, 60)),
			Do: "They are kept, and are in no profile. See why, mend it, and have them read again:", Code: "tokenwatch deadletters list --since 24h"})
	}
	return list
}

func judgeStore(d *systemData) (list []problem) {
	if d.DiskTotal == 0 {
		return nil
	}
	if free := float64(d.DiskFree) / float64(d.DiskTotal); free < littleRoom {
		list = append(list, problem{Bad: free < noRoom, Text: fmt.Sprintf("ClickHouse's disk has %s free of %s.", bytesOf(float64(d.DiskFree)), bytesOf(float64(d.DiskTotal))),
			Do: "Shorten clickhouse.retention, or give it more disk. When it is full nothing is stored, and records wait in Kafka."})
	}
	return list
}

func judgeChannels(d *systemData) (list []problem) {
	if len(d.Channels) == 0 && d.Here.Instance != "" {
		list = append(list, problem{Text: "Nobody is told of incidents: no destination is configured.",
			Do: "Configure slack, telegram, discord, email, pagerduty, hook, ocsf or syslog; then try it:", Code: "tokenwatch check --send-test"})
	}
	for _, c := range d.Channels {
		name := clip(c.Name, 60)
		if c.Failing > 0 {
			list = append(list, problem{Bad: true, Text: fmt.Sprintf("%s: %s since %s UTC: %s", name, several(c.Failing, "delivery fails", "deliveries fail"), c.Since.UTC().Format("2006-01-02 15:04"), clip(c.LastError, 160)),
				Do: "They are tried again by themselves. Once the cause is mended, at once:", Code: "tokenwatch deliveries retry --destination " + name})
		}
		if c.Dead > 0 {
			list = append(list, problem{Bad: true, Text: fmt.Sprintf("%s: %s given up in the last 7 days.", name, several(c.Dead, "delivery was", "deliveries were")),
				Do: "Nobody was told of these there. See which:", Code: "tokenwatch deliveries list --state dead --destination " + name})
		}
		if c.Oldest > queueWaits && c.Failing == 0 {
			list = append(list, problem{Text: fmt.Sprintf("%s: %d incidents wait, the oldest for %s.", name, c.Depth, spanOf(c.Oldest)),
				Do: "The channel's limit may be reached: raise the least severity of its route, or let it gather (alert.routes)."})
		}
	}
	return list
}

func judgeKnowledge(d *systemData) (list []problem) {
	if d.Here.Instance == "" {
		return nil
	}
	city := false
	for _, f := range d.Here.Places {
		city = city || f.Key == "geo.city"
		switch {
		case f.Changed.IsZero():
			list = append(list, problem{Text: clip(f.File, 120) + " (" + f.Key + ") is not there any more.", Do: "What was read from it stays in use until the process ends. Put it back."})
		case !f.Built.IsZero() && d.Now.Sub(f.Built) > oldPlaces:
			list = append(list, problem{Text: fmt.Sprintf("%s (%s) was built %s ago: addresses move.", clip(f.File, 120), f.Key, spanOf(d.Now.Sub(f.Built))),
				Do: "Fetch a newer one; it is swapped in by itself within geo.refresh."})
		}
	}
	if !city {
		list = append(list, problem{Text: "No database tells where addresses are: new places and impossible travel cannot be found.",
			Do: "Configure geo.city and geo.asn; this fetches free ones:", Code: "make setup"})
	}
	for _, i := range d.Alive {
		if i.Evicted > 0 && !i.Silent {
			list = append(list, problem{Text: fmt.Sprintf("%s%s profiles were dropped for want of room.", of(d, i.Instance), mustCount(i.Evicted)),
				Do: "Their tokens are learnt anew when they come back. Raise detect.max_tokens, at about 1 KiB a token and partition."})
		}
	}
	return list
}

// several writes a count and what there is of it.
func several(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return mustCount(n) + " " + more
}

// mustCount is countOf for what is a number for certain.
func mustCount(n any) string {
	text, _ := countOf(n)
	return text
}
