package alert

// What tests look at beyond the exported surface.
var Clean = clean

const (
	MaxEvidence = maxEvidence
	MaxFindings = maxFindings
	MaxNames    = maxNames
	MaxText     = maxText
)

// ParseEntry reads a record of the incidents topic.
func ParseEntry(key string, value []byte) (id string, revision uint64, err error) {
	e, err := parseEntry(key, value)
	return e.ID, e.Revision, err
}
