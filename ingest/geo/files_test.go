package geo_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/geo"
)

// Every file in use is listed under its key, a database with when it was built.
func TestFiles(t *testing.T) {
	city := filepath.Join(t.TempDir(), "city.mmdb")
	if err := os.WriteFile(city, cityBytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	tor := write(t, "tor.txt", "192.0.2.1\n")
	l := open(t, geo.Config{City: []string{city}, Tor: []string{tor}})
	files := l.Files()
	if len(files) != 2 {
		t.Fatalf("%+v", files)
	}
	if f := files[0]; f.Key != "geo.city" || f.Name != city || f.Kind == "" || time.Since(f.Built) > time.Hour || time.Since(f.Changed) > time.Hour || f.Bytes == 0 {
		t.Errorf("%+v", f)
	}
	if f := files[1]; f.Key != "geo.tor" || f.Name != tor || !f.Built.IsZero() || f.Bytes != 10 {
		t.Errorf("%+v", f)
	}
	if err := os.Remove(tor); err != nil {
		t.Fatal(err)
	}
	if f := l.Files()[1]; !f.Changed.IsZero() {
		t.Errorf("a file that is gone was changed at %s", f.Changed)
	}
}
