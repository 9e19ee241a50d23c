package main

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	models "github.com/tokenwatch/tokenwatch/schema/board"
)

// counters are the metrics of this process as they stand: by name, and by their labels' values as {topic, partition}
// or the first alone. They are as many as the registry has.
type counters struct {
	at    time.Time
	value map[string]map[[2]string]measure
}

type measure struct {
	value float64 // of a counter or a gauge; the sum of a histogram
	times float64 // of a histogram
}

// gather reads a registry. What cannot be gathered is left out: a metric that is missing must not take the page away.
func gather(registry prometheus.Gatherer) counters {
	c := counters{at: time.Now(), value: map[string]map[[2]string]measure{}}
	families, _ := registry.Gather() // what it could gather comes beside the error
	for _, family := range families {
		of := map[[2]string]measure{}
		for _, m := range family.GetMetric() {
			var key [2]string
			kind := ""
			for _, label := range m.GetLabel() {
				switch label.GetName() {
				case "topic", "destination":
					key[0] = label.GetValue()
				case "partition":
					key[1] = label.GetValue()
				case "kind":
					kind = label.GetValue() + " "
				}
			}
			key[0] = kind + key[0]
			was := of[key] // metrics that differ in other labels are added up
			h := m.GetHistogram()
			was.value += m.GetCounter().GetValue() + m.GetGauge().GetValue() + h.GetSampleSum()
			was.times += float64(h.GetSampleCount())
			of[key] = was
		}
		c.value[family.GetName()] = of
	}
	return c
}

func (c counters) sum(name string) (total float64) {
	for _, v := range c.value[name] {
		total += v.value
	}
	return total
}

// of is a partition's.
func (c counters) of(name, topic string, partition int32) measure {
	return c.value["tokenwatch_"+name][[2]string{topic, strconv.Itoa(int(partition))}]
}

// partitions tells how the partitions are that this process reads.
func (v *vitals) partitions(now counters) []models.Partition {
	list := []models.Partition{}
	elapsed := now.at.Sub(v.before.at).Seconds()
	for _, s := range v.app.status() {
		p := models.Partition{
			Topic: s.Topic, Partition: s.Partition, Next: s.Next, Lag: s.Lag(), Since: s.Since,
			Retries: uint64(now.of("insert_retries_total", s.Topic, s.Partition).value),
			Gaps:    int64(now.of("gaps", s.Topic, s.Partition).value), Repeats: int64(now.of("repeats", s.Topic, s.Partition).value),
			Lost: uint64(now.value["tokenwatch_missing_offsets_total"][[2]string{"lost " + s.Topic, strconv.Itoa(int(s.Partition))}].value),
		}
		if s.Stalled != nil {
			p.Stalled = s.Stalled.Error()
		} else {
			p.Since = time.Time{}
		}
		if !v.before.at.IsZero() {
			records := now.of("records_total", s.Topic, s.Partition).value - v.before.of("records_total", s.Topic, s.Partition).value
			p.PerSecond = max(0, records/elapsed)
		}
		p.Insert = mean(now.of("insert_seconds", s.Topic, s.Partition), v.before.of("insert_seconds", s.Topic, s.Partition))
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b models.Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return list
}

// mean is how long the blocks since the look before took; where there was none, all since the start.
func mean(now, before measure) time.Duration {
	if now.times == before.times {
		before = measure{}
	}
	if now.times == before.times {
		return 0
	}
	return time.Duration((now.value - before.value) / (now.times - before.times) * float64(time.Second))
}

// queuesOf tells what waits for each destination.
func queuesOf(c counters) (list []models.Queue) {
	for key, depth := range c.value["tokenwatch_delivery_queue"] {
		age := c.value["tokenwatch_delivery_queue_age_seconds"][key].value
		list = append(list, models.Queue{Destination: key[0], Depth: int(depth.value), Oldest: time.Duration(age * float64(time.Second))})
	}
	slices.SortFunc(list, func(a, b models.Queue) int { return cmp.Compare(a.Destination, b.Destination) })
	return list
}
