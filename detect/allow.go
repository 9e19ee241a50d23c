package detect

import (
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// What is allowed gives no evidence. An allowance of addresses, a network or a country silences what is said of
// places, one of a client what is said of clients, one of a token or a label everything; one that names detectors
// silences these and no others. It holds for events that were ingested while it did: that is part of the event, so a
// replay is judged as the event was when it came, whatever has been added or removed since.

// maxListed bounds the allow-list. Entries beyond it are not looked at; people make them, a handful a month.
const maxListed = 10_000

// AllowEntry is an entry of the allow-list in the configuration: exactly one of what it may name, and who answers for it.
type AllowEntry struct {
	CIDR    string `yaml:"cidr"`
	ASN     string `yaml:"asn"`
	Country string `yaml:"country"`
	Client  string `yaml:"client"`
	Token   string `yaml:"token"`
	Label   string `yaml:"label"`

	Detectors []string  `yaml:"detectors"` // only these
	Owner     string    `yaml:"owner"`
	Reason    string    `yaml:"reason"`
	Until     time.Time `yaml:"until"`
}

// allowance is the entry as if it had been made at the beginning of time.
func (e *AllowEntry) allowance() (schema.Allowance, error) {
	a := schema.Allowance{Action: schema.AllowAdd, Detectors: e.Detectors, Owner: e.Owner, Reason: e.Reason, Until: e.Until}
	named := 0
	for kind, value := range map[schema.AllowKind]string{
		schema.AllowCIDR: e.CIDR, schema.AllowASN: e.ASN, schema.AllowCountry: e.Country, schema.AllowClient: e.Client, schema.AllowToken: e.Token, schema.AllowLabel: e.Label,
	} {
		if value != "" {
			a.Kind, a.Value = kind, value
			named++
		}
	}
	if named != 1 {
		return a, errors.New("want exactly one of cidr, asn, country, client, token and label")
	}
	return a, nil
}

// allowance is an entry in the form in which events are compared with it.
type allowance struct {
	id          string
	kind        schema.AllowKind
	from, until int64 // ingested after from and not after until, in unix milliseconds
	prefix      netip.Prefix
	asn         uint32
	token       schema.TokenID
	text, label string
	detectors   []string
}

// compile prepares an entry that was checked.
func compile(a *schema.Allowance) allowance {
	c := allowance{id: a.ID, kind: a.Kind, from: math.MinInt64, until: math.MaxInt64, text: a.Value, detectors: a.Detectors}
	if !a.At.IsZero() {
		c.from = a.At.UnixMilli()
	}
	if !a.Until.IsZero() {
		c.until = a.Until.UnixMilli()
	}
	switch a.Kind { // what cannot be read was refused, and if not, allows nothing
	case schema.AllowCIDR:
		c.prefix, _ = schema.ParseCIDR(a.Value)
	case schema.AllowASN:
		c.asn, _ = schema.ParseASN(a.Value)
	case schema.AllowToken:
		c.token, _ = schema.ParseTokenID(a.Value)
	case schema.AllowLabel:
		c.label, c.text, _ = strings.Cut(a.Value, "=")
	case schema.AllowCountry:
		c.text = strings.ToUpper(a.Value)
	}
	return c
}

// Allow tells the engine all changes of the allow-list there are, in the order in which they were made. It
// takes the place of what the engine was told before.
func (e *Engine) Allow(changes []schema.Allowance) { e.rules.listed = entries(changes) }

// entries turns changes into entries with the time in which each holds.
func entries(changes []schema.Allowance) []allowance {
	var made []allowance
	open := map[string]int{}
	for i := range changes {
		c := &changes[i]
		at := c.At.UnixMilli()
		if before, known := open[c.ID]; known { // a change ends what was there
			made[before].until = min(made[before].until, at)
			delete(open, c.ID)
		}
		if c.Action == schema.AllowAdd && len(made) < maxListed {
			open[c.ID] = len(made)
			made = append(made, compile(c))
		}
	}
	return made
}

// allows tells whether an event is what the entry names.
func (a *allowance) allows(ev *schema.Event) bool {
	if at := ev.Ingested.UnixMilli(); at <= a.from || at > a.until {
		return false
	}
	switch a.kind {
	case schema.AllowCIDR:
		return ev.IP.IsValid() && a.prefix.Contains(ev.IP.Unmap().WithZone(""))
	case schema.AllowASN:
		return a.asn != 0 && ev.ASN == a.asn
	case schema.AllowCountry:
		return ev.Country == a.text
	case schema.AllowClient:
		return ev.Client == a.text || product(ev.Client) == a.text
	case schema.AllowToken:
		return ev.Token == a.token || ev.Former == a.token && !a.token.IsZero()
	case schema.AllowLabel:
		if a.label == "consumer" {
			return ev.Consumer != "" && like(a.text, ev.Consumer)
		}
		return ev.Environment != "" && like(a.text, ev.Environment)
	}
	return false
}

// aboutPlaces and aboutClients are what the entries of a kind silence.
var (
	aboutPlaces  = []string{newGeoName, impossibleTravelName, "fan_out", confirmedName}
	aboutClients = []string{newClientName}
)

// silences tells whether an entry that allows an event is about what a detector says.
func (a *allowance) silences(detector string) bool {
	switch {
	case len(a.detectors) > 0:
		return slices.Contains(a.detectors, detector)
	case a.kind == schema.AllowToken, a.kind == schema.AllowLabel:
		return true
	case a.kind == schema.AllowClient:
		return slices.Contains(aboutClients, detector)
	}
	return slices.Contains(aboutPlaces, detector)
}

// allowed are the entries that allow the event at hand, found when they are first asked for.
type allowed struct {
	done    bool
	entries []*allowance
}

// silenced tells whether a detector may say nothing of the event. A place that is allowed is as good as home.
func (l *look) silenced(detector string) bool {
	for _, a := range l.allowances() {
		if a.silences(detector) {
			if detector == newGeoName {
				l.group, l.strange = home, false
			}
			return true
		}
	}
	return false
}

func (l *look) allowances() []*allowance {
	if l.allowed.done {
		return l.allowed.entries
	}
	found := l.rules.buffer[:0]
	for _, entries := range [...][]allowance{l.rules.allow, l.rules.listed} {
		for i := range entries {
			if entries[i].allows(l.event) {
				found = append(found, &entries[i])
			}
		}
	}
	l.rules.buffer = found
	l.allowed = allowed{true, found}
	return found
}
