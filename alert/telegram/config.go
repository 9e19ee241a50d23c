package telegram

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Config says where in Telegram incidents are posted. Without token, Telegram is not used.
type Config struct {
	// Token is the bot's token, as @BotFather gives it ("123456:ABC-DEF…").
	Token alert.Secret `yaml:"token"`

	// ChatID is the chat's number (negative for groups) or a public channel's "@name". The
	// bot has to be a member, in a channel an administrator.
	ChatID string `yaml:"chat_id"`

	// ThreadID is the topic within a forum group, 0 for none.
	ThreadID int `yaml:"thread_id"`

	// AllowedUsers are the ids (numbers) of those who may press the buttons below messages. Without any there are no
	// buttons.
	AllowedUsers []int64 `yaml:"allowed_users"`

	// APIURL is the base URL of the Bot API, to be changed for one's own Bot API server,
	// a proxy or a test.
	APIURL string `yaml:"api_url"`

	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig uses api.telegram.org and posts nowhere.
func DefaultConfig() Config {
	return Config{APIURL: "https://api.telegram.org", Timeout: 10 * time.Second}
}

// Enabled reports whether Telegram is to be used.
func (c Config) Enabled() bool { return c.Token != "" }

// The token becomes part of a URL, so its shape is checked and not only its presence.
var (
	tokenShape = regexp.MustCompile(`^[0-9]+:[A-Za-z0-9_-]+$`)
	chatShape  = regexp.MustCompile(`^(-?[0-9]+|@[A-Za-z0-9_]+)$`)
)

// Validate reports the first key whose value makes no sense. It never quotes the token.
func (c Config) Validate() error {
	switch {
	case c.Token == "":
		return errors.New("telegram.token: missing; @BotFather gives one")
	case !tokenShape.MatchString(c.Token.Reveal()):
		return errors.New("telegram.token: does not look like a bot token (123456:ABC-DEF…)")
	case c.ChatID == "":
		return errors.New("telegram.chat_id: missing; want a chat's number or a channel's @name")
	case !chatShape.MatchString(c.ChatID):
		return fmt.Errorf("telegram.chat_id: %q is neither a number nor a @name", c.ChatID)
	case c.ThreadID < 0:
		return fmt.Errorf("telegram.thread_id: %d is negative", c.ThreadID)
	case !isURL(c.APIURL):
		return fmt.Errorf("telegram.api_url: %q is not a URL such as https://api.telegram.org", c.APIURL)
	case c.Timeout <= 0:
		return fmt.Errorf("telegram.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
