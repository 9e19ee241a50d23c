package ingest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestNoTokenSurvivesInLines plants tokens in every word of every format's lines, whole
// and broken, alone, among others and within a wrapper, and looks for them in what is stored.
func TestNoTokenSurvivesInLines(t *testing.T) {
	paths, err := filepath.Glob("format/testdata/*/*.log")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d lines, %v", len(paths), err)
	}
	auto := newDecoder(t, format.Auto)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		named := newDecoder(t, filepath.Base(filepath.Dir(path)))
		line, _, _ := strings.Cut(string(text), "\n")
		words := strings.Split(line, " ")
		for kind, token := range planted() {
			if !issued(kind) {
				continue // of others nobody can tell that they are tokens
			}
			for i, old := range words {
				for _, word := range []string{token, strings.Trim(old, `"`) + "?api_key=" + token, `"Bearer ` + token + `"`} {
					words[i] = word
					planted := strings.Join(words, " ")
					words[i] = old
					for _, record := range []string{planted, planted + "\n" + line, planted[:len(planted)-1], `{"log":"` + strings.ReplaceAll(strings.ReplaceAll(planted, `\`, `\\`), `"`, `\"`) + `"}`} {
						for _, d := range []*ingest.Decoder{named, auto} {
							if leak := leaks(t, decode(d, record), token); leak != "" {
								t.Fatalf("%s: %s\nstored %s", path, record, leak)
							}
						}
					}
				}
			}
		}
	}
}

// TestGatewaysPlaceIsTakenWhereNoneIsKnown: Cloudflare knows where its peer is, and knows
// nothing of a client behind that peer.
func TestGatewaysPlaceIsTakenWhereNoneIsKnown(t *testing.T) {
	d := newDecoder(t, "cloudflare")
	for fields, want := range map[string]schema.Place{
		`"ClientIP":"198.51.100.9","ClientCountry":"fr","ClientASN":"64511"`:                                               {Country: "FR", ASN: 64511},
		`"ClientIP":"198.51.100.9","ClientCountry":"xx"`:                                                                   {},
		`"ClientIP":"198.51.100.9","ClientCountry":"france","ClientASN":4294967296`:                                        {},
		`"ClientIP":"203.0.113.7","ClientCountry":"fr","ClientASN":64511`:                                                  {Country: "DE", City: "Berlin", ASN: 64500},
		`"ClientIP":"10.0.0.1","ClientCountry":"fr","ClientASN":64511,"RequestHeaders":{"x-forwarded-for":"198.51.100.9"}`: {},
	} {
		b := decode(d, `{"RayID":"1","EdgeStartTimestamp":1795295472,"ClientMTLSAuthCertFingerprint":"f",`+fields+`}`)
		if len(b.Events) != 1 || b.Events[0].Place != want {
			t.Errorf("%s: have %+v %+v, want %+v", fields, b.Events, b.DeadLetters, want)
		}
	}
}

// TestOutlineSaysWhatElseIsKnown, and nothing of what would be stored, or is refused for
// another reason.
func TestOutlineSaysWhatElseIsKnown(t *testing.T) {
	d := newDecoder(t, "nginx")
	const stranger = `{"msec":"1795295472.5","remote_addr":"203.0.113.7","request_uri":"/a?x=1","status":"200"}`
	for record, want := range map[string]int{
		stranger: 1, "[" + stranger + "," + stranger + "]": 2, `[` + stranger + `,{"consumer":"a","msec":1795295472},{"consumer":"a"},7]`: 1, "[" + stranger + ",": 0, `{}`: 0,
	} {
		got := d.Outline([]byte(record), position())
		if len(got) != want {
			t.Fatalf("%s: %d outlines, want %d", record, len(got), want)
		}
		for _, e := range got {
			if !e.Token.IsZero() || e.Path != "/a?x=1" || e.Country != "DE" || e.Status != 200 || e.Time.IsZero() {
				t.Errorf("%s: %+v", record, e)
			}
		}
	}
}
