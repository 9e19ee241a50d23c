package simulate

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Kinds of stories.
const (
	NightAbroad = "other country at night" // a thief works while the owner sleeps
	Burst       = "burst"                  // a token is drained as fast as it goes
	ManyHosts   = "many addresses"         // a leaked token is shared
	SlowUse     = "slow use"               // a thief takes care not to be noticed

	Journey   = "traveller"     // a person flies
	LateJob   = "late cron job" // a job starts hours after it was due
	NewOffice = "new office"    // people move to another building
	Deploy    = "deploy"        // a service restarts with a new client
	LaunchDay = "launch day"    // a service has two or three times its customers

	// Of plans only.
	BusinessHours = "business hours"  // a thief keeps the owner's hours, in the owner's country
	OwnNetwork    = "own network"     // a thief sits in the owner's network and uses the owner's program
	RoundTheClock = "round the clock" // a service knows no night
	ClockChange   = "clock change"    // daylight saving time begins or ends
	Holiday       = "public holiday"  // a country has a day off
	EgressSwitch  = "egress switch"   // a company gets another way out
)

// Story is one thing that happens in the live window: a theft, or what merely looks like one.
type Story struct {
	Kind       string
	Theft      bool
	Title      string // one sentence
	Index      int    // of its token (of the first of them) in Tokens
	Token      string // the token's secret
	Credential string // the id by which Kong logs name the token; empty behind NGINX
	Owner      string
	Others     []int     // further tokens that the story touches: colleagues in a new office
	Countries  []string  // from where its requests come, two letters each, sorted
	Start, End time.Time // of what gateways logged
	Requests   int
	// From and To are a planned story's time, in whole seconds around all that belongs to it.
	From, To time.Time
	exact    bool // From and To are to be those of its requests
}

// stage chooses the stories, lays them over the fleet, and counts what they come to. In a small fleet a story may find
// nobody to play in it; it is left out as long as there are four thefts and three confusers.
func (f *Fleet) stage() error {
	d := newDice(f.config.Seed, 0x5709)
	cast := &casting{fleet: f, dice: d, taken: map[int]bool{}}
	acts := []func(*casting, time.Time) error{
		(*casting).lateJob, (*casting).journey, (*casting).newOffice, // these depend most on the hour
		(*casting).nightAbroad, (*casting).burst, (*casting).manyHosts, (*casting).slowUse,
		(*casting).deploy, (*casting).launch,
	}
	starts := cast.starts(len(acts))
	var missing []error
	for i, act := range acts {
		if err := act(cast, starts[i]); err != nil {
			missing = append(missing, err)
		}
	}
	if thefts := f.thefts(); thefts < 4 || len(f.stories)-thefts < 3 {
		return fmt.Errorf("too few stories: %w", errors.Join(missing...))
	}
	f.count()
	slices.SortStableFunc(f.staged, func(a, b request) int { return int(a.end - b.end) })
	return nil
}

func (f *Fleet) thefts() int {
	n := 0
	for _, s := range f.stories {
		if s.Theft {
			n++
		}
	}
	return n
}

// casting finds tokens for stories.
type casting struct {
	fleet *Fleet
	dice  dice
	taken map[int]bool

	// Of plans.
	rented map[string][]*network // by country
	staff  map[*owner][]*token
	// changes of the clocks within the live window, by zone; zero where there is none.
	changes map[string]time.Time
	share   float64   // of the fleet that takes part in a launch
	from    time.Time // when what is cast may begin
}

// starts spreads n beginnings over the first three quarters of the live window, in random order.
func (c *casting) starts(n int) []time.Time {
	starts := make([]time.Time, n)
	for i, slot := range c.dice.Perm(n) {
		part := (float64(slot) + c.dice.Float64()) / float64(n)
		starts[i] = c.at(0.03 + 0.65*part)
	}
	return starts
}

// at is a moment of the live window, 0 its beginning and 1 its end.
func (c *casting) at(part float64) time.Time {
	return c.fleet.config.End.Add(time.Duration(part * float64(c.fleet.config.Live))).Truncate(time.Millisecond)
}

// find picks a token that fits, is in no other story and has been used for two weeks at least; nil when none fits.
func (c *casting) find(fits func(*token) bool) *token {
	if c.fleet.config.Plan != nil {
		return c.search(c.fleet.config.End, fits)
	}
	var all []*token
	for _, t := range c.fleet.tokens {
		old := t.Since.Before(c.fleet.config.End.Add(-14*day)) && t.until.IsZero()
		if old && !c.taken[t.Index] && t.Class != Sparse && fits(t) {
			all = append(all, t)
		}
	}
	if len(all) == 0 {
		return nil
	}
	t := pick(c.dice, all)
	c.taken[t.Index] = true
	return t
}

// tell begins a story about a token and gives its number.
func (c *casting) tell(kind string, theft bool, t *token, title string, words ...any) int {
	f := c.fleet
	f.stories = append(f.stories, Story{
		Kind: kind, Theft: theft, Title: fmt.Sprintf(title, words...), Index: t.Index,
		Token: t.Secret, Credential: t.Credential, Owner: t.Owner,
	})
	return len(f.stories) - 1
}

// count plays the live window with the stories' tokens alone, to know when each story begins and ends.
func (f *Fleet) count() {
	var cast []*token
	for _, s := range f.stories {
		for _, i := range append([]int{s.Index}, s.Others...) {
			cast = append(cast, f.tokens[i])
		}
	}
	reel, where := newReel(f, f.config.End, f.finish(), cast), f.atlas.countries()
	for reel.next() {
		for i := range reel.due {
			if r := &reel.due[i]; r.story != ordinary {
				f.stories[r.story].add(r, where.of(r.from))
			}
		}
	}
}

func (s *Story) add(r *request, country string) {
	at := time.UnixMilli(r.end).UTC()
	if s.Requests == 0 {
		s.Start = at
	}
	s.End = at
	s.Requests++
	if at, known := slices.BinarySearch(s.Countries, country); !known {
		s.Countries = slices.Insert(s.Countries, at, country)
	}
}
