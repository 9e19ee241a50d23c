package detect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// countryOf is a place of which only the country is known.
func countryOf(name string, asn uint32) schema.Place {
	return schema.Place{Country: name, ASN: asn, Network: schema.NetworkResidential}
}

// travellers lets 20 tokens live in Germany, of which some go to Austria in the third week, and as many in Austria as
// in Portugal. It returns the day after.
func travellers(e *detect.Engine, many int) time.Time {
	begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	offset := int64(0)
	use := func(name string, at time.Time, place schema.Place) {
		e.Process(&schema.Event{Token: tokenOf(name), Time: at, Ingested: at, Place: place, Topic: "t", Offset: offset})
		offset++
	}
	for day := range 28 {
		for hour := 8; hour < 18; hour++ {
			at := begin.AddDate(0, 0, day).Add(time.Duration(hour) * time.Hour)
			for i := range 20 {
				where := countryOf("DE", 3320)
				if i < many && day >= 15 && day < 17 {
					where = countryOf("AT", 8447)
				}
				use(fmt.Sprint("de", i), at, where)
			}
			for i := range 5 {
				use(fmt.Sprint("at", i), at, countryOf("AT", 8447))
				use(fmt.Sprint("pt", i), at, countryOf("PT", 3243))
			}
		}
	}
	return begin.AddDate(0, 0, 28)
}

// scoreIn is what the first request of a token that never left Germany comes to.
func scoreIn(e *detect.Engine, name string, at time.Time, place schema.Place) float64 {
	e.Process(&schema.Event{Token: tokenOf(name), Time: at, Ingested: at, Place: place, Topic: "t", Offset: 1 << 30})
	return e.Score()
}

// TestWhereOthersWentSaysLess: a German token is no surprise in Austria once others went there, and is one in Portugal.
func TestWhereOthersWentSaysLess(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	at := travellers(e, 8)
	snapshot := e.Snapshot()
	austria := scoreIn(e, "de19", at.Add(10*time.Hour), countryOf("AT", 8447))
	f := detect.New(detect.DefaultConfig(), "t", 0)
	if err := f.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	if again := scoreIn(f, "de19", at.Add(10*time.Hour), countryOf("AT", 8447)); again != austria {
		t.Errorf("%.4f after a restart, %.4f without", again, austria)
	}
	if portugal := scoreIn(f, "de18", at.Add(10*time.Hour), countryOf("PT", 3243)); austria > 0.7*portugal {
		t.Errorf("Austria %.3f, where eight of twenty went, Portugal %.3f, where nobody did", austria, portugal)
	}
}
