package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// letter writes why an entry is refused, and what to do.
func (t *narrator) letter(at string, l *schema.DeadLetter) {
	if t.json {
		t.encode(letterLine(at, l))
		return
	}
	fmt.Fprintf(t.out, "✗ %s   %s: refused, %s\n", at, l.Source, l.Reason)
	fmt.Fprintf(t.out, "    %-12s %s\n", "why", l.Detail)
	if advice := advice(format.Reason(l.Reason)); advice != "" {
		fmt.Fprintf(t.out, "    %-12s %s\n", "what to do", advice)
	}
	if reason := format.Reason(l.Reason); reason == format.NoToken || reason == format.UnknownFormat {
		if fields := fieldsOf(l.Payload); fields != "" {
			fmt.Fprintf(t.out, "    %-12s %s\n", "its fields", fields)
		}
	}
	const enough = 400 // bytes of a payload
	payload := l.Payload
	if len(payload) > enough {
		payload = strings.ToValidUTF8(payload[:enough], "") + "…"
	}
	fmt.Fprintf(t.out, "    %-12s %s\n", "record", strings.Join(strings.Fields(payload), " "))
	for i := range t.outlines {
		if t.outlines[i].Item == l.Item {
			fmt.Fprintln(t.out, "    Besides it says:")
			t.columns(&t.outlines[i])
		}
	}
	fmt.Fprintln(t.out)
}

func advice(reason format.Reason) string {
	switch reason {
	case format.NoToken:
		return "have the gateway log the header that carries the key, or the consumer; if the record has it, name its field in ingest.token_fields or ingest.consumer_fields (?name for a parameter of the query string)"
	case format.NoTime, format.BadTime:
		return "have the gateway log the time of the request; a layout of your own can be declared in ingest.custom (time, time_layout)"
	case format.UnknownFormat:
		return "name the format with --format, or declare yours in ingest.custom: say which of its fields are the token or the consumer, the time, client_ip, uri and status"
	case format.BadLine:
		return "give the log_format that wrote it as `line` in ingest.custom, and name that format"
	case format.BadJSON:
		return "was the record cut off or joined with another? In NGINX's log_format, escape=json keeps quotes from breaking it"
	case format.TooLarge:
		return "keep bodies and prompts out of the log, or raise ingest.max_record_bytes"
	case format.BadStatus:
		return "if another field has the HTTP status, declare the format in ingest.custom"
	case ingest.ReasonInternal:
		return "this is a fault of tokenwatch's own: report it with the line above; the record stays in Kafka, and can be replayed once that is mended"
	case format.Empty:
		return "see what the producer sends: such a record holds nothing"
	}
	return ""
}

// maxFields bounds how many fields of a refused record are listed.
const maxFields = 40

// fieldsOf lists the fields of a refused entry, by the paths that token_fields takes.
func fieldsOf(payload string) string {
	var entry map[string]any
	payload = strings.ReplaceAll(payload, ":***", ":null") // what was blanked whole
	if json.Unmarshal([]byte(payload), &entry) != nil {
		return ""
	}
	paths := paths(entry, "", 3)
	if more := len(paths) - maxFields; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:maxFields], ", "), more)
	}
	return strings.Join(paths, ", ")
}

func paths(entry map[string]any, before string, depth int) []string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(entry)) {
		path := before + strings.ReplaceAll(key, ".", `\.`)
		if inner, ok := entry[key].(map[string]any); ok && depth > 1 {
			all = append(all, paths(inner, path+".", depth-1)...)
			continue
		}
		all = append(all, path)
	}
	return all
}
