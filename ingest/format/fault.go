package format

// Reason is why a record cannot become an event, in a word that one can count by. It is
// an error, so that callers branch with errors.Is(err, format.BadJSON).
type Reason string

// The reasons, as they stand in the column dead_letters.reason.
const (
	Empty         Reason = "empty"          // no bytes, only white space, or an empty array
	TooLarge      Reason = "too_large"      // longer than max_record_bytes
	BadJSON       Reason = "bad_json"       // not JSON
	BadLine       Reason = "bad_line"       // text, but no line as the format writes it
	UnknownFormat Reason = "unknown_format" // not an object, or one without a single field of the configured format
	NoToken       Reason = "no_token"       // neither a token nor a credential id nor a consumer
	NoTime        Reason = "no_time"        // no field with the time of the request
	BadTime       Reason = "bad_time"       // such a field, but no time in it
	BadStatus     Reason = "bad_status"     // a status that is not a number from 0 to 999
)

// badUTF8 is for the stream, which mends it: no caller sees it.
const badUTF8 Reason = "bad_utf8"

// Reasons lists every reason, for metrics that start at zero.
func Reasons() []Reason {
	return []Reason{Empty, TooLarge, BadJSON, BadLine, UnknownFormat, NoToken, NoTime, BadTime, BadStatus}
}

func (r Reason) Error() string { return string(r) }

// Fault is a Reason with the place where it was found and what to do about it. Its
// detail names offsets and the table's own paths only, never a piece of the record:
// nobody knows yet whether that piece is a secret.
type Fault struct {
	Reason Reason
	Detail string
}

func (f *Fault) Error() string { return string(f.Reason) + ": " + f.Detail }

// Unwrap gives the Reason to errors.Is.
func (f *Fault) Unwrap() error { return f.Reason }
