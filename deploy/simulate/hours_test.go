package simulate_test

import (
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// TestPlannedPeopleKeepHours: people of a planned fleet live by the rhythms that were measured, in their own time zones,
// and come and go over the fleet's time.
func TestPlannedPeopleKeepHours(t *testing.T) {
	c := planned(6, 500)
	c.History, c.Plan = 14*24*time.Hour, &simulate.Plan{}
	f := fleet(t, c)
	tokens, people := f.Tokens(), &clock{}
	zones := make([]*time.Location, len(tokens))
	for i, token := range tokens {
		zone, err := time.LoadLocation(token.Zone)
		if err != nil {
			t.Fatal(err)
		}
		zones[i] = zone
	}
	for r := range f.History() {
		if token := tokens[r.Token]; token.Class == simulate.Person {
			local := r.Time.In(zones[r.Token])
			people.hours[local.Hour()]++
			people.weekdays[local.Weekday()]++
			people.total++
		}
	}
	if night := people.share(3, 4, 5); night > 0.05 || night < 0.002 {
		t.Errorf("people make %.3f of their requests from 3 to 6 at night", night)
	}
	if work := people.share(9, 10, 11, 12, 13, 14, 15, 16, 17); work < 0.5 || work > 0.8 {
		t.Errorf("people make %.2f of their requests from 9 to 18", work)
	}
	if off := float64(people.weekdays[0]+people.weekdays[6]) / float64(people.total); off < 0.05 || off > 0.25 {
		t.Errorf("%.3f of people's requests fall on Saturday and Sunday", off)
	}
	young := 0
	for _, token := range tokens {
		if token.Since.After(f.Begin()) {
			young++
		}
	}
	if young < 25 || young > 85 {
		t.Errorf("%d of %d tokens are made in the fleet's time", young, len(tokens))
	}
}
