package ingest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// DecodeConfig says how records become events.
type DecodeConfig struct {
	// Format is the gateway that writes the records: one of format.Names.
	Format string `yaml:"format"`
	// TokenFields and ConsumerFields name the fields that hold the credential and its
	// owner, in place of the format's own: see format.Config.
	TokenFields    []string `yaml:"token_fields"`
	ConsumerFields []string `yaml:"consumer_fields"`
	// Environment is given to events whose records do not tell theirs.
	Environment string `yaml:"environment"`
	// TrustedProxies are addresses and networks of hops whose X-Forwarded-For is believed.
	// Name your proxies here rather than all private networks if callers have private
	// addresses too.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// MaxRecordBytes is the longest record that is decoded; longer ones are dead letters.
	MaxRecordBytes int `yaml:"max_record_bytes"`
	// MaxAge is how long before its ingestion an event may have happened. The time of an
	// older one is clamped, and kept in ts_raw.
	MaxAge time.Duration `yaml:"max_age"`
	// MaxSkew is how far a gateway's clock may be ahead, likewise.
	MaxSkew time.Duration `yaml:"max_skew"`
}

// DefaultDecodeConfig has everything but the format.
func DefaultDecodeConfig() DecodeConfig {
	return DecodeConfig{
		Format:         format.Auto,
		TrustedProxies: DefaultTrustedProxies(),
		MaxRecordBytes: 1 << 20,
		MaxAge:         7 * 24 * time.Hour,
		MaxSkew:        5 * time.Minute,
	}
}

// Validate reports every key that cannot work, by its name in the configuration.
func (c DecodeConfig) Validate() error {
	var errs []error
	if _, err := c.open(); err != nil {
		errs = append(errs, err)
	}
	if _, err := parseTrust(c.TrustedProxies); err != nil {
		errs = append(errs, err)
	}
	if c.MaxRecordBytes < 1<<10 || c.MaxRecordBytes > 1<<30 {
		errs = append(errs, fmt.Errorf("max_record_bytes: %d is not between 1024 and %d", c.MaxRecordBytes, 1<<30))
	}
	if c.MaxAge < time.Minute {
		errs = append(errs, fmt.Errorf("max_age: %s is less than 1m", c.MaxAge))
	}
	if c.MaxSkew < 0 || c.MaxSkew > 24*time.Hour {
		errs = append(errs, fmt.Errorf("max_skew: %s is not between 0s and 24h", c.MaxSkew))
	}
	if len(c.Environment) > maxEnvironment {
		errs = append(errs, fmt.Errorf("environment: longer than %d bytes", maxEnvironment))
	}
	return errors.Join(errs...)
}

func (c DecodeConfig) open() (format.Format, error) {
	return format.Open(c.Format, format.Config{Token: c.TokenFields, Consumer: c.ConsumerFields})
}

// Decoder makes events and dead letters of records. It is safe for concurrent use, and it
// makes the same of the same record and position, but for routes: a template that had no
// room the first time may have some later.
type Decoder struct {
	cfg     DecodeConfig
	pepper  Pepper
	trust   trust
	locator Locator
	routes  *routes

	mu   sync.Mutex
	idle []*decoding // as many as ever were busy at once
}

// NewDecoder checks the configuration and makes a Decoder. A nil Locator leaves places empty.
func NewDecoder(cfg DecodeConfig, pepper Pepper, locator Locator) (*Decoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if pepper.IsZero() {
		return nil, errors.New("pepper_file: no pepper to fingerprint tokens with")
	}
	trust, err := parseTrust(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	d := &Decoder{cfg: cfg, pepper: pepper, trust: trust, locator: locator, routes: newRoutes()}
	d.rest(d.take())
	return d, nil
}

// Decode appends to dst the events and dead letters that the record holds, at least one.
// It never fails, and keeps nothing of value.
func (d *Decoder) Decode(dst *schema.Block, value []byte, pos Position) {
	w := d.take()
	defer d.rest(w)
	w.decode(dst, value, pos)
}

func (d *Decoder) take() *decoding {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.idle); n > 0 {
		w := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return w
	}
	return newDecoding(d)
}

func (d *Decoder) rest(w *decoding) {
	d.mu.Lock()
	d.idle = append(d.idle, w)
	d.mu.Unlock()
}
