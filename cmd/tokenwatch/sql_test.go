package main

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// TestSQLBesideARunningOne: the prompt uses the ClickHouse of the tokenwatch that is running, as an analyst unless told otherwise.
func TestSQLBesideARunningOne(t *testing.T) {
	cfg := quick(t.TempDir())
	p := start(t, cfg)
	p.produce(t, "{broken")
	p.settled(t, 1)
	ask := func(arguments ...string) (code int, out, said string) {
		t.Helper()
		var stdout, stderr strings.Builder
		other := &process{
			ctx: t.Context(), environ: []string{"TOKENWATCH_DATA_DIR=" + cfg.DataDir}, stdin: strings.NewReader("SELECT currentUser() AS who, count() AS n FROM dead_letters;"),
			stdout: &stdout, stderr: &stderr,
		}
		return other.main(append([]string{"sql", "--format", "csv"}, arguments...)), stdout.String(), stderr.String()
	}
	for _, c := range []struct {
		arguments []string
		want      string
	}{
		{nil, "who,n\nanalyst,1\n"},
		{[]string{"--write"}, "who,n\ntokenwatch,1\n"},
		{[]string{"-e", "SELECT reason FROM dead_letter_reasons"}, "reason\nbad_json\n"},
	} {
		if code, out, said := ask(c.arguments...); code != 0 || out != c.want {
			t.Errorf("%v: exit code %d, %q, %s; want %q", c.arguments, code, out, said, c.want)
		}
	}
	if code, _, said := ask("-e", "TRUNCATE TABLE dead_letters"); code != 1 || !strings.Contains(said, "privileges") {
		t.Errorf("exit code %d, %s", code, said)
	}
	if dsn, err := local.RunningAnalyst(cfg.DataDir); err != nil || !strings.Contains(dsn, "://analyst:") {
		t.Errorf("the running one's account: %v", err)
	}
}
