package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

func TestAllowanceCheck(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		kind  schema.AllowKind
		value string
		want  string // of the error; empty: none
	}{
		{schema.AllowCIDR, "203.0.113.0/24", ""}, {schema.AllowCIDR, "2001:db8::1", ""}, {schema.AllowCIDR, "203.0.113", "cidr: "}, {schema.AllowCIDR, "::ffff:1.2.3.4/200", "cidr: "},
		{schema.AllowASN, "64500", ""}, {schema.AllowASN, "as64500", ""}, {schema.AllowASN, "0", "asn: "}, {schema.AllowASN, "AS", "asn: "}, {schema.AllowASN, "-1", "asn: "},
		{schema.AllowCountry, "DE", ""}, {schema.AllowCountry, "de", ""}, {schema.AllowCountry, "DEU", "country: "}, {schema.AllowCountry, "É", "country: "},
		{schema.AllowClient, "curl/8", ""}, {schema.AllowClient, "/8", "client: "}, {schema.AllowClient, "", "client: "},
		{schema.AllowToken, strings.Repeat("ab", 16), ""}, {schema.AllowToken, strings.Repeat("0", 32), "token: "}, {schema.AllowToken, "sk-secret", "token: "},
		{schema.AllowLabel, "consumer=acme-*", ""}, {schema.AllowLabel, "team=x", "label: "}, {schema.AllowLabel, "environment=", "label: "},
		{"planet", "Mars", `"planet": `},
	} {
		a := schema.Allowance{Kind: c.kind, Value: c.value, Owner: "ann", Reason: "moved", At: now, Until: now.Add(time.Hour)}
		err := a.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s %q: have %v, want %q", c.kind, c.value, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "sk-secret") {
			t.Errorf("what may be a token is repeated: %v", err)
		}
	}
	for want, a := range map[string]schema.Allowance{
		"owner: ":  {Kind: schema.AllowCountry, Value: "DE", Reason: "moved"},
		"reason: ": {Kind: schema.AllowCountry, Value: "DE", Owner: "ann"},
		"until: ":  {Kind: schema.AllowCountry, Value: "DE", Owner: "ann", Reason: "moved", At: now, Until: now},
	} {
		if err := a.Check(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("have %v, want %s", err, want)
		}
	}
}
