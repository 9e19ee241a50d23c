package board

import (
	"net/netip"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Case says what is to be read about an incident: whose requests, and from when to when. What is counted from sums an
// hour (places, networks, clients, hours) goes back to From; what has to be counted from single requests (routes,
// addresses) to DetailFrom, and up to DetailUntil, which keeps a token with millions of requests a day readable.
type Case struct {
	Incident    string
	Tokens      []schema.TokenID   // every name of the incident's token
	Findings    []schema.FindingID // the newest of them
	From        time.Time          // how far back normal is looked for
	Began       time.Time          // the first evidence: what is told apart as before and since
	Until       time.Time
	DetailFrom  time.Time
	DetailUntil time.Time
}

// Answer is what a panel shows, and the question that gave it.
type Answer[T any] struct {
	SQL  string
	Rows []T
}

// CaseHistory is what is known of a token's requests from sums an hour.
type CaseHistory struct {
	Sum      Answer[CaseSum]  // one row
	Hours    Answer[CaseHour] // the newest first; hours without any are left out
	Week     Answer[CaseWeek]
	Places   Answer[CasePlace]
	Networks Answer[CaseNetwork]
	Clients  Answer[CaseClient]
}

// CaseDetail is what has to be counted from single requests.
type CaseDetail struct {
	Routes    Answer[CaseRoute]
	Addresses Answer[CaseAddress]
}

// CaseSum sums a token's requests before the first evidence, and since.
type CaseSum struct {
	Before, Since         uint64
	BytesOut              uint64 // of those since, like all that follows
	CostUSD               float64
	Units, Errors, Denied uint64
	LastSeen              time.Time
}

// CaseHour is an hour of the clock in which a token was used.
type CaseHour struct {
	At       time.Time
	Requests uint64
	Errors   uint64
	BytesOut uint64
}

// CaseMinute is a minute in which a token was used.
type CaseMinute struct {
	At       time.Time
	Requests uint64
	Errors   uint64
}

// CaseWeek is an hour of the week: how often the token was used in it.
type CaseWeek struct {
	Day, Hour     uint8 // Monday is 1
	Before, Since uint64
}

// Span says when something was first and last seen, and how often before the first evidence and since.
type Span struct {
	Before, Since uint64
	First, Last   time.Time
	BytesOut      uint64 // since
}

// New reports whether it was not seen before the first evidence.
func (s Span) New() bool { return s.Before == 0 && s.Since > 0 }

// CasePlace is a place that a token was used from. It has no coordinates where both are 0.
type CasePlace struct {
	Country, Region, City string
	Lat, Lon              float32
	Span
}

// CaseNetwork is a network that a token was used from.
type CaseNetwork struct {
	ASN     uint32
	Org     string
	Network string // hosting, residential, ...
	Span
}

// CaseClient is a program that a token was used with.
type CaseClient struct {
	Client string
	Span
}

// CaseRoute is what a token was used for.
type CaseRoute struct {
	Method, Route string
	Errors        uint64 // since
	Span
}

// CaseAddress is an address that a token was used from.
type CaseAddress struct {
	IP                 netip.Addr
	Country, City, Org string
	Network            string
	Errors             uint64 // since
	Span
}

// CaseRequest is one request.
type CaseRequest struct {
	At                  time.Time
	Method, Route, Path string
	Status              uint16
	BytesIn, BytesOut   uint64
	Latency             time.Duration
	IP                  netip.Addr
	Country, City, Org  string
	Network             string
	Client, UserAgent   string
	CostUSD             float64
	UnitsIn, UnitsOut   uint32
	RequestID           string
	Topic               string
	Partition           int32
	Offset              int64
	Item                uint32
}

// CaseMark is a place in the list of an incident's requests: behind it the next page begins.
type CaseMark struct {
	At        time.Time
	Topic     string
	Partition int32
	Offset    int64
	Item      uint32
}

// CaseFilter chooses requests. Zero fields choose all.
type CaseFilter struct {
	Status uint16 // 404, or 4 for all of 400 to 499
	Route  string
	IP     netip.Addr
	Behind CaseMark // the page after it; a zero one: the first
	Limit  int
}

// CaseDelivery is what became of an incident at one destination.
type CaseDelivery struct {
	Destination, State, Ref, Digest, Error string
	Revision, Delivered                    uint64
	Attempts                               uint32
	WantedAt, At, NextAt                   time.Time
	FellBack                               bool
}

// CaseFinding is a finding of an incident.
type CaseFinding struct {
	ID         string
	At         time.Time
	Score      float64
	Severity   string
	Summary    string
	Kind       string   // campaign, fleet, or empty for one token's
	Tokens     []string // of a campaign: fingerprints, some
	TokenCount int64
	Topic      string
	Partition  int32
	Offset     int64
}
