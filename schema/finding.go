package schema

import "time"

// Evidence is one detector's reason to believe that a thief, rather than the token's
// owner, made a request.
type Evidence struct {
	Detector string    `json:"detector"`            // e.g. "new_geo"
	Key      string    `json:"key"`                 // what was odd, e.g. "country:BR"; equal keys are one observation
	Time     time.Time `json:"time"`                // event time at which it was strongest
	LLR      float64   `json:"llr"`                 // ln(P(seen | theft) / P(seen | owner)), in nats
	Seen     string    `json:"seen"`                // in words: "São Paulo, BR"
	Normal   string    `json:"normal"`              // in words: "DE 97 %, FR 3 % over 24 days"
	Attack   string    `json:"attack_id,omitempty"` // MITRE ATT&CK technique

	Simulated bool `json:"simulated,omitempty"` // its detector is on trial: it adds to no alert
}

// FindingKind says what a finding is about.
type FindingKind string

// Kinds of finding.
const (
	FindingToken    FindingKind = ""         // one token
	FindingCampaign FindingKind = "campaign" // many tokens in one pair of hands
	FindingFleet    FindingKind = "fleet"    // one owner's tokens did the same together: benign, as far as one can see
)

// Finding says that a token's evidence adds up to more than its owner would cause.
type Finding struct {
	ID          FindingID  `json:"id"`
	Token       TokenID    `json:"token"`
	KeyID       uint16     `json:"key_id"`          // names the pepper that Token was made with
	Former      TokenID    `json:"former,omitzero"` // under the former pepper while peppers are being rotated
	TokenHint   string     `json:"token_hint"`
	Consumer    string     `json:"consumer"`
	Environment string     `json:"environment"`
	Source      string     `json:"source,omitempty"`     // format of the record that tipped the scale: which gateway it was
	Credential  string     `json:"credential,omitempty"` // the gateway's own id of the credential, where it logs one
	Time        time.Time  `json:"time"`                 // event time of the request that tipped the scale
	Ingested    time.Time  `json:"ingested"`             // its block's time
	Score       float64    `json:"score"`                // 1.0 = enough for an alert
	Severity    Severity   `json:"severity"`
	Summary     string     `json:"summary"`
	Evidence    []Evidence `json:"evidence"` // strongest first
	Seen        Seen       `json:"seen"`
	Normal      Normal     `json:"normal"`
	Topic       string     `json:"topic"`
	Partition   int32      `json:"partition"`
	Offset      int64      `json:"offset"` // record that tipped the scale

	Kind       FindingKind `json:"kind,omitempty"`
	Group      string      `json:"group,omitempty"`       // names the campaign or fleet event, over all of its findings
	Tokens     []TokenID   `json:"tokens,omitempty"`      // of a campaign or a fleet event, Token first; bounded
	TokenCount int         `json:"token_count,omitempty"` // how many there are
	Simulated  bool        `json:"simulated,omitempty"`   // with detectors that are on trial it would be an alert: for the record only
}

// Seen sums up the token's requests since the first piece of the finding's evidence.
type Seen struct {
	Since      time.Time `json:"since"`
	Requests   uint64    `json:"requests"`
	BytesOut   uint64    `json:"bytes_out"`
	CostUSD    float64   `json:"cost_usd"`
	Addresses  int       `json:"addresses"` // distinct, counted up to a bound
	Places     []string  `json:"places"`    // "São Paulo, BR"
	Networks   []string  `json:"networks"`  // "AS14061 DigitalOcean (hosting)"
	Clients    []string  `json:"clients"`
	PeakMinute uint64    `json:"peak_minute"` // most requests within one minute
}

// Normal is a profile in the words of a message: what this token's owner does.
type Normal struct {
	State      ProfileState `json:"state"`
	Since      time.Time    `json:"since"`       // first event ever seen
	LastSeen   time.Time    `json:"last_seen"`   // last event before the finding's evidence began
	Days       int          `json:"days"`        // days on which it was active
	Events     uint64       `json:"events"`      // learnt from
	Hours      [24]float64  `json:"hours"`       // share of activity by hour of day, UTC
	Places     []Share      `json:"places"`      // most used first
	Networks   []Share      `json:"networks"`    // most used first
	Clients    []Share      `json:"clients"`     // most used first
	PerDay     float64      `json:"per_day"`     // requests on an active day, mean
	PeakMinute uint64       `json:"peak_minute"` // most requests within one minute so far
	PeakHour   uint64       `json:"peak_hour"`   // most requests within one hour so far
}

// Share is one value's part of a token's activity.
type Share struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"` // 0..1
}

// ProfileState says how far a profile can be trusted.
type ProfileState string

// States of a profile.
const (
	ProfileLearning ProfileState = "learning" // too little history; leans on its cohort
	ProfileActive   ProfileState = "active"
	ProfileStale    ProfileState = "stale"   // silent for so long that its history says little
	ProfileRenamed  ProfileState = "renamed" // moved to the token's name under a new pepper; has no state
	ProfileDropped  ProfileState = "dropped" // made room for others; has no state
)

// Profile is what detect keeps about one token, as it is stored: a few columns that one
// can query by, and the state that only detect can read.
type Profile struct {
	Topic     string
	Partition int32
	Token     TokenID // the zero token holds what the whole partition shares
	Offset    int64   // last offset of the partition that went into State
	Updated   time.Time
	Status    ProfileState
	Days      uint16
	Events    uint64
	State     []byte
}
