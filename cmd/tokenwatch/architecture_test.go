package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tokenwatch/tokenwatch"

// rooms says which of our packages a package may import. A package that is not listed
// is judged by the nearest one above it; the wiring, cmd, may import all.
var rooms = map[string][]string{
	"schema":                 {},
	"schema/board":           {"schema"},
	"schema/clickhouse":      {"schema", "schema/board"},
	"ingest":                 {"schema", "ingest/format"},
	"ingest/format":          {"schema"},
	"ingest/kafka":           {},
	"ingest/replay":          {"schema", "ingest"},
	"ingest/geo":             {"schema"},
	"ingest/unpack":          {},
	"ingest/bookmark":        {},
	"ingest/push":            {"ingest/unpack"},
	"ingest/tail":            {"ingest/bookmark"},
	"ingest/archive":         {"ingest/bookmark", "ingest/unpack"},
	"detect":                 {"schema"},
	"detect/backtest":        {"schema", "detect"},
	"alert":                  {"schema"},
	"alert/guard":            {"alert"},
	"alert/console":          {"schema", "schema/board", "alert", "alert/console/signin"},
	"alert/console/signin":   {"alert"},
	"alert/picture":          {"schema", "alert"},
	"alert/slack":            {"schema", "alert", "alert/guard"},
	"alert/telegram":         {"schema", "alert", "alert/guard"},
	"alert/discord":          {"schema", "alert", "alert/guard"},
	"alert/pagerduty":        {"schema", "alert", "alert/guard"},
	"alert/email":            {"schema", "alert"},
	"alert/syslog":           {"schema", "alert"},
	"alert/ocsf":             {"schema", "alert", "alert/guard"},
	"alert/owner":            {"schema", "alert"},
	"alert/hook":             {"schema", "alert", "alert/guard", "alert/standard"},
	"alert/standard":         {},
	"alert/webhook":          {"schema", "alert", "alert/guard", "alert/standard"},
	"alert/kong":             {"schema", "alert", "alert/guard"},
	"alert/apisix":           {"schema", "alert", "alert/guard"},
	"alert/litellm":          {"schema", "alert", "alert/guard"},
	"deploy/local":           {"deploy/local/chdb"},
	"deploy/local/realkafka": {},
	"deploy/local/testdb":    {"deploy/local", "schema/clickhouse"},
	"deploy/simulate":        {},
	"deploy/sql":             {},
	"deploy/proxy":           {},
	"deploy/standin":         {},
	"cmd":                    {"*"},
}

type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// TestRooms holds the walls: who may import whom, siblings apart, and every foreign
// library in the hands of one package.
func TestRooms(t *testing.T) {
	packages := goList(t, "./...")
	if len(packages) < 10 {
		t.Fatalf("only %d packages found", len(packages))
	}
	users := map[string][]string{}
	for _, p := range packages {
		room := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			if ours, found := strings.CutPrefix(imported, module+"/"); found {
				if may := mayImport(room); !slices.Contains(may, "*") && !slices.Contains(may, ours) {
					t.Errorf("%s imports %s; it may import %v", room, ours, may)
				}
				continue
			}
			if library := libraryOf(imported); library != "" && !slices.Contains(users[library], room) {
				users[library] = append(users[library], room)
			}
		}
		siblings(t, room, p.Deps)
	}
	for library, rooms := range users {
		if len(rooms) > 1 && !shared[library] {
			t.Errorf("%s is imported by %v: one foreign library, one package", library, rooms)
		}
	}
}

// shared are libraries that hold a place of the standard library: small, without an
// engine or vendor behind them, so that nothing is gained by hiding them behind a room.
var shared = map[string]bool{
	"github.com/cenkalti/backoff": true, // waiting between attempts
	"golang.org/x/sync":           true, // errgroup
	"golang.org/x/sys":            true,
}

// siblings checks that ingest, detect and alert do not reach each other by any way.
func siblings(t *testing.T, room string, deps []string) {
	t.Helper()
	three := []string{"ingest", "detect", "alert"}
	own, _, _ := strings.Cut(room, "/")
	if !slices.Contains(three, own) {
		return
	}
	for _, dep := range deps {
		other, _, _ := strings.Cut(strings.TrimPrefix(dep, module+"/"), "/")
		if strings.HasPrefix(dep, module) && slices.Contains(three, other) && other != own {
			t.Errorf("%s depends on %s: siblings meet in cmd only", room, dep)
		}
	}
}

func mayImport(room string) []string {
	for {
		if may, known := rooms[room]; known {
			return may
		}
		at := strings.LastIndexByte(room, '/')
		if at < 0 {
			return nil
		}
		room = room[:at]
	}
}

// libraryOf is the module that an import path belongs to, near enough: host, owner and
// repository. It is empty for the standard library.
func libraryOf(path string) string {
	parts := strings.Split(path, "/")
	if !strings.Contains(parts[0], ".") {
		return ""
	}
	return strings.Join(parts[:min(3, len(parts))], "/")
}

// TestDetectIsPure: nothing that detect is made of can read a clock's file, a socket or
// a disk, but for what the standard library's own packages need.
func TestDetectIsPure(t *testing.T) {
	for _, p := range goList(t, "./detect") {
		for _, forbidden := range []string{"os", "net", "net/http", "database/sql", "math/rand", "math/rand/v2", "log", "log/slog"} {
			if slices.Contains(p.Imports, forbidden) {
				t.Errorf("detect imports %s", forbidden)
			}
		}
	}
	out, err := exec.Command("grep", "-nE", `time\.(Now|Since|Until|After|Tick)`, "-r", "../../detect", "--include=*.go", "--exclude=*_test.go").Output()
	if len(out) > 0 {
		t.Errorf("detect reads a clock:\n%s", out)
	}
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("grep: %v", err)
	}
}

func goList(t *testing.T, pattern string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Standard,Imports,Deps", pattern)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
