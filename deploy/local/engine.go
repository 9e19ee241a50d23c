package local

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// engine is a way to run ClickHouse: an executable, how its arguments begin, and what it needs in its environment.
type engine struct {
	name string // for people: what runs, from where
	path string
	args []string
	env  []string
}

// Since 26.6 clickhouse-local can listen, which is all that makes it a server.
const (
	oldestMajor = 26
	oldestMinor = 6
)

// findEngine takes the clickhouse on the PATH when it is new enough, else the library.
func findEngine(ctx context.Context, c ClickHouseConfig) (engine, error) {
	if c.Engine == EngineLibrary {
		return libraryEngine(c.Library)
	}
	found, err := binaryEngine(ctx)
	if err == nil || c.Engine == EngineBinary {
		return found, err
	}
	fallback, missing := libraryEngine(c.Library)
	if missing != nil {
		return engine{}, fmt.Errorf("%w (and %w)", missing, err)
	}
	return fallback, nil
}

// binaryEngine asks the clickhouse on the PATH for its version.
func binaryEngine(ctx context.Context) (engine, error) {
	path, err := exec.LookPath("clickhouse")
	if err != nil {
		return engine{}, fmt.Errorf("find clickhouse on the PATH: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, "local", "--version").Output()
	if err != nil {
		return engine{}, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	version, ok := parseVersion(string(output))
	if !ok {
		return engine{}, fmt.Errorf("%s does not tell its version", path)
	}
	if !version.canListen() {
		return engine{}, fmt.Errorf("%s is %s, older than %d.%d", path, version, oldestMajor, oldestMinor)
	}
	return engine{name: "ClickHouse " + version.String() + " (" + path + ")", path: path, args: []string{path, "local"}}, nil
}

// libraryEngine runs our own executable again, as ChildMain.
func libraryEngine(library string) (engine, error) {
	if library == "" {
		found, err := FindAssets()
		if found.LibCHDB == "" {
			return engine{}, fmt.Errorf("find ClickHouse: %w", err)
		}
		library = found.LibCHDB
	}
	if _, err := os.Stat(library); err != nil {
		return engine{}, fmt.Errorf("find ClickHouse (clickhouse.library): %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return engine{}, fmt.Errorf("find our own executable: %w", err)
	}
	return engine{
		name: "ClickHouse (" + library + ")",
		path: self,
		args: []string{"clickhouse"},
		env:  []string{childEnv + "=" + library},
	}, nil
}

type version struct{ major, minor int }

func (v version) String() string { return strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor) }

func (v version) canListen() bool {
	return v.major > oldestMajor || v.major == oldestMajor && v.minor >= oldestMinor
}

// parseVersion reads the first word that looks like 26.7.3.1 in what `clickhouse local --version` prints.
func parseVersion(output string) (version, bool) {
	for _, word := range strings.Fields(output) {
		parts := strings.SplitN(word, ".", 3)
		if len(parts) < 3 {
			continue
		}
		major, errMajor := strconv.Atoi(parts[0])
		minor, errMinor := strconv.Atoi(parts[1])
		if errMajor == nil && errMinor == nil {
			return version{major, minor}, true
		}
	}
	return version{}, false
}
