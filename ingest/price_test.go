package ingest_test

import (
	"math"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// Units without a cost are priced by their route; a cost that the record has stands.
func TestUnitsArePriced(t *testing.T) {
	d := newDecoder(t, "tokenwatch", func(c *ingest.DecodeConfig) {
		c.Prices = []ingest.Price{{Route: "/v1/embeddings", Input: 0.02}, {Route: "/v1/models/*/completions", Input: 2.5, Output: 10}, {Route: "/v1/*", Input: 1, Output: 1}}
	})
	for fields, want := range map[string]float64{
		`"uri":"/v1/embeddings","units_in":1000000`:                                 0.02,
		`"uri":"/v1/models/gpt-4o/completions?x=1","units_in":1000,"units_out":500`: 0.0075,
		`"uri":"/v1/models/42/completions","units_out":1000000`:                     10,
		`"uri":"/v1/other","units_in":500000,"units_out":500000`:                    1,
		`"uri":"/v2/other","units_in":500000`:                                       0,
		`"uri":"/v1/other/deeper","units_in":500000`:                                0,
		`"uri":"/v1/embeddings"`:                                                    0,
		`"uri":"/v1/embeddings","units_in":1000000,"cost_usd":0.5`:                  0.5,
		`"uri":"/v1/embeddings","cost_usd":0.5`:                                     0.5,
		`"uri":"/v1/models/gpt-4o/completions","units_in":4294967295,"units_out":0`: 10737.4182375,
	} {
		for range 2 { // found, and remembered
			b := decode(d, `{"time":1795295472,"consumer":"a",`+fields+`}`)
			if len(b.Events) != 1 {
				t.Fatalf("%s: %+v", fields, b.DeadLetters)
			}
			if have := b.Events[0].CostUSD; math.Abs(have-want) > 1e-9 {
				t.Errorf("%s: %g, want %g", fields, have, want)
			}
		}
	}
	if b := decode(newDecoder(t, "tokenwatch"), `{"time":1795295472,"consumer":"a","uri":"/v1/embeddings","units_in":1000000}`); b.Events[0].CostUSD != 0 {
		t.Errorf("without a table: %g", b.Events[0].CostUSD)
	}
}

func TestPricesThatAreNone(t *testing.T) {
	for want, price := range map[string]ingest.Price{
		`prices: route "/v1/[": syntax error in pattern`:                                          {Route: "/v1/["},
		`prices: route "/v1": want input and output from 0 to 100000 US dollars a million tokens`: {Route: "/v1", Input: -1},
		`prices: route "": want input and output from 0 to 100000 US dollars a million tokens`:    {Output: math.NaN()},
	} {
		cfg := ingest.DefaultDecodeConfig()
		cfg.Prices = []ingest.Price{{Route: "/fine", Input: 1}, price}
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
	}
}
