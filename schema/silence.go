package schema

import "time"

// Silence keeps the incidents that match it from being told to people, until it expires. They are kept all the same.
type Silence struct {
	ID       string    `json:"id"`
	Matchers []string  `json:"matchers"` // all have to match, as alert.ParseMatcher reads them
	By       string    `json:"by"`       // who is answerable for it
	Reason   string    `json:"reason"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Revised  time.Time `json:"revised"` // of the rows of one id, the last revised holds
}

// Retry asks for deliveries that were given up, or wait after a failure, to be tried at once.
type Retry struct {
	Incident    string    `json:"incident"`
	Destination string    `json:"destination"` // empty: all
	By          string    `json:"by"`
	At          time.Time `json:"at"`
}
