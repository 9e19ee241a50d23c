package kong

import (
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// Action is what is done to take a token out of use.
type Action string

// The actions. Only a consumer that was disabled can be given back.
const (
	DeleteCredential Action = "delete_credential" // the one credential
	DisableConsumer  Action = "disable_consumer"  // all requests of its consumer are refused, with the request-termination plugin
	DeleteConsumer   Action = "delete_consumer"   // its consumer, with all its credentials
)

var actions = []Action{DeleteCredential, DisableConsumer, DeleteConsumer}

// Config says where Kong's Admin API is, and what to do there.
type Config struct {
	URL string `yaml:"url"` // http://kong-admin:8001

	// Token is sent as Kong-Admin-Token, where Kong has RBAC.
	Token alert.Secret `yaml:"token"`

	// Workspace is the one of the consumers, where Kong has several.
	Workspace string `yaml:"workspace"`

	// Action is delete_credential, disable_consumer or delete_consumer.
	Action Action `yaml:"action"`

	// Plugin is the kind of credential, as it stands in the path: key-auth, jwt, basic-auth, hmac-auth, ...
	Plugin string `yaml:"plugin"`

	// Timeout bounds one request; an action takes up to three.
	Timeout time.Duration `yaml:"timeout"`
}

// DefaultConfig leads nowhere.
func DefaultConfig() Config {
	return Config{Action: DeleteCredential, Plugin: "key-auth", Timeout: 5 * time.Second}
}

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	if err := guard.CheckURL("revoke.kong.url", c.URL); err != nil {
		return err
	}
	switch {
	case !slices.Contains(actions, c.Action):
		return fmt.Errorf("revoke.kong.action: %q is none of delete_credential, disable_consumer, delete_consumer", c.Action)
	case c.Plugin == "":
		return fmt.Errorf("revoke.kong.plugin: missing; want e.g. key-auth")
	case c.Timeout <= 0:
		return fmt.Errorf("revoke.kong.timeout: %s is not a positive time", c.Timeout)
	}
	return nil
}
