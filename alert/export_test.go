package alert

// What tests look at beyond the exported surface.
var Clean = clean

const (
	MaxEvidence = maxEvidence
	MaxFindings = maxFindings
	MaxNames    = maxNames
	MaxText     = maxText
)
