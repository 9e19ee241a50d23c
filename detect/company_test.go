package detect_test

import (
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestCompany: what is left of a consumer's name without its environment, if that leaves a name.
func TestCompany(t *testing.T) {
	for _, c := range []struct{ consumer, environment, company string }{
		{"acme-prod", "prod", "acme"},
		{"acme.labs_dev", "dev", "acme.labs"},
		{"acme/test", "test", "acme"},
		{"acme", "prod", "acme"},
		{"acme-prod", "", "acme-prod"},
		{"acme-prod", "dev", "acme-prod"},
		{"acmeprod", "prod", "acmeprod"},
		{"ab-prod", "prod", "ab-prod"},
		{"-prod", "prod", "-prod"},
		{"prod", "prod", "prod"},
		{"", "prod", ""},
	} {
		if have := detect.Company(c.consumer, c.environment); have != c.company {
			t.Errorf("%q in %q is of %q, want %q", c.consumer, c.environment, have, c.company)
		}
	}
}

// TestCompanyIsLeftToItsPartition: who is shown the sightings of other partitions does not know how many tokens a company
// has. Two of three hundred are no move.
func TestCompanyIsLeftToItsPartition(t *testing.T) {
	c := detect.NewCampaigns()
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i, environment := range []string{"prod", "dev"} {
		c.See(&schema.Sighting{
			Time: at.Add(time.Duration(i) * time.Minute), Token: tokenOf(environment), Consumer: "acme-" + environment, Environment: environment,
			ASN: 64500, Origin: 3320, OwnAgent: true, OwnClient: true, Score: 1, Active: 150, Tokens: 300,
		})
	}
	if events := c.FleetEvents(at); len(events) != 0 {
		t.Errorf("have %+v", events)
	}
}
