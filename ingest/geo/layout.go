package geo

import (
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/tokenwatch/tokenwatch/schema"
)

// layout is one way in which vendors arrange what they know in a record.
type layout struct {
	fits   func(maxminddb.Result) bool
	decode func(maxminddb.Result) (schema.Place, error)
}

// cityLayouts are the flat one of DB-IP's files for city, and the nested one of GeoIP2, GeoLite2 and of DB-IP's
// files that imitate them.
var cityLayouts = []layout{
	{has[string]("country_code"), flat},
	{has[string]("country", "iso_code"), nested},
}

// asnLayouts is what GeoLite2-ASN, GeoIP2-ISP and all who imitate them agree on.
var asnLayouts = []layout{
	{has[uint32]("autonomous_system_number"), asn},
}

// has reports whether a record has a value of that type at that path.
func has[T any](path ...any) func(maxminddb.Result) bool {
	return func(r maxminddb.Result) bool {
		var value *T
		return r.DecodePath(&value, path...) == nil && value != nil
	}
}

func flat(r maxminddb.Result) (schema.Place, error) {
	var record struct {
		Country string  `maxminddb:"country_code"`
		Region  string  `maxminddb:"state1"`
		City    string  `maxminddb:"city"`
		Lat     float32 `maxminddb:"latitude"`
		Lon     float32 `maxminddb:"longitude"`
	}
	err := r.Decode(&record)
	return placed(schema.Place{
		Country: strings.ToUpper(record.Country),
		Region:  record.Region,
		City:    withoutDistrict(record.City),
		Lat:     record.Lat,
		Lon:     record.Lon,
	}), err
}

func nested(r maxminddb.Result) (schema.Place, error) {
	type named struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	}
	var record struct {
		Country struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
		Regions  []named `maxminddb:"subdivisions"`
		City     named   `maxminddb:"city"`
		Location struct {
			Lat    float32 `maxminddb:"latitude"`
			Lon    float32 `maxminddb:"longitude"`
			Radius uint16  `maxminddb:"accuracy_radius"`
		} `maxminddb:"location"`
	}
	err := r.Decode(&record)
	place := schema.Place{
		Country:    strings.ToUpper(record.Country.Code),
		City:       record.City.Names.English,
		Lat:        record.Location.Lat,
		Lon:        record.Location.Lon,
		AccuracyKM: record.Location.Radius,
	}
	if len(record.Regions) > 0 {
		place.Region = record.Regions[0].Names.English
	}
	return placed(place), err
}

func asn(r maxminddb.Result) (schema.Place, error) {
	var record struct {
		Number uint32 `maxminddb:"autonomous_system_number"`
		Name   string `maxminddb:"autonomous_system_organization"`
	}
	err := r.Decode(&record)
	return schema.Place{ASN: record.Number, ASOrg: record.Name}, err
}

// withoutDistrict takes the part of town off a city: DB-IP names it for some addresses of a network and
// not for others, and "Hamburg (Altona)" after "Hamburg (Mitte)" is nobody's journey.
func withoutDistrict(city string) string {
	if name, _, found := strings.Cut(city, " ("); found && strings.HasSuffix(city, ")") {
		return name
	}
	return city
}

// placed adds a radius to coordinates that came without one.
//
// MaxMind states a radius for each record; DB-IP states none. Comparisons find that the free city databases put about
// two of three addresses within 50 km of where they are, so a city's coordinates get that. Where only a
// region or a country is known, coordinates are its middle, and the radius is that of one of middling size.
func placed(p schema.Place) schema.Place {
	if !p.Located() || p.AccuracyKM != 0 {
		return p
	}
	switch {
	case p.City != "":
		p.AccuracyKM = 50
	case p.Region != "":
		p.AccuracyKM = 200
	default:
		p.AccuracyKM = 500
	}
	return p
}
