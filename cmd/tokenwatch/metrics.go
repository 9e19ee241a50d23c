package main

import (
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// metrics is what Prometheus reads: counters fed by the rooms' observers, and gauges
// read from their states when somebody asks. Labels come from the configuration, the
// broker's partitions and fixed words, never from records.
type metrics struct {
	registry *prometheus.Registry

	records     *prometheus.CounterVec
	bytes       *prometheus.CounterVec
	rows        *prometheus.CounterVec
	deadLetters *prometheus.CounterVec
	missing     *prometheus.CounterVec
	inserts     *prometheus.HistogramVec
	retries     *prometheus.CounterVec
	handled     *prometheus.HistogramVec
	latency     prometheus.Histogram
	looked      prometheus.Histogram

	findings   *prometheus.CounterVec
	accepted   *prometheus.CounterVec
	deliveries *prometheus.CounterVec
	delivery   *prometheus.HistogramVec
	queue      *prometheus.GaugeVec
	queueAge   *prometheus.GaugeVec
	open       prometheus.Gauge
}

// Seconds from a record's append until detection has looked at it, and until its block is stored. What is aimed at, 0.25 and 1.5, is
// a bound of its own: between bounds a histogram only guesses.
var (
	detectedBounds = []float64{.002, .005, .01, .02, .035, .05, .075, .1, .15, .2, .25, .3, .4, .5, .75, 1, 1.5, 2.5, 5, 10, 30, 60}
	storedBounds   = []float64{.01, .025, .05, .1, .2, .35, .5, .75, 1, 1.25, 1.5, 2, 3, 5, 10, 30, 60, 300}
)

func newMetrics() *metrics {
	m := &metrics{
		registry:    prometheus.NewRegistry(),
		records:     counter("records_total", "Records read from Kafka.", "topic", "partition"),
		bytes:       counter("record_bytes_total", "Bytes of records read from Kafka.", "topic", "partition"),
		rows:        counter("rows_total", "Rows stored in ClickHouse.", "table", "topic", "partition"),
		deadLetters: counter("dead_letters_total", "Records that could not become an event, by reason.", "reason"),
		missing:     counter("missing_offsets_total", "Offsets that held no record: lost (deleted before they were read) or absent (compacted, transaction markers).", "topic", "partition", "kind"),
		inserts:     histogram("insert_seconds", "Time to store a block, with repetitions.", prometheus.ExponentialBuckets(0.005, 2, 14), "topic", "partition"),
		retries:     counter("insert_retries_total", "Inserts that failed and were repeated.", "topic", "partition"),
		handled:     histogram("detect_seconds", "Time to hand on the findings of a block that is stored.", prometheus.ExponentialBuckets(0.001, 2, 14), "topic", "partition"),
		latency: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tokenwatch", Name: "append_to_stored_seconds",
			Help: "From the append of a block's first record to Kafka until the block is in ClickHouse.", Buckets: storedBounds}),
		looked: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "tokenwatch", Name: "append_to_detected_seconds",
			Help: "From the append of a record to Kafka until detection has looked at it; of one record in 64.", Buckets: detectedBounds}),
		findings:   counter("findings_total", "Findings, by severity and by each detector that spoke.", "severity", "detector"),
		accepted:   counter("finding_outcomes_total", "What became of findings: opened or merged an incident, known, backfill, minor.", "outcome"),
		deliveries: counter("deliveries_total", "Attempts to deliver an incident.", "destination", "outcome"),
		delivery:   histogram("delivery_age_seconds", "From a change of an incident to the end of an attempt to deliver it.", prometheus.ExponentialBuckets(0.05, 2, 16), "destination"),
		queue: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tokenwatch", Name: "delivery_queue",
			Help: "Incidents that wait for a destination."}, []string{"destination"}),
		queueAge: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tokenwatch", Name: "delivery_queue_age_seconds",
			Help: "How long the oldest incident has waited for a destination that no route, quiet hours or silence holds back."}, []string{"destination"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tokenwatch", Name: "open_incidents", Help: "Incidents that are not resolved."}),
	}
	m.registry.MustRegister(m.records, m.bytes, m.rows, m.deadLetters, m.missing, m.inserts, m.retries, m.handled, m.latency, m.looked,
		m.findings, m.accepted, m.deliveries, m.delivery, m.queue, m.queueAge, m.open,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, reason := range format.Reasons() {
		m.deadLetters.WithLabelValues(string(reason))
	}
	m.deadLetters.WithLabelValues(ingest.ReasonInternal)
	m.deadLetters.WithLabelValues(ingest.ReasonStoreRefused)
	return m
}

// begin shows a partition's counters before anything was counted, so that an alert rule
// can tell none from unknown.
func (m *metrics) begin(topic string, partition int32) {
	p := strconv.Itoa(int(partition))
	m.retries.WithLabelValues(topic, p)
	for _, kind := range []string{"lost", "absent"} {
		m.missing.WithLabelValues(topic, p, kind)
	}
	for _, table := range []string{"events", "dead_letters"} {
		m.rows.WithLabelValues(table, topic, p)
	}
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tokenwatch", Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "tokenwatch", Name: name, Help: help, Buckets: buckets}, labels)
}

