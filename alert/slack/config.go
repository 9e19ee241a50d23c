package slack

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
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

	// AllowedUsers are the ids ("U024BE7LH") of those who may press the buttons below messages. Without any there are no
	// buttons.
	AllowedUsers []string `yaml:"allowed_users"`

	// AppToken is an app-level token ("xapp-…") with the scope connections:write: buttons work through Socket Mode, and
	// Slack needs no address to reach.
	AppToken alert.Secret `yaml:"app_token"`

	// SigningSecret is the app's: buttons work through POST /v1/slack, which Slack has to reach.
	SigningSecret alert.Secret `yaml:"signing_secret"`

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

// Interactive reports whether there are buttons: somebody may press them, and there is a way for what is pressed.
func (c Config) Interactive() bool {
	return c.Enabled() && len(c.AllowedUsers) > 0 && (c.AppToken != "" || c.SigningSecret != "")
}

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
	case c.AppToken != "" && !strings.HasPrefix(c.AppToken.Reveal(), "xapp-"):
		return errors.New("slack.app_token: want an app-level token (xapp-…), which is another one than slack.token")
	case len(c.AllowedUsers) > 0 && c.AppToken == "" && c.SigningSecret == "":
		return errors.New("slack.allowed_users: buttons need slack.app_token (Socket Mode) or slack.signing_secret (HTTP)")
	case slices.Contains(c.AllowedUsers, ""):
		return errors.New("slack.allowed_users: an empty id is nobody's")
	case c.Timeout <= 0:
		return fmt.Errorf("slack.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
