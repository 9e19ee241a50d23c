package ingest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestNoTokenSurvivesOtherNames: a credential dies as well where its field is only alike to one that is known, and where
// NGINX has written it byte by byte.
func TestNoTokenSurvivesOtherNames(t *testing.T) {
	bytewise := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, `\x%02X`, c)
		}
		return b.String()
	}
	records := map[string]func(token, text string) string{
		"ECS": func(token, text string) string {
			return `{"@timestamp":"2026-11-22T20:00:00Z","http":{"request":{"method":"GET","headers":{"authorization":` + token + `,"x-else":` + text + `}},"response":{"status_code":200}},"url":{"path":` + text + `},"source":{"ip":"203.0.113.7"}}`
		},
		"Pascal case, refused": func(token, text string) string {
			return `{"RequestId":"r","SourceIp":"203.0.113.7","HttpMethod":"GET","Path":` + text + `,"Status":"200","Api-Key":` + token + `}`
		},
	}
	for kind, token := range planted() {
		for _, name := range []string{format.Auto, "nginx", "aws-apigateway"} {
			d := newDecoder(t, name)
			for _, way := range ways(token) {
				quotedToken, _ := json.Marshal(token)
				text, _ := json.Marshal("/" + way.text)
				for shape, record := range records {
					if leak := leaks(t, decode(d, record(string(quotedToken), string(text))), token); leak != "" {
						t.Fatalf("%s, %s, %s, %s: stored %s", kind, name, shape, way.name, leak)
					}
				}
				for _, end := range []string{`}`, `,"request":"GET / HTTP/1.1","time_iso8601":"2026-11-22T20:00:00Z"}`} {
					record := `{"remote_addr":"203.0.113.7","http_authorization":"` + bytewise(token) + `","http_user_agent":"\x22","uri":"/` + bytewise(token) + `"` + end
					if leak := leaks(t, decode(d, record), token); leak != "" {
						t.Fatalf("%s, %s, byte by byte: stored %s", kind, name, leak)
					}
				}
			}
		}
	}
}
