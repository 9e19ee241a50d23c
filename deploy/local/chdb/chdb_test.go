package chdb_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local/chdb"
)

// libraryEnv makes this test binary a ClickHouse that runs its arguments: a library call that takes over signal
// handlers does not belong into a test's own process.
const libraryEnv = "CHDB_TEST_LIBRARY"

func TestMain(m *testing.M) {
	library := os.Getenv(libraryEnv)
	if library == "" {
		os.Exit(m.Run())
	}
	if err := runDisarmed(library, os.Args); err != nil {
		os.Stderr.WriteString(err.Error())
		if errors.Is(err, chdb.ErrFailed) {
			os.Exit(7)
		}
		os.Exit(1)
	}
	os.Exit(0)
}

func runDisarmed(path string, args []string) error {
	library, err := chdb.Open(path)
	if err != nil {
		return err
	}
	if err := library.Disarm(); err != nil && runtime.GOOS == "linux" {
		return err
	}
	return library.Run(args)
}

// run is ClickHouse with these arguments; it returns what it printed and its exit code.
func run(t *testing.T, library string, args ...string) (string, int) {
	t.Helper()
	command := exec.Command(os.Args[0], append(args, "--path="+t.TempDir())...)
	command.Env = append(os.Environ(), libraryEnv+"="+library)
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(output), command.ProcessState.ExitCode()
}

func installed(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob("../node_modules/@chdb/lib-*/libchdb.so")
	if err != nil || len(found) == 0 {
		t.Fatalf("libchdb.so is not there; `make setup` fetches it (%v)", err)
	}
	path, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun(t *testing.T) {
	// Arguments of different lengths, one of them empty, must all arrive as they are.
	file := filepath.Join(t.TempDir(), "out")
	output, code := run(t, installed(t), "--param_none=", "--param_text=it's \"ünquoted\"",
		"--query=SELECT {text:String}, length({none:String}), version() INTO OUTFILE '"+file+"'")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, output)
	}
	wrote, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(wrote); !strings.HasPrefix(text, "it\\'s \"ünquoted\"\t0\t2") {
		t.Errorf("wrote %q", text)
	}
}

func TestRunFails(t *testing.T) {
	notALibrary := filepath.Join(t.TempDir(), "x.so")
	if err := os.WriteFile(notALibrary, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	another := "libc.so.6"
	if runtime.GOOS == "darwin" {
		another = "/usr/lib/libSystem.B.dylib"
	}
	for name, test := range map[string]struct {
		library, query string
		code           int
		says           string
	}{
		"no file":         {"/nowhere/libchdb.so", "SELECT 1", 1, "/nowhere/libchdb.so"},
		"not a library":   {notALibrary, "SELECT 1", 1, notALibrary},
		"another library": {another, "SELECT 1", 1, "query_stable_v2"},
		"a bad query":     {installed(t), "SELECT FROM WHERE", 7, "Syntax error"},
		"a failing query": {installed(t), "SELECT throwIf(1, 'on purpose')", 7, "on purpose"},
	} {
		t.Run(name, func(t *testing.T) {
			output, code := run(t, test.library, "--query="+test.query)
			if code != test.code || !strings.Contains(output, test.says) {
				t.Errorf("exit %d and %q, want %d and %q", code, output, test.code, test.says)
			}
		})
	}
}
