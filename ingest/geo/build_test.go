package geo_test

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// networks are records by their network.
type networks map[string]mmdbtype.Map

// build writes a database into a file, replacing it in one step as well-behaved updaters do.
func build(t testing.TB, file, kind string, records networks) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, record := range records {
		_, network, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, record); err != nil {
			t.Fatal(err)
		}
	}
	next, err := os.Create(file + ".new")
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := tree.WriteTo(next); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next.Name(), file); err != nil {
		t.Fatal(err)
	}
	return file
}

// flatCity is a record as DB-IP's files have it.
func flatCity(country, region, city string, lat, lon float32) mmdbtype.Map {
	return mmdbtype.Map{
		"country_code": mmdbtype.String(country), "state1": mmdbtype.String(region), "state2": mmdbtype.String(""),
		"city": mmdbtype.String(city), "latitude": mmdbtype.Float32(lat), "longitude": mmdbtype.Float32(lon),
	}
}

// nestedCity is a record as MaxMind's files have it; a radius of 0 is left out.
func nestedCity(country, region, city string, lat, lon float64, radius uint16) mmdbtype.Map {
	names := func(name string) mmdbtype.Map {
		return mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(name), "de": mmdbtype.String("auf Deutsch")}}
	}
	location := mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon), "time_zone": mmdbtype.String("Etc/UTC")}
	if radius > 0 {
		location["accuracy_radius"] = mmdbtype.Uint16(radius)
	}
	record := mmdbtype.Map{
		"country":  mmdbtype.Map{"iso_code": mmdbtype.String(country), "geoname_id": mmdbtype.Uint32(1)},
		"location": location,
	}
	if region != "" {
		record["subdivisions"] = mmdbtype.Slice{names(region)}
	}
	if city != "" {
		record["city"] = names(city)
	}
	return record
}

func asnRecord(number uint32, name string) mmdbtype.Map {
	return mmdbtype.Map{
		"autonomous_system_number":       mmdbtype.Uint32(number),
		"autonomous_system_organization": mmdbtype.String(name),
	}
}

// write makes a file of text.
func write(t testing.TB, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// cityBytes is a small database.
func cityBytes(t testing.TB) []byte {
	t.Helper()
	file := build(t, filepath.Join(t.TempDir(), "whole.mmdb"), "city", networks{
		"81.0.0.0/16": flatCity("DE", "Hamburg", "Hamburg", 53.5, 9.9),
		"82.0.0.0/16": nestedCity("GB", "England", "London", 51.5, -0.1, 20),
	})
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return whole
}
