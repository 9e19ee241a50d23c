package realkafka

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// JarsEnv names a folder with the broker's jars, to be used rather than the one that is searched for.
const JarsEnv = "TOKENWATCH_KAFKA_JARS"

// WantedEnv, set to anything, makes the tests of this repository use the real broker too. `make test-kafka` sets it.
const WantedEnv = "TOKENWATCH_REAL_KAFKA"

// Wanted reports whether tests are to use the real broker. When they are, a broker that cannot be started is a
// failure and no reason to skip.
func Wanted() bool { return os.Getenv(WantedEnv) != "" }

// ErrNotInstalled says that the jars or the Java to run them are missing, and how to get them.
var ErrNotInstalled = errors.New("the real Kafka is not installed")

// Installation is what a broker is started from.
type Installation struct {
	Java string // the java command
	Jars string // the folder with the jars
}

// Find looks for java on the PATH (or in $JAVA_HOME), and for the jars in $TOKENWATCH_KAFKA_JARS or in
// deploy/local/data/realkafka under the working directory or any of its parents.
func Find() (Installation, error) {
	java, err := findJava()
	if err != nil {
		return Installation{}, fmt.Errorf("%w: no java command on the PATH or in $JAVA_HOME; install a Java runtime, 17 or newer", ErrNotInstalled)
	}
	if jars := os.Getenv(JarsEnv); jars != "" {
		if !hasBroker(jars) {
			return Installation{}, fmt.Errorf("%w: $%s is %s, where no kafka_2.13-*.jar is", ErrNotInstalled, JarsEnv, jars)
		}
		return Installation{java, jars}, nil
	}
	folder, err := os.Getwd()
	if err != nil {
		return Installation{}, fmt.Errorf("look for Kafka's jars: %w", err)
	}
	for ; ; folder = filepath.Dir(folder) {
		if jars := filepath.Join(folder, "deploy", "local", "data", "realkafka"); hasBroker(jars) {
			return Installation{java, jars}, nil
		}
		if folder == filepath.Dir(folder) {
			return Installation{}, fmt.Errorf("%w: no deploy/local/data/realkafka with its jars; `make kafka` fetches them with Maven", ErrNotInstalled)
		}
	}
}

func findJava() (string, error) {
	if home := os.Getenv("JAVA_HOME"); home != "" {
		return exec.LookPath(filepath.Join(home, "bin", "java"))
	}
	return exec.LookPath("java")
}

func hasBroker(folder string) bool {
	found, _ := filepath.Glob(filepath.Join(folder, "kafka_2.13-*.jar")) // its only error is a bad pattern
	return len(found) > 0
}