// watchState adds the gauges that are read from the pipeline and the profiles.
func (m *metrics) watchState(status func() []ingest.PartitionStatus, profiles func() (int, uint64)) {
	m.registry.MustRegister(&stateCollector{status: status, profiles: profiles,
		lag:     description("lag", "Records in Kafka that are not stored yet.", "topic", "partition"),
		offset:  description("next_offset", "Offset after the last record that was stored and handled.", "topic", "partition"),
		known:   description("profiles", "Profiles of tokens in memory."),
		evicted: description("profiles_evicted_total", "Profiles dropped because detect.max_tokens was reached."),
	})
}

func description(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tokenwatch_"+name, help, labels, nil)
}

type stateCollector struct {
	status                      func() []ingest.PartitionStatus
	profiles                    func() (int, uint64)
	lag, offset, known, evicted *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.lag
	to <- c.offset
	to <- c.known
	to <- c.evicted
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(to chan<- prometheus.Metric) {
	for _, s := range c.status() {
		partition := strconv.Itoa(int(s.Partition))
		to <- prometheus.MustNewConstMetric(c.lag, prometheus.GaugeValue, float64(s.Lag()), s.Topic, partition)
		if s.Next >= 0 { // else nobody knows yet
			to <- prometheus.MustNewConstMetric(c.offset, prometheus.GaugeValue, float64(s.Next), s.Topic, partition)
		}
	}
	known, evicted := c.profiles()
	to <- prometheus.MustNewConstMetric(c.known, prometheus.GaugeValue, float64(known))
	to <- prometheus.MustNewConstMetric(c.evicted, prometheus.CounterValue, float64(evicted))
}

// found counts findings that were stored and handed on.
func (m *metrics) found(findings []schema.Finding) {
	for i := range findings {
		spoke := map[string]bool{}
		for _, e := range findings[i].Evidence {
			if !spoke[e.Detector] {
				spoke[e.Detector] = true
				m.findings.WithLabelValues(findings[i].Severity.String(), e.Detector).Inc()
			}
		}
	}
}

// ingestMetrics is the ingest.Observer.
type ingestMetrics struct {
	*metrics
	log  *slog.Logger
	told *sync.Map // reasons that the log has named; there are as many as format.Reasons
}

func (m ingestMetrics) Fetched(topic string, partition int32, records int, bytes int64) {
	p := strconv.Itoa(int(partition))
	m.records.WithLabelValues(topic, p).Add(float64(records))
	m.bytes.WithLabelValues(topic, p).Add(float64(bytes))
}

func (m ingestMetrics) Missing(topic string, partition int32, from, to int64, lost bool) {
	kind := "absent"
	if lost {
		kind = "lost"
	}
	m.missing.WithLabelValues(topic, strconv.Itoa(int(partition)), kind).Add(float64(to - from))
}

func (m ingestMetrics) Looked(_ string, _ int32, appended time.Time) {
	if !appended.IsZero() {
		m.looked.Observe(time.Since(appended).Seconds())
	}
}

func (m ingestMetrics) Stored(b *schema.Block, appended time.Time, took time.Duration) {
	p := strconv.Itoa(int(b.Partition))
	m.rows.WithLabelValues("events", b.Topic, p).Add(float64(b.Count()))
	m.rows.WithLabelValues("dead_letters", b.Topic, p).Add(float64(len(b.DeadLetters)))
	for i := range b.DeadLetters {
		m.refused(&b.DeadLetters[i])
	}
	m.inserts.WithLabelValues(b.Topic, p).Observe(took.Seconds())
	if !appended.IsZero() {
		m.latency.Observe(time.Since(appended).Seconds())
	}
}

// refused counts a dead letter. The log names each reason once: thousands of them would
// say no more, and none would leave the user to find out from missing rows.
func (m ingestMetrics) refused(d *schema.DeadLetter) {
	m.deadLetters.WithLabelValues(d.Reason).Inc()
	if _, told := m.told.LoadOrStore(d.Reason, true); !told {
		m.log.Warn("records are refused for this reason from now on; all of them are in dead_letters (SELECT * FROM dead_letter_reasons)",
			"reason", d.Reason, "detail", d.Detail, "topic", d.Topic, "partition", d.Partition, "offset", d.Offset)
	}
}

func (m ingestMetrics) Retried(topic string, partition int32, _ error) {
	m.retries.WithLabelValues(topic, strconv.Itoa(int(partition))).Inc()
}

func (m ingestMetrics) Handled(b *schema.Block, took time.Duration) {
	m.handled.WithLabelValues(b.Topic, strconv.Itoa(int(b.Partition))).Observe(took.Seconds())
}

// alertMetrics is the alert.Observer.
type alertMetrics struct{ *metrics }

func (m alertMetrics) Finding(outcome string) { m.accepted.WithLabelValues(outcome).Inc() }

func (m alertMetrics) Delivery(destination, outcome string, age time.Duration) {
	m.deliveries.WithLabelValues(destination, outcome).Inc()
	m.delivery.WithLabelValues(destination).Observe(age.Seconds())
}

func (m alertMetrics) Queue(destination string, depth int, oldest time.Duration) {
	m.queue.WithLabelValues(destination).Set(float64(depth))
	m.queueAge.WithLabelValues(destination).Set(oldest.Seconds())
}

func (m alertMetrics) Open(incidents int) { m.open.Set(float64(incidents)) }
