package pagerduty

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Config says which PagerDuty service is paged. Without routing_key, PagerDuty is not used.
type Config struct {
	// RoutingKey is the integration key of an Events API v2 integration.
	RoutingKey alert.Secret `yaml:"routing_key"`

	// MinSeverity is the least severe incident that somebody is paged for.
	MinSeverity schema.Severity `yaml:"min_severity"`

	// APIURL is the base URL of the Events API, to be changed for the service region EU
	// (https://events.eu.pagerduty.com), a proxy or a test.
	APIURL string `yaml:"api_url"`

	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig pages nobody; once there is a key, for what is medium or worse.
func DefaultConfig() Config {
	return Config{MinSeverity: schema.SeverityMedium, APIURL: "https://events.pagerduty.com", Timeout: 10 * time.Second}
}

// Enabled reports whether PagerDuty is to be used.
func (c Config) Enabled() bool { return c.RoutingKey != "" }

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	u, err := url.Parse(c.APIURL)
	switch {
	case c.RoutingKey == "":
		return errors.New("pagerduty.routing_key: missing; want the integration key of an Events API v2 integration")
	case int(c.MinSeverity) >= len(schema.SeverityNames):
		return fmt.Errorf("pagerduty.min_severity: want one of %q", schema.SeverityNames)
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return fmt.Errorf("pagerduty.api_url: %q is not a URL such as https://events.pagerduty.com", c.APIURL)
	case c.Timeout <= 0:
		return fmt.Errorf("pagerduty.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}
