package alert

import (
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Route says who is told of the incidents that match it. The first route that matches counts, and in it the first of
// its own routes that does; what a route leaves out it takes from the one around it. Incidents that no route matches
// are told everywhere, but for fleet events: they are probably harmless, and only a route that speaks of
// kind, such as kind=fleet, leads them anywhere.
type Route struct {
	Match     Matchers `yaml:"match"`
	Receivers []string `yaml:"receivers"` // channels, such as slack; [none] for nobody
	// Continue has the routes behind this one looked at as well.
	Continue bool `yaml:"continue"`
	// GroupWait holds a first message back, to gather what belongs to it. Incidents of one route that wait at the end
	// of it are told together.
	GroupWait time.Duration `yaml:"group_wait"`
	// Digest tells of new incidents once in that time only, together.
	Digest time.Duration `yaml:"digest"`
	// Repeat reminds of an incident that nobody has acknowledged, where the channel can post below a message.
	Repeat time.Duration `yaml:"repeat"`
	Routes []Route       `yaml:"routes"`
}

// Receiver is what applies to one channel, whichever way an incident came there.
type Receiver struct {
	// Quiet are hours in which only what is at least as severe as Wake goes out. The rest waits for their end.
	Quiet    []QuietHours    `yaml:"quiet"`
	TimeZone string          `yaml:"time_zone"` // of Quiet; UTC if empty
	Wake     schema.Severity `yaml:"wake"`      // critical if it is left out
	// Fallback is told in its place of what cannot be delivered here.
	Fallback string `yaml:"fallback"`
}

// nobody is a receiver's name that stands for none.
const nobody = "none"

// Decision is what routes, receivers and silences make of an incident at one destination.
type Decision struct {
	Tell     bool          // the routes lead there
	After    time.Time     // hold it back until then; zero or past: do not
	Why      string        // what holds it back
	Silenced bool          // a silence does
	Group    string        // what waits under one name goes out together; empty: alone
	Repeat   time.Duration // remind after so long; 0: never
}

// Decide is pure: what it makes of an incident depends on nothing but its arguments. Since is when the destination
// was to be told first, told whether it has been.
func (c Config) Decide(inc *schema.Incident, destination string, silences []Silence, told bool, since, now time.Time) Decision {
	route, name, found := c.route(inc, destination)
	fallback := c.fallsBack(inc, destination)
	if !found && !told && !fallback {
		return Decision{}
	}
	d := Decision{Tell: true, Repeat: route.Repeat}
	if !told && !fallback {
		d.gather(route, name, since)
	}
	receiver := c.Receivers[destination]
	if end := receiver.quiet(inc, now); end.After(d.After) {
		d.After, d.Why = end, "quiet hours"
	}
	for _, s := range silences {
		if until := s.Holds(inc, now); until.After(d.After) {
			d.After, d.Why, d.Silenced = until, "silenced by "+s.By+": "+s.Reason, true
		}
	}
	return d
}

func (d *Decision) gather(route Route, name string, since time.Time) {
	if route.GroupWait > 0 {
		d.After, d.Why, d.Group = since.Add(route.GroupWait), "group_wait", name
	}
	if route.Digest > 0 {
		d.After, d.Why, d.Group = since.Truncate(route.Digest).Add(route.Digest), "digest", name
	}
}

// quiet is when the receiver may be disturbed again; zero: at any time.
func (r Receiver) quiet(inc *schema.Incident, now time.Time) time.Time {
	wake := r.Wake
	if wake == schema.SeverityInfo {
		wake = schema.SeverityCritical
	}
	if len(r.Quiet) == 0 || inc.Severity >= wake {
		return time.Time{}
	}
	zone, err := time.LoadLocation(r.TimeZone)
	if err != nil {
		zone = time.UTC // Validate has refused it
	}
	return quietUntil(r.Quiet, zone, now)
}

// fallsBack reports whether the destination has to stand in for one that gave up.
func (c Config) fallsBack(inc *schema.Incident, destination string) bool {
	return slices.ContainsFunc(inc.Deliveries, func(d schema.Delivery) bool {
		return d.FellBack && c.Receivers[d.Destination].Fallback == destination
	})
}

// route finds the route that leads the incident to the destination, and a name for it.
func (c Config) route(inc *schema.Incident, destination string) (Route, string, bool) {
	leaves := walk(c.Routes, Route{}, "", inc, inc.Kind != schema.FindingFleet)
	if len(leaves) == 0 && inc.Kind != schema.FindingFleet {
		return Route{}, "", true
	}
	for _, leaf := range leaves {
		if len(leaf.Receivers) == 0 || slices.Contains(leaf.Receivers, destination) {
			return leaf.Route, leaf.name, true
		}
	}
	return Route{}, "", false
}

type leaf struct {
	Route
	name string
}

// walk gathers the innermost routes that match. A route is passed over that is not open to the incident: to fleet
// events only those are which speak of kind, and those within them.
func walk(routes []Route, around Route, name string, inc *schema.Incident, open bool) []leaf {
	var leaves []leaf
	for i, r := range routes {
		if !r.Match.Matches(inc) {
			continue
		}
		open := open || r.Match.about("kind")
		r, at := r.within(around), fmt.Sprintf("%s/%d", name, i)
		inner := walk(r.Routes, r, at, inc, open)
		if inner == nil && open {
			inner = []leaf{{r, at}}
		}
		if inner == nil {
			continue
		}
		if leaves = append(leaves, inner...); !r.Continue {
			break
		}
	}
	return leaves
}

// within fills in what the route leaves out.
func (r Route) within(around Route) Route {
	if len(r.Receivers) == 0 {
		r.Receivers = around.Receivers
	}
	if r.GroupWait == 0 {
		r.GroupWait = around.GroupWait
	}
	if r.Digest == 0 {
		r.Digest = around.Digest
	}
	if r.Repeat == 0 {
		r.Repeat = around.Repeat
	}
	return r
}

func (c Config) validateRoutes() error {
	for name, r := range c.Receivers {
		if _, err := time.LoadLocation(r.TimeZone); err != nil {
			return fmt.Errorf("alert.receivers.%s.time_zone: %q is none; want e.g. Europe/Berlin", name, r.TimeZone)
		}
		if r.Fallback == name {
			return fmt.Errorf("alert.receivers.%s.fallback: a channel cannot stand in for itself", name)
		}
	}
	return validRoutes(c.Routes, "alert.routes")
}

func validRoutes(routes []Route, key string) error {
	for i, r := range routes {
		at := fmt.Sprintf("%s[%d]", key, i)
		switch {
		case r.GroupWait < 0 || r.Digest < 0 || r.Repeat < 0:
			return fmt.Errorf("%s: group_wait, digest and repeat must not be negative", at)
		case r.Repeat > 0 && r.Repeat < time.Minute:
			return fmt.Errorf("%s.repeat: %s is less than 1m", at, r.Repeat)
		case slices.Contains(r.Receivers, nobody) && len(r.Receivers) > 1:
			return fmt.Errorf("%s.receivers: none stands alone", at)
		}
		if err := validRoutes(r.Routes, at+".routes"); err != nil {
			return err
		}
	}
	return nil
}

// named checks that every channel that the routes speak of is there.
func (c Config) named(channels []string) error {
	for name, r := range c.Receivers {
		for _, channel := range []string{name, r.Fallback} {
			if channel != "" && !slices.Contains(channels, channel) {
				return fmt.Errorf("alert.receivers.%s: no channel %q is configured; there are %q", name, channel, channels)
			}
		}
	}
	return namedIn(c.Routes, "alert.routes", channels)
}

func namedIn(routes []Route, key string, channels []string) error {
	for i, r := range routes {
		at := fmt.Sprintf("%s[%d]", key, i)
		for _, name := range r.Receivers {
			if name != nobody && !slices.Contains(channels, name) {
				return fmt.Errorf("%s.receivers: no channel %q is configured; there are %q", at, name, channels)
			}
		}
		if err := namedIn(r.Routes, at+".routes", channels); err != nil {
			return err
		}
	}
	return nil
}
