package simulate

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Config says which fleet to draw.
type Config struct {
	// Seed makes the fleet: owners, people, places, secrets and stories. The same Config gives the same bytes.
	Seed uint64 `yaml:"seed"`
	// Tokens is the size of the fleet, 50 to 1,000,000. Below some 300 New may not find tokens for the stories.
	Tokens int `yaml:"tokens"`
	// End is where history ends and live traffic begins; a whole second.
	End time.Time `yaml:"end"`
	// History is how far the past reaches back from End; at least 15 days, since victims must have one.
	History time.Duration `yaml:"history"`
	// Live is the length of the live window after End; 30 minutes to 24 hours, with a plan up to 400 days.
	Live time.Duration `yaml:"live"`
	// Gateways log the fleet's requests, each those of as many tokens as another; see Gateways. None: nginx and kong.
	Gateways []string `yaml:"gateways"`
	// Plan lays thefts and confusers over the live window. Without one there is one story of each kind that
	// fits into a few hours, for people to look at.
	Plan *Plan `yaml:"-"`
	// Locate, when given, is asked where a location database puts the fleet's addresses; networks that it puts into
	// another country than the built-in table does are not used. Databases change by the month.
	Locate Locate `yaml:"-"`
	// StopClocks makes the same fleet without the changes of the clocks that a plan has: to be held beside it.
	StopClocks bool `yaml:"-"`
}

// DefaultConfig is a fleet of 600 tokens with three weeks of history and two live hours. End must still be set.
func DefaultConfig() Config {
	return Config{Seed: 1, Tokens: 600, History: 21 * day, Live: 2 * time.Hour}
}

// Validate reports the first key that makes no sense.
func (c Config) Validate() error {
	for _, name := range c.Gateways {
		if !slices.Contains(Gateways(), name) {
			return fmt.Errorf("gateways: %q is none of %s", name, strings.Join(Gateways(), ", "))
		}
	}
	switch {
	case c.Tokens < 50 || c.Tokens > 1_000_000:
		return fmt.Errorf("tokens: %d is not between 50 and 1000000", c.Tokens)
	case c.End.IsZero():
		return fmt.Errorf("end: missing: the time at which history ends")
	case c.End.Before(epoch()) || c.End.Year() > 2200:
		return fmt.Errorf("end: %v is not between 2025 and 2200", c.End)
	case c.Plan != nil && (c.History < 6*time.Hour || c.History > 400*day || c.Live < 6*time.Hour || c.Live > 400*day):
		return fmt.Errorf("history and live: %v and %v are not between 6h and 9600h each", c.History, c.Live)
	case c.Plan != nil:
		return c.Plan.validate()
	case c.History < 15*day || c.History > 400*day:
		return fmt.Errorf("history: %v is not between 360h and 9600h", c.History)
	case c.Live < 30*time.Minute || c.Live > day:
		return fmt.Errorf("live: %v is not between 30m and 24h", c.Live)
	}
	return nil
}

// Fleet is a population of tokens. Its methods may be used from several goroutines at once.
type Fleet struct {
	config  Config
	atlas   *atlas
	api     [endpoints]endpoint
	owners  []*owner
	tokens  []*token
	outages []outage
	remote  int // people who live where no office is, so far
	stories []Story
	staged  []request // what thieves do, drawn beforehand
	visits  []visit   // what thieves of a plan do, in the order of time
	kongs   [endpoints]kongRoute
	writers map[string]writer
	// The kinds of people and of services of a planned fleet.
	rhythms  []rhythm
	climates []climate
}

// New draws a fleet. It takes well under a second for some thousands of tokens.
func New(config Config) (*Fleet, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("simulated fleet: %w", err)
	}
	config.End = config.End.UTC().Truncate(time.Second)
	world, err := loadAtlas(config.Locate)
	if err != nil {
		return nil, fmt.Errorf("simulated fleet: %w", err)
	}
	if len(config.Gateways) == 0 {
		config.Gateways = []string{"nginx", "kong"}
	}
	f := &Fleet{config: config, atlas: world, api: api(), writers: writers(), rhythms: rhythms(), climates: climates()}
	f.outages = outages(config.Seed, f.begin().Add(-day), f.finish().Add(day))
	f.routes()
	f.populate()
	stage := f.stage
	if config.Plan != nil {
		stage = f.carryOut
	}
	if err := stage(); err != nil {
		return nil, fmt.Errorf("simulated fleet: %w", err)
	}
	if config.StopClocks {
		f.stopClocks()
	}
	return f, nil
}

// Begin is when the history begins.
func (f *Fleet) Begin() time.Time { return f.begin() }

func (f *Fleet) begin() time.Time  { return f.config.End.Add(-f.config.History) }
func (f *Fleet) finish() time.Time { return f.config.End.Add(f.config.Live) }

// Record is one gateway record, as it would lie in Kafka.
type Record struct {
	Time  time.Time // when the gateway logged it
	Key   []byte    // names the token without being it: a hash; shared by all its records, not to be changed
	Value []byte    // the record in its gateway's format
	Token int       // index into Tokens
	Story int       // index into Stories, or -1
}

// Tokens describes every token of the fleet, by index.
func (f *Fleet) Tokens() []Token {
	all := make([]Token, len(f.tokens))
	for i, t := range f.tokens {
		all[i] = t.Token
	}
	return all
}

// Stories lists the thefts and what only looks like theft, all within the live window.
func (f *Fleet) Stories() []Story { return append([]Story(nil), f.stories...) }

// History gives everything before End, in time order.
func (f *Fleet) History() iter.Seq[Record] { return f.play(f.begin(), f.config.End, f.tokens...) }

// Live gives everything from End to the window's end, in time order: ordinary life and the stories.
func (f *Fleet) Live() iter.Seq[Record] { return f.play(f.config.End, f.finish(), f.tokens...) }

// All gives History and Live in one: what takes long, as jobs and thefts do, goes on across the border.
func (f *Fleet) All() iter.Seq[Record] { return f.play(f.begin(), f.finish(), f.tokens...) }

func (f *Fleet) play(from, to time.Time, cast ...*token) iter.Seq[Record] {
	return func(yield func(Record) bool) {
		reel := newReel(f, from, to, cast)
		for reel.next() {
			for i := range reel.due {
				if !yield(f.record(reel, &reel.due[i])) {
					return
				}
			}
		}
	}
}

// record renders a request in the format of its gateway.
func (f *Fleet) record(reel *reel, r *request) Record {
	t := f.tokens[r.token]
	reel.reserve()
	start := len(reel.page)
	reel.page = t.write(f, reel.page, r)
	end := len(reel.page)
	return Record{
		Time: time.UnixMilli(r.end).UTC(), Key: t.key, Value: reel.page[start:end:end],
		Token: int(r.token), Story: int(r.story),
	}
}
