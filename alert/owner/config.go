package owner

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Config says whether and how the owner of a token is told. Nobody is unless addresses, domain
// or url is set.
type Config struct {
	// Addresses gives owners, as the gateway names them, their e-mail addresses.
	Addresses map[string]string `yaml:"addresses"`

	// Domain makes an address of an owner who has none in addresses: owner@domain. Only names
	// that are plain (letters, digits, dots, dashes) get one.
	Domain string `yaml:"domain"`

	// MinSeverity is the least severe incident that an owner is told of.
	MinSeverity schema.Severity `yaml:"min_severity"`

	// Subject and Template are Go templates for the mail. They know nothing but the fields
	// that Notice has, and if, else and with.
	Subject  string `yaml:"subject"`
	Template string `yaml:"template"`

	// URL is an endpoint of yours that tells the owner, instead of a mail. Requests are signed
	// with Secret after Standard Webhooks.
	URL    string       `yaml:"url"`
	Secret alert.Secret `yaml:"secret"`

	// AllowPrivate and Allow open addresses that are not public for URL.
	AllowPrivate bool     `yaml:"allow_private"`
	Allow        []string `yaml:"allow"`

	// Timeout bounds one call of URL.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig tells nobody.
func DefaultConfig() Config {
	return Config{MinSeverity: schema.SeverityHigh, Subject: defaultSubject, Template: defaultTemplate, Timeout: 10 * time.Second}
}

const (
	defaultSubject  = "Your API token {{.Token}} is used in an unusual way"
	defaultTemplate = `Hello {{.Owner}},

your API token {{.Token}}{{if .Environment}} ({{.Environment}}){{end}} is used in a way that it normally is not:

{{.Sentence}}

{{.Table}}

If this was you, there is nothing to do but to tell us. If it was not, replace the token now and tell us.
{{if .Done}}
{{.Done}}
{{end}}
This is about incident {{.Incident}}.
`
)

// Enabled reports whether anybody is told.
func (c Config) Enabled() bool { return len(c.Addresses) > 0 || c.Domain != "" || c.URL != "" }

// ByMail reports whether mails are written, for which email has to be configured.
func (c Config) ByMail() bool { return c.Enabled() && c.URL == "" }

var domainShape = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	switch {
	case int(c.MinSeverity) >= len(schema.SeverityNames):
		return fmt.Errorf("owner.min_severity: want one of %q", schema.SeverityNames)
	case c.Domain != "" && !domainShape.MatchString(c.Domain):
		return fmt.Errorf("owner.domain: %q is no domain such as example.com", c.Domain)
	case c.URL != "" && (len(c.Addresses) > 0 || c.Domain != ""):
		return errors.New("owner.url: set either this, or owner.addresses and owner.domain for mails")
	case c.Timeout <= 0:
		return fmt.Errorf("owner.timeout: %s is not a positive time", c.Timeout)
	}
	for name, address := range c.Addresses {
		if _, err := mail.ParseAddress(address); err != nil {
			return fmt.Errorf("owner.addresses: %s has %q, which is no address", name, address)
		}
	}
	if _, err := compile(c.Subject); err != nil {
		return fmt.Errorf("owner.subject: %w", err)
	}
	if _, err := compile(c.Template); err != nil {
		return fmt.Errorf("owner.template: %w", err)
	}
	return nil
}
