package ingest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
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
	// TimeZone is that of times in records which are text without a zone, as HAProxy's: a
	// name of the IANA database. Empty is UTC.
	TimeZone string `yaml:"time_zone"`
	// Topics says what is different in the records of a topic.
	Topics map[string]TopicConfig `yaml:"topics"`
	// Custom declares formats of gateways that tokenwatch does not know, by their names.
	Custom map[string]format.Custom `yaml:"custom"`
	// Prices tell what LLM tokens cost, where a record says how many there were and not what they cost.
	Prices []Price `yaml:"prices"`
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

// TopicConfig is what is different in one topic. What is left empty is as everywhere.
type TopicConfig struct {
	Format         string   `yaml:"format"`
	TokenFields    []string `yaml:"token_fields"`
	ConsumerFields []string `yaml:"consumer_fields"`
	Environment    string   `yaml:"environment"`
	TimeZone       string   `yaml:"time_zone"`
}

// of is the configuration of one topic. A topic with a format of its own does not take over the
// fields that were named for another one.
func (c DecodeConfig) of(t TopicConfig) DecodeConfig {
	if t.Format != "" && t.Format != c.Format {
		c.Format, c.TokenFields, c.ConsumerFields = t.Format, nil, nil
	}
	if len(t.TokenFields) > 0 {
		c.TokenFields = t.TokenFields
	}
	if len(t.ConsumerFields) > 0 {
		c.ConsumerFields = t.ConsumerFields
	}
	if t.Environment != "" {
		c.Environment = t.Environment
	}
	if t.TimeZone != "" {
		c.TimeZone = t.TimeZone
	}
	c.Topics = nil
	return c
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
	for _, name := range slices.Sorted(maps.Keys(c.Custom)) {
		if err := c.Custom[name].Validate(name); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...) // whoever uses them would only say so again
	}
	if err := c.validateFormat(); err != nil {
		errs = append(errs, err)
	}
	for _, topic := range slices.Sorted(maps.Keys(c.Topics)) {
		if err := c.of(c.Topics[topic]).validateFormat(); err != nil {
			errs = append(errs, fmt.Errorf("topics.%s.%w", topic, err))
		}
	}
	if _, err := parseTrust(c.TrustedProxies); err != nil {
		errs = append(errs, err)
	}
	for _, price := range c.Prices {
		if err := price.validate(); err != nil {
			errs = append(errs, fmt.Errorf("prices: %w", err))
		}
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
	return errors.Join(errs...)
}

// validateFormat checks what may differ from topic to topic.
func (c DecodeConfig) validateFormat() error {
	if _, err := c.open(); err != nil {
		return err
	}
	if len(c.Environment) > maxEnvironment {
		return fmt.Errorf("environment: longer than %d bytes", maxEnvironment)
	}
	return nil
}

func (c DecodeConfig) open() (format.Format, error) {
	return format.Open(c.Format, format.Config{Token: c.TokenFields, Consumer: c.ConsumerFields, Zone: c.TimeZone, Custom: c.Custom})
}

// Decoder makes events and dead letters of records. It is safe for concurrent use, and it
// makes the same of the same record and position, but for routes: a template that had no
// room the first time may have some later.
type Decoder struct {
	cfg      DecodeConfig
	pepper   Pepper
	trust    trust
	locator  Locator
	editions Editions // the locator, if it has some
	routes   *routes
	topics   map[string]*Decoder // those that the configuration names

	// lanes keep what was used for a partition for its next record: what it remembers is about that
	// partition's tokens, and still near that processor.
	lanes [lanes]decodingLane

	mu   sync.Mutex
	idle []*decoding // as many as ever were busy at once
}

// lanes is how many partitions need not share one.
const lanes = 8

// decodingLane fills a line of the processor's cache, or processors that work on different partitions would take the
// line from each other with every record.
type decodingLane struct {
	atomic.Pointer[decoding]
	_ [56]byte
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
	editions, _ := locator.(Editions)
	d := &Decoder{cfg: cfg, pepper: pepper, trust: trust, locator: locator, editions: editions, routes: newRoutes(), topics: map[string]*Decoder{}}
	d.rest(d.take())
	for name, topic := range cfg.Topics {
		own := &Decoder{cfg: cfg.of(topic), pepper: pepper, trust: trust, locator: locator, editions: editions, routes: d.routes}
		own.rest(own.take())
		d.topics[name] = own
	}
	return d, nil
}

// Decode appends to dst the events and dead letters that the record holds, at least one.
// It never fails, and keeps nothing of value.
func (d *Decoder) Decode(dst *schema.Block, value []byte, pos Position) {
	d = d.of(pos.Topic)
	lane := &d.lanes[uint32(pos.Partition)%lanes]
	w := lane.Swap(nil)
	if w == nil {
		w = d.take()
	}
	if sound := w.decode(dst, value, pos); !sound {
		return
	}
	if !lane.CompareAndSwap(nil, w) {
		d.rest(w)
	}
}

// of is the Decoder of a topic.
func (d *Decoder) of(topic string) *Decoder {
	if own, ok := d.topics[topic]; ok {
		return own
	}
	return d
}

// Outline gives, for each entry that is refused only because it does not say whose request
// it was, what else would be known of that request, for people to look at: an event without
// a token, which must not be stored.
func (d *Decoder) Outline(value []byte, pos Position) []schema.Event {
	d = d.of(pos.Topic)
	w := d.take()
	defer d.rest(w)
	w.dst, w.pos = new(schema.Block), pos
	var outlines []schema.Event
	err := w.format.Decode(value, func(r *format.Record) error {
		if !errors.Is(r.Err, format.NoToken) {
			return nil
		}
		w.scrub.Know(r.Secrets)
		e := schema.Event{Ingested: pos.At, Source: w.format.Name(), Topic: pos.Topic, Item: uint32(r.Item)}
		if !r.Time.IsZero() {
			w.stamp(&e, r)
		}
		seen := w.glance(r)
		w.trace(&e, seen.whences, r)
		w.describe(&e, seen, r)
		outlines = append(outlines, e)
		return nil
	})
	if err != nil {
		return nil // the record is refused as a whole
	}
	return outlines
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
