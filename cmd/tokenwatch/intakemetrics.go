package main

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// intakeMetrics is the push.Observer.
type intakeMetrics struct {
	requests *prometheus.CounterVec
	records  prometheus.Counter
	bytes    prometheus.Counter
}

func newIntakeMetrics(registry *prometheus.Registry) intakeMetrics {
	m := intakeMetrics{
		requests: counter("intake_requests_total", "Requests to /v1/logs, by the answer's status.", "status"),
		records:  prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tokenwatch", Name: "intake_records_total", Help: "Records taken in over HTTP and acknowledged by Kafka."}),
		bytes:    prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tokenwatch", Name: "intake_bytes_total", Help: "Bytes taken in over HTTP, decompressed."}),
	}
	registry.MustRegister(m.requests, m.records, m.bytes)
	return m
}

// Answered counts an answer. There are as many statuses as push gives.
func (m intakeMetrics) Answered(status, records, bytes int) {
	m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	m.records.Add(float64(records))
	m.bytes.Add(float64(bytes))
}
