package ingest_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fastjson"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// BenchmarkDecode measures a format's reader alone against fastjson and encoding/json,
// which extract the same fields, but read no number that is in quotes and no time. Each takes its turn with the same
// records within one run, so that the ratios hold on a machine with other work.
func BenchmarkDecode(b *testing.B) {
	for _, name := range format.Names() {
		documented := "docs.json"
		switch name {
		case "tokenwatch":
			documented = "full.json"
		case "litellm":
			documented = "success.json"
		}
		b.Run(name, func(b *testing.B) { compare(b, name, corpus(b, name, documented)) })
	}
	for _, name := range []string{"nginx", "kong"} {
		b.Run("fleet-"+name, func(b *testing.B) { compare(b, name, fleet(b, name)) })
	}
}

func compare(b *testing.B, name string, records [][]byte) {
	ours, err := format.Lookup(name)
	if err != nil {
		b.Fatal(err)
	}
	emit := func(*format.Record) error { return nil }
	readers := []func([]byte){func(record []byte) {
		if err := ours.Decode(record, emit); err != nil {
			b.Fatal(err)
		}
	}}
	if paths := fields(name); len(paths) > 0 {
		readers = append(readers, byFastjson(b, paths), byEncodingJSON(b, paths))
	}
	costs, turns := make([][]time.Duration, len(readers)), 0
	b.ReportAllocs()
	for b.Loop() {
		records := turnOf(records, turns)
		turns++
		warm(records)
		for i, read := range readers {
			before := processor()
			for _, record := range records {
				read(record)
			}
			costs[i] = append(costs[i], processor()-before)
		}
	}
	median := func(i int) float64 {
		slices.Sort(costs[i])
		return float64(costs[i][turns/2].Nanoseconds()) / turn
	}
	b.ReportMetric(0, "ns/op") // of all three together: says nothing
	b.ReportMetric(median(0), "cpu-ns/row")
	b.ReportMetric(1e9/median(0), "rows/cpu-s")
	if len(readers) > 1 {
		b.ReportMetric(median(1), "fastjson-ns/row")
		b.ReportMetric(median(1)/median(0), "x-fastjson")
		b.ReportMetric(median(2)/median(0), "x-encoding/json")
	}
}

// fields are what a format reads of its documented sample, for the readers that it is compared with.
func fields(name string) [][]string {
	lists := map[string]string{
		"nginx": "msec request_time remote_addr http_x_forwarded_for request_method request_uri status request_length bytes_sent " +
			"http_user_agent request_id consumer http_authorization http_x_api_key",
		"kong": "authenticated_entity.id consumer.username started_at latencies.request client_ip request.headers.x-forwarded-for " +
			"request.method request.uri response.status request.size response.size request.headers.user-agent " +
			"request.headers.authorization request.headers.apikey request.id",
		"litellm": "metadata.user_api_key_hash metadata.user_api_key_alias startTime endTime response_time requester_ip_address " +
			"metadata.user_api_key_request_route status metadata.user_agent prompt_tokens completion_tokens response_cost id trace_id",
		"apisix": "start_time latency client_ip consumer.username request.method request.uri response.status request.size response.size " +
			"request.headers.user-agent request.headers.authorization request.headers.x-forwarded-for route_id",
		"envoy": "start_time duration downstream_remote_address x-forwarded-for x-consumer-id method x-envoy-origin-path response_code " +
			"bytes_received bytes_sent user-agent x-request-id authorization",
		"traefik": "StartUTC Duration ClientAddr ClientHost ClientUsername RequestMethod RequestPath DownstreamStatus " +
			"RequestContentSize DownstreamContentSize request_User-Agent request_Authorization",
		"caddy": "ts duration request.remote_ip request.client_ip request.method request.uri status bytes_read size user_id " +
			"request.headers.User-Agent request.headers.X-Forwarded-For request.headers.Authorization request.headers.X-Api-Key",
		"haproxy": "request_date_ms time_active client_ip http_method http_path http_query status_code bytes_uploaded bytes_read " +
			"consumer user_agent xff",
		"aws-apigateway": "apiKeyId principalId requestTimeEpoch responseLatency ip httpMethod path status responseLength userAgent requestId",
		"cloudflare": "EdgeStartTimestamp OriginResponseDurationMs ClientIP ClientCountry ClientASN ClientRequestMethod ClientRequestURI " +
			"EdgeResponseStatus ClientRequestBytes EdgeResponseBytes ClientRequestUserAgent RayID RequestHeaders.x-api-key",
		"tokenwatch": "time token token_id consumer environment peer_ip client_ip forwarded_for method uri status bytes_in bytes_out " +
			"latency_ms user_agent units_in units_out cost_usd request_id",
	}
	var paths [][]string
	for _, path := range strings.Fields(lists[name]) {
		paths = append(paths, strings.Split(path, "."))
	}
	return paths
}

func byFastjson(b *testing.B, paths [][]string) func([]byte) {
	var p fastjson.Parser
	return func(record []byte) {
		v, err := p.ParseBytes(record)
		if err != nil {
			b.Fatal(err)
		}
		for _, path := range paths {
			field := v.Get(path...)
			if field == nil {
				continue
			}
			switch field.Type() {
			case fastjson.TypeString:
				heard += len(field.GetStringBytes())
			case fastjson.TypeNumber:
				heard += int(field.GetFloat64())
			}
		}
	}
}

// byEncodingJSON reads into a struct of those fields and no others, as one would declare it.
func byEncodingJSON(b *testing.B, paths [][]string) func([]byte) {
	of := structOf(paths)
	return func(record []byte) {
		if err := json.Unmarshal(record, reflect.New(of).Interface()); err != nil {
			b.Fatal(err)
		}
	}
}

func structOf(paths [][]string) reflect.Type {
	var names []string
	below := map[string][][]string{}
	for _, path := range paths {
		if _, known := below[path[0]]; !known {
			names = append(names, path[0])
		}
		below[path[0]] = append(below[path[0]], path[1:])
	}
	members := make([]reflect.StructField, len(names))
	for i, name := range names {
		of := reflect.TypeFor[any]()
		if len(below[name][0]) > 0 {
			of = structOf(below[name])
		}
		members[i] = reflect.StructField{Name: "F" + strconv.Itoa(i), Type: of, Tag: reflect.StructTag(`json:"` + name + `"`)}
	}
	return reflect.StructOf(members)
}
