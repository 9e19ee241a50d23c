package schema

import (
	"net/netip"
	"time"
)

// Event is one request made with one token. Its fields are the columns of the events
// table, in the same order and units. A zero field means that the gateway did not say.
type Event struct {
	Time     time.Time // event time, clamped to what ingest accepts as plausible
	TimeRaw  time.Time // the time in the log; zero unless Time was clamped
	Ingested time.Time // the block's time; decides the partition

	Token       TokenID
	KeyID       uint16  // names the pepper that Token was made with
	Former      TokenID // under the former pepper while peppers are being rotated; zero otherwise
	TokenHint   string  // issuer's prefix and last four characters, e.g. "hf_…x9Qz"
	Consumer    string  // the owner as the gateway names it
	Environment string  // prod, dev, test, ...
	Source      string  // format the record was decoded with
	Credential  string  // the gateway's own id of the credential, which is no secret; not stored with events

	IP        netip.Addr
	IPFrom    IPFrom
	IPSpoofed bool // the trusted part of the forwarding chain contradicts itself
	Place

	Method    string
	Route     string // template, e.g. /v1/models/{id}
	Path      string // path as requested, secrets in its query removed
	Status    uint16
	BytesIn   uint64
	BytesOut  uint64
	Latency   time.Duration // stored in microseconds
	UserAgent string
	Client    string // product and major version, e.g. "curl/8"

	UnitsIn  uint32 // LLM tokens of the prompt
	UnitsOut uint32 // LLM tokens of the answer
	CostUSD  float64

	RequestID string
	Topic     string
	Partition int32
	Offset    int64
	Item      uint32 // number of this entry within a batched record
}

// Place is what the address databases know about an address.
type Place struct {
	Country    string // ISO 3166-1 alpha-2, upper case
	Region     string
	City       string
	Lat, Lon   float32 // degrees; both 0 when the databases do not know
	AccuracyKM uint16  // radius in which the address is likely to be; 0 unknown
	ASN        uint32
	ASOrg      string
	Network    Network
}

// Located reports whether the databases gave coordinates.
func (p Place) Located() bool { return p.Lat != 0 || p.Lon != 0 }

// DeadLetter is a record, or one entry of a batched record, that could not become an
// Event. Its payload has been scrubbed of secrets before it got here.
type DeadLetter struct {
	Ingested  time.Time
	Topic     string
	Partition int32
	Offset    int64
	Item      uint32
	Source    string // format that was tried
	Reason    string // a word one can count by, e.g. "bad_json"
	Detail    string // what exactly was wrong, and where
	Payload   string // scrubbed and truncated
	Size      uint32 // bytes of the record as it arrived
}

// Block is a run of contiguous offsets of one partition with everything that was in
// them. It is stored whole or not at all, and a replay builds the same block again.
type Block struct {
	Topic       string
	Partition   int32
	First, Last int64 // both inclusive
	Ingested    time.Time
	Packed      Packed `json:"-"` // events that precede those in Events, if a store packs them; else nil
	Events      []Event
	Texts       Texts `json:"-"` // of Events: their paths and ids of requests
	DeadLetters []DeadLetter
	Missing     []Missing // offsets before the block's last that held no record
}
