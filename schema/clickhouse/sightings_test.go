package clickhouse_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

func TestSightings(t *testing.T) {
	db := migrated(t)
	seen := func(offset int64) schema.Sighting {
		return schema.Sighting{
			Time: noon, Ingested: noon.Add(time.Second), Token: schema.TokenID{byte(offset)}, Consumer: "acme", Environment: "prod", Topic: "t", Partition: 3, Offset: offset,
			ASN: 64500, Network: "AS64500 Somewhere (hosting)", IP: netip.MustParseAddr("203.0.113.9"), Client: "curl", Score: 0.7, Active: 9, Tokens: 90,
		}
	}
	first, second := []schema.Sighting{seen(1), seen(2)}, []schema.Sighting{seen(3)}
	for _, list := range [][]schema.Sighting{first, nil, first} {
		if err := db.InsertSightings(t.Context(), "t:3:1-2", list); err != nil {
			t.Fatal(err)
		}
	}
	read := func(since time.Time) (list []schema.Sighting, next time.Time) {
		next, err := db.Sightings(t.Context(), since, func(s schema.Sighting) error { list = append(list, s); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return list, next
	}
	have, next := read(time.Time{})
	if !reflect.DeepEqual(have, first) {
		t.Errorf("have %+v, want %+v", have, first)
	}
	if err := db.InsertSightings(t.Context(), "t:3:3-3", second); err != nil {
		t.Fatal(err)
	}
	if have, _ = read(next); len(have) == 0 || !reflect.DeepEqual(have[len(have)-1], second[0]) {
		t.Errorf("have %+v, want %+v among them", have, second)
	}
	later := time.Now().Add(time.Hour)
	if have, next = read(later); len(have) > 0 || !next.Equal(later) {
		t.Errorf("stored in an hour: %+v, next %s", have, next)
	}
}

func TestFleetEvents(t *testing.T) {
	db := migrated(t)
	begins := schema.FleetEvent{ID: "f1", At: noon, Until: noon.Add(time.Hour), Kind: "network", Value: "AS64500", Among: "o:acme\x00prod", Client: "curl"}
	ends := begins
	ends.Until = noon.Add(time.Minute)
	other := schema.FleetEvent{ID: "f2", At: noon.Add(time.Second), Until: noon.Add(time.Hour), Kind: "traffic"}
	for _, list := range [][]schema.FleetEvent{{other, begins}, {ends}, nil, {begins}} {
		if err := db.InsertFleetEvents(t.Context(), list); err != nil {
			t.Fatal(err)
		}
	}
	have, err := db.FleetEvents(t.Context(), time.Time{})
	if want := []schema.FleetEvent{begins, ends, other}; err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v, %v\nwant %+v", have, err, want)
	}
}
