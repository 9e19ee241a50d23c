package format

// table is a format: where in an entry each thing stands, and in which unit.
type table struct {
	name string
	rows []row

	// marks are outermost keys that no other format has, by which auto knows a record.
	marks []string

	// finish settles what rows cannot say, after they have been read.
	finish func(*Record)

	// private names keys whose values are nobody's business, such as prompts: they are
	// blanked in dead letters.
	private []string

	// layouts are the gateway's lines of text, tried in this order; shapes names them.
	layouts []layout
	shapes  string

	// logging says how the gateway is told to log a credential, for whoever has none in the records.
	logging string

	// names tells who chose the keys.
	names naming

	// adapt fits the table to the configuration where that is more than paths.
	adapt func(*table, Config)
}

// row says that the value at path is a what, measured in unit. The first row with a
// usable value wins where several are the same what.
type row struct {
	path string
	what what
	unit unit
}

// what is a thing that a gateway may say about a request.
type what uint8

const (
	token        what = iota // raw credential: identifies the caller
	secret                   // raw credential that identifies nobody here; only kept out of what is stored
	credential               // gateway's id or hash of the credential
	consumer                 //
	environment              //
	started                  // time at which the request began
	ended                    // time at which it was logged; latency before it, it began
	latency                  //
	peer                     // address of the TCP peer
	client                   // address that the gateway took for the client's
	forwardedFor             // X-Forwarded-For
	forwarded                // Forwarded, RFC 7239
	country                  // of the peer
	asn                      // of the peer
	method                   //
	uri                      // path with query string
	query                    // query string, where the path stands alone
	requestLine              // "GET /path HTTP/1.1"
	status                   //
	bytesIn                  //
	bytesOut                 //
	userAgent                //
	requestID                //
	captured                 // headers that HAProxy captured, in braces
	elsewhere                // a field of APISIX, which shares most of this table's names
	envoysOwn                // a field of Envoy, likewise
	haproxysOwn              // of HAProxy
	awsOwn                   // of API Gateway
	unitsIn                  //
	unitsOut                 //
	costUSD                  //
	whats                    // how many there are
)

// isElsewhere tells fields that make a record another gateway's.
func (w what) isElsewhere() bool {
	return w == elsewhere || w == envoysOwn || w == haproxysOwn || w == awsOwn
}

// amounts are those of them that are numbers in some unit, or times, a bit each.
const amounts = 1<<started | 1<<ended | 1<<latency | 1<<asn | 1<<status | 1<<bytesIn | 1<<bytesOut | 1<<unitsIn | 1<<unitsOut | 1<<costUSD

// unit is how a value is written. Numbers may stand in quotes everywhere; "", "-" and
// null mean that the gateway did not say.
type unit uint8

const (
	plain   unit = iota // text, or a number as it is
	seconds             // since the epoch, or lasting so long; fractions allowed
	millis
	micros
	nanos
	guess    // since the epoch, unit told by its magnitude
	outcome  // "success" or "failure"
	answered // a status, or -1 where no answer was sent
	spelt    // a duration in words, "1.2ms", or seconds, or whole nanoseconds
	laid     // a time in the layout that the configuration gives
	told     // lasting so long: seconds where there is a point, milliseconds else, or spelt
)

// Times that are text are told by their looks, whatever the row's unit: see instant.

// scale is the power of ten that turns the unit into nanoseconds.
func (u unit) scale() int {
	switch u {
	case seconds:
		return 9
	case millis:
		return 6
	case micros:
		return 3
	}
	return 0
}
