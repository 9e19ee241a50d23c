package main

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A program at work says of itself what it does, and the others find it in the store.
func TestVitals(t *testing.T) {
	t.Parallel()
	p := start(t, quick(t.TempDir()))
	p.produce(t, `{"time":"2026-11-21T20:15:00Z","token":"hf_notARealTokenJustAnExample00001","peer_ip":"81.2.69.142","method":"GET","uri":"/v1/models","status":200}`, "{broken")
	p.settled(t, 2)
	eventually(t, 20*time.Second, "the process has looked at itself", func() bool {
		v := p.vitals.Vitals()
		return v.Profiles == 1 && v.Resident > 0 && len(v.Engines) == 2 && len(v.Bars) == 5
	})
	v := p.vitals.Vitals()
	insert, next := time.Duration(0), int64(0)
	for _, part := range v.Partitions {
		insert, next = max(insert, part.Insert), next+max(0, part.Next)
	}
	if len(v.Partitions) == 0 || insert <= 0 || insert > time.Minute || next != 2 || v.Instance == "" || v.Version == "" {
		t.Errorf("%+v", v)
	}
	if len(p.vitals.Detectors()) < 10 {
		t.Errorf("detectors: %q", p.vitals.Detectors())
	}
	eventually(t, 40*time.Second, "it has told the others", func() bool {
		list, err := p.engines.db.Instances(t.Context(), time.Now().Add(-time.Minute))
		return err == nil && len(list) == 1 && list[0].Instance == v.Instance
	})
}

// Counters are read by topic, partition and kind, and their rates from one look to the next.
func TestCounters(t *testing.T) {
	m := newMetrics()
	m.records.WithLabelValues("a", "3").Add(10)
	m.missing.WithLabelValues("a", "3", "lost").Add(4)
	m.missing.WithLabelValues("a", "3", "absent").Add(9)
	m.inserts.WithLabelValues("a", "3").Observe(2)
	m.queue.WithLabelValues("slack").Set(5)
	m.queueAge.WithLabelValues("slack").Set(90)
	before := gather(m.registry)
	m.inserts.WithLabelValues("a", "3").Observe(1)
	now := gather(m.registry)
	if got := now.of("records_total", "a", 3).value; got != 10 {
		t.Errorf("%g records", got)
	}
	if got := now.value["tokenwatch_missing_offsets_total"][[2]string{"lost a", "3"}].value; got != 4 {
		t.Errorf("%g lost", got)
	}
	insert, first := now.of("insert_seconds", "a", 3), before.of("insert_seconds", "a", 3)
	if of, all, none := mean(insert, first), mean(insert, insert), mean(measure{}, measure{}); of != time.Second || all != 1500*time.Millisecond || none != 0 {
		t.Errorf("blocks take %s, over all %s, without any %s", of, all, none)
	}
	if queues := queuesOf(now); len(queues) != 1 || queues[0].Destination != "slack" || queues[0].Depth != 5 || queues[0].Oldest != 90*time.Second {
		t.Errorf("%+v", queues)
	}
	if empty := gather(prometheus.NewRegistry()); empty.sum("tokenwatch_profiles") != 0 {
		t.Error("a registry without metrics has some")
	}
}
