package discord

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Config says where in Discord incidents are posted. Without webhook_url, Discord is not used.
type Config struct {
	// WebhookURL is a webhook of the channel, as Discord gives it (channel settings,
	// integrations): https://discord.com/api/webhooks/ID/TOKEN. Whoever has it can post.
	WebhookURL alert.Secret `yaml:"webhook_url"`

	// ThreadID is a thread or forum post of the channel, empty for the channel itself.
	ThreadID string `yaml:"thread_id"`

	// APIURL takes the place of what stands before /webhooks/ in webhook_url, for a proxy
	// or a test.
	APIURL string `yaml:"api_url"`

	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig posts nowhere.
func DefaultConfig() Config { return Config{Timeout: 10 * time.Second} }

// Enabled reports whether Discord is to be used.
func (c Config) Enabled() bool { return c.WebhookURL != "" }

var (
	webhookPath = regexp.MustCompile(`/webhooks/([0-9]+)/([A-Za-z0-9_-]+)/?$`)
	threadShape = regexp.MustCompile(`^[0-9]*$`)
)

// Validate reports the first key whose value makes no sense. It never quotes the webhook.
func (c Config) Validate() error {
	switch {
	case c.WebhookURL == "":
		return errors.New("discord.webhook_url: missing")
	case !isURL(c.WebhookURL.Reveal()) || !webhookPath.MatchString(c.WebhookURL.Reveal()):
		return errors.New("discord.webhook_url: want a URL such as https://discord.com/api/webhooks/ID/TOKEN")
	case !threadShape.MatchString(c.ThreadID):
		return fmt.Errorf("discord.thread_id: %q is not a number", c.ThreadID)
	case c.APIURL != "" && !isURL(c.APIURL):
		return fmt.Errorf("discord.api_url: %q is not a URL such as https://discord.com/api", c.APIURL)
	case c.Timeout <= 0:
		return fmt.Errorf("discord.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.User == nil
}

// endpoint is the webhook's URL, at another place if api_url says so.
func (c Config) endpoint() string {
	hook := strings.TrimSuffix(c.WebhookURL.Reveal(), "/")
	if c.APIURL == "" {
		return hook
	}
	return strings.TrimSuffix(c.APIURL, "/") + strings.TrimSuffix(webhookPath.FindString(hook), "/")
}
