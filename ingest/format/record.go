package format

import "time"

// Record is what a gateway said about one request, before anything is derived from it.
// A zero field means that the gateway did not say. Byte slices are valid only until emit
// returns: whoever keeps one copies it.
type Record struct {
	Item int    // number of this entry within a batched record, from 0
	Raw  []byte // the entry as it stands in the record
	Err  error  // a *Fault if this entry cannot become an event; the rest is then filled as far as it goes

	Token       []byte   // the credential as it was sent, scheme included: the raw secret
	Credential  []byte   // the gateway's own name of the credential: an id or a hash, not a secret
	Secrets     [][]byte // every credential of the entry, Token among them: must not be stored
	Consumer    []byte   // owner as the gateway names it
	Environment []byte

	Time         time.Time // start of the request, UTC
	Latency      time.Duration
	Peer         []byte // TCP peer: address, possibly with a port
	Client       []byte // client address as the gateway worked it out
	ForwardedFor []byte // X-Forwarded-For as received, several headers joined with a comma
	Forwarded    []byte // Forwarded (RFC 7239), likewise
	Country      []byte // ISO 3166-1 alpha-2 of the peer, as the gateway knows it, in either case
	ASN          uint32 // network of the peer, likewise

	Method    []byte
	URI       []byte // path with its query string, as requested
	Status    uint16 // HTTP status; 0 when the gateway sent none
	BytesIn   uint64
	BytesOut  uint64
	UserAgent []byte
	RequestID []byte

	UnitsIn  uint32 // LLM tokens of the prompt
	UnitsOut uint32 // LLM tokens of the answer
	CostUSD  float64

	clock     []byte // the text that Time was read from
	query     []byte // query string that stands apart from URI
	captured  []byte // headers that HAProxy captured
	parts     [][]byte
	until     []byte // the text of the request's end, where its beginning is known
	elsewhere what   // which gateway has a field of the entry that shares most of this table's names; 0 is none
}

// reset empties the record for the next entry and keeps its memory.
func (r *Record) reset(item int) {
	secrets, parts := r.Secrets[:0], r.parts[:0]
	*r = Record{}
	r.Item, r.Secrets, r.parts = item, secrets, parts
}

// maxSecrets bounds how many credentials of one entry are searched for in what is stored.
const maxSecrets = 16

func (r *Record) secret(value []byte) {
	if len(r.Secrets) < maxSecrets {
		r.Secrets = append(r.Secrets, value)
	}
}
