package alert

import (
	"fmt"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Labels says something of tokens that the gateway does not: which team they belong to, how much depends on them.
// Every rule that matches adds its labels, a later one in place of an earlier.
type Labels struct {
	Match Matchers          `yaml:"match"` // by owner, environment or token
	Set   map[string]string `yaml:"set"`
}

// label gives a new incident the labels of its token.
func (c Config) label(inc *schema.Incident) {
	for _, rule := range c.Labels {
		if !rule.Match.Matches(inc) {
			continue
		}
		if inc.Labels == nil {
			inc.Labels = map[string]string{}
		}
		for name, value := range rule.Set {
			inc.Labels[name] = value
		}
	}
}

func (c Config) validateLabels() error {
	for i, rule := range c.Labels {
		if len(rule.Set) == 0 {
			return fmt.Errorf("alert.labels: entry %d has nothing under set; want e.g. {match: [owner=acme-*], set: {team: billing}}", i+1)
		}
	}
	return nil
}
