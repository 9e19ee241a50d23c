package geo_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/geo"
)

var someone = netip.MustParseAddr("81.0.0.1")

func inCity(t testing.TB, file, city string) string {
	return build(t, file, "city", networks{"81.0.0.0/16": flatCity("DE", "", city, 1, 1)})
}

// running starts Run and stops it when the test ends.
func running(t testing.TB, locator *geo.Locator) {
	ctx, cancel := context.WithCancel(context.Background())
	var run sync.WaitGroup
	run.Go(func() { locator.Run(ctx) })
	t.Cleanup(func() { cancel(); run.Wait() })
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("not within 20 s: %s", what)
}

// Files are replaced again and again under lookups; none fails, none is of a file that was never there.
func TestReplacedFilesAreSwappedIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "city.mmdb")
	inCity(t, file, "Old Town")
	locator := open(t, geo.Config{City: []string{file}, Refresh: time.Second})
	running(t, locator)
	stop := make(chan struct{})
	var lookups sync.WaitGroup
	defer lookups.Wait()
	defer close(stop)
	for n := range 4 {
		lookups.Go(func() {
			for i := uint32(0); ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				ip := netip.AddrFrom4([4]byte{81, 0, byte(i>>8) ^ byte(n), byte(i)}) // many, so that files are read
				if city := locator.Locate(ip).City; city != "Old Town" && city != "New Town" {
					t.Errorf("%s is in %q", ip, city)
					return
				}
			}
		})
	}
	inCity(t, file, "New Town")
	eventually(t, "the new file answers", func() bool { return locator.Locate(someone).City == "New Town" })
	runtime.GC() // unmaps the old file, if nobody reads it
	runtime.GC()
}

func TestUnusableNewFileLeavesTheOldOneServing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "city.mmdb")
	inCity(t, file, "Old Town")
	var log lockedBuffer
	locator, err := geo.Open(geo.Config{City: []string{file}, Refresh: time.Second}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	running(t, locator)
	if err := os.Rename(write(t, "bad", "this is no database"), file); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log says so", func() bool { return strings.Contains(log.String(), "some of the new files cannot be read") })
	if city := locator.Locate(netip.MustParseAddr("81.0.9.9")).City; city != "Old Town" {
		t.Errorf("in %q while the new file is unusable", city)
	}
	inCity(t, file, "New Town")
	eventually(t, "a good file is taken", func() bool { return locator.Locate(someone).City == "New Town" })
}

// Somebody copies over the file in use, which cuts it short first. Lookups must not end the process.
func TestFileCutShortWhileInUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "city.mmdb")
	records := networks{}
	for i := range 200 {
		records[netip.PrefixFrom(netip.AddrFrom4([4]byte{81, byte(i), 0, 0}), 16).String()] = flatCity("DE", "", "Old Town", float32(i), 1)
	}
	build(t, file, "city", records)
	locator := open(t, geo.Config{City: []string{file}, Refresh: time.Second})
	running(t, locator)
	if err := os.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		locator.Locate(netip.AddrFrom4([4]byte{81, byte(i), 3, 4}))
	}
	whole, err := os.ReadFile(inCity(t, filepath.Join(t.TempDir(), "new.mmdb"), "New Town"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, whole, 0o644); err != nil { // over the old one, as cp does
		t.Fatal(err)
	}
	eventually(t, "the new file answers", func() bool { return locator.Locate(netip.MustParseAddr("81.0.77.1")).City == "New Town" })
}

func TestListOfNetworksIsSwappedIn(t *testing.T) {
	asn := build(t, filepath.Join(t.TempDir(), "asn.mmdb"), "ASN", networks{"81.0.0.0/16": asnRecord(64500, "Nondescript")})
	list := write(t, "networks.txt", "hosting 64500 Nondescript\n")
	locator := open(t, geo.Config{ASN: []string{asn}, Networks: list, Refresh: time.Second})
	running(t, locator)
	if kind := locator.Locate(someone).Network.String(); kind != "hosting" {
		t.Errorf("kind %s", kind)
	}
	if err := os.WriteFile(list, []byte("vpn AS64500 Nondescript after all\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new list decides", func() bool { return locator.Locate(someone).Network.String() == "vpn" })
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
