package alert

import "github.com/tokenwatch/tokenwatch/schema"

// Label names what kind of thing a piece of evidence says, as messages do: "New place".
func Label(e schema.Evidence) string { return label(e) }
