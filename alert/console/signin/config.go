package signin

import (
	"errors"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Config says who may come in.
type Config struct {
	// Password signs in the user admin. Empty: one that is generated at the first start.
	Password alert.Secret `yaml:"password"`
	// SessionTTL is how long somebody stays signed in.
	SessionTTL time.Duration `yaml:"session_ttl"`
}

// DefaultConfig has sessions of a working day.
func DefaultConfig() Config { return Config{SessionTTL: 12 * time.Hour} }

// Validate reports the first key whose value makes no sense.
func (c Config) Validate() error {
	if c.SessionTTL <= 0 {
		return errors.New("console.session_ttl: must be above 0")
	}
	return nil
}
