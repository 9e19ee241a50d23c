package clickhouse_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// A token's hours and places come added up, of that token and that time only.
func TestHistory(t *testing.T) {
	db := migrated(t)
	token, other := schema.TokenID{1, 2, 3}, schema.TokenID{9}
	day := noon.Truncate(24 * time.Hour)
	row := func(of schema.TokenID, hour int, country, city string, requests int) {
		exec(t, db, fmt.Sprintf("INSERT INTO activity_hours (token, hour, country, city, requests) VALUES (unhex('%s'), toDateTime(%d, 'UTC'), '%s', '%s', %d)",
			of, day.Add(time.Duration(hour)*time.Hour).Unix(), country, city, requests))
	}
	row(token, 1, "DE", "Berlin", 10)
	row(token, 1, "DE", "Berlin", 5) // a later block of the same hour
	row(token, 1, "FR", "Paris", 2)
	row(token, 3, "BR", "São Paulo", 40)
	row(token, 4, "DE", "Berlin", 1)
	row(token, 9, "DE", "Berlin", 1000) // after what is asked for
	row(token, -9, "DE", "Berlin", 1000)
	row(other, 3, "US", "", 7)

	hours, err := db.RequestHours(t.Context(), token, day, day.Add(9*time.Hour))
	want := []clickhouse.HourCount{{At: day.Add(time.Hour), Requests: 17}, {At: day.Add(3 * time.Hour), Requests: 40}, {At: day.Add(4 * time.Hour), Requests: 1}}
	if err != nil || !reflect.DeepEqual(hours, want) {
		t.Errorf("error %v, hours %v, want %v", err, hours, want)
	}
	places, err := db.RequestPlaces(t.Context(), token, day, day.Add(3*time.Hour+20*time.Minute), day.Add(9*time.Hour))
	wanted := []clickhouse.PlaceCount{
		{City: "São Paulo", Country: "BR", Since: 40}, {City: "Berlin", Country: "DE", Before: 15, Since: 1}, {City: "Paris", Country: "FR", Before: 2},
	}
	if err != nil || !reflect.DeepEqual(places, wanted) {
		t.Errorf("error %v, places %v, want %v", err, places, wanted)
	}
	if none, err := db.RequestHours(t.Context(), schema.TokenID{7}, time.Time{}, day); err != nil || len(none) > 0 {
		t.Errorf("error %v, hours %v", err, none)
	}
}
