package slack

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Config says where in Slack incidents are posted. With neither token nor webhook_url,
// Slack is not used.
type Config struct {
	// Token is a bot token ("xoxb-…") with the scope chat:write. Messages posted with it
	// are edited as an incident develops.
	Token alert.Secret `yaml:"token"`

	// Channel is the channel's id ("C024BE91L") or name. The bot has to be a member.
	Channel string `yaml:"channel"`

	// WebhookURL is an incoming webhook's URL, instead of token and channel. Messages
	// posted that way cannot be edited, so a new one comes when an incident becomes more
	// severe and when it resolves.
	WebhookURL alert.Secret `yaml:"webhook_url"`

	// APIURL is the base URL of Slack's Web API, to be changed for a proxy or a test.
	APIURL string `yaml:"api_url"`

	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig uses slack.com and posts nowhere.
func DefaultConfig() Config {
	return Config{APIURL: "https://slack.com/api/", Timeout: 10 * time.Second}
}

// Enabled reports whether Slack is to be used.
func (c Config) Enabled() bool { return c.Token != "" || c.WebhookURL != "" }

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	switch {
	case !c.Enabled():
		return errors.New("slack.token: missing (or set slack.webhook_url)")
	case c.Token != "" && c.WebhookURL != "":
		return errors.New("slack.webhook_url: set either this or slack.token, not both")
	case c.Token != "" && c.Channel == "":
		return errors.New("slack.channel: missing; want a channel's id, such as C024BE91L")
	case c.WebhookURL != "" && !isURL(c.WebhookURL.Reveal()):
		return errors.New("slack.webhook_url: want a URL such as https://hooks.slack.com/services/…")
	case !isURL(c.APIURL):
		return fmt.Errorf("slack.api_url: %q is not a URL such as https://slack.com/api/", c.APIURL)
	case c.Timeout <= 0:
		return fmt.Errorf("slack.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
