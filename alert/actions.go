package alert

import (
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// minuteShown is the shortest stretch of time that is worth writing as from–to.
const minuteShown = time.Minute

// actions says what was done about the token, and never leaves a reader to wonder
// whether anything was.
func actions(inc *schema.Incident, describe func(schema.Delivery) string) []string {
	var list []string
	if line := revocationLine(inc); line != "" {
		list = append(list, clean(line, cellRunes+maxText))
	}
	for _, d := range inc.Deliveries {
		if text := describe(d); text != "" {
			list = append(list, clean(text, cellRunes+100))
		}
	}
	if len(list) == 0 {
		list = append(list, "Nothing was done to the token. "+advice(inc))
	}
	list = append(list, verdictLines(inc)...)
	if inc.State == schema.IncidentResolved {
		return append(list, "Resolved: nothing odd since "+moment(inc.Updated)+".")
	}
	return list
}

// advice is the next step where nothing was done.
func advice(inc *schema.Incident) string {
	if inc.State == schema.IncidentResolved {
		return ""
	}
	if grouped(inc) {
		return "Ask the owners of its tokens; what was not them, revoke, token by token."
	}
	if inc.Consumer == "" {
		return "If its owner does not know of this, revoke it."
	}
	return "Ask " + clean(inc.Consumer, 80) + "; if it was not them, revoke it."
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
