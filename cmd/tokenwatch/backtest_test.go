package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

func TestSeveralValuesOfAFlag(t *testing.T) {
	for line, want := range map[string][]string{
		"--files a b c":               {"a", "b", "c"},
		"--files a b --other x":       {"a", "b"},
		"--files=a b --files c":       {"a", "b", "c"},
		"--other x --files -":         {"-"},
		"--files a -- b":              {"a"},
		"--files":                     nil,
		"--files --other x":           nil,
		"--files a,b":                 {"a,b"},
		"--files a.gz --other=x b.gz": nil, // it belongs to nothing
	} {
		var flags struct {
			Files several
			Other string
		}
		parser, err := kong.New(&flags, kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(strings.Fields(line)); err != nil {
			if want != nil && !strings.Contains(line, " -- ") {
				t.Errorf("%s: %v", line, err)
			}
			continue
		}
		if !slices.Equal(flags.Files, want) {
			t.Errorf("%s: %q, want %q", line, flags.Files, want)
		}
	}
}

func TestStretch(t *testing.T) {
	const aDay = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"28d": 28 * aDay, "2w": 14 * aDay, "36h": 36 * time.Hour, "1d12h": 36 * time.Hour, "1w1d": 8 * aDay, "0.5d": 12 * time.Hour, "0d": 0, "0s": 0, "": 0,
	} {
		var s stretch
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want {
			t.Errorf("%q: %s, %v; want %s", text, time.Duration(s), err, want)
		}
	}
	for _, text := range []string{"soon", "-1d", "-36h", "d", "12", "1d2w", "NaNd", "1e300d", "1dd"} {
		var s stretch
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %s", text, time.Duration(s))
		}
	}
	for want, d := range map[string]time.Duration{"28 days": 28 * aDay, "2.5 days": 60 * time.Hour, "31h": 31 * time.Hour, "24h30m": 24*time.Hour + 30*time.Minute, "10m": 10 * time.Minute, "0s": 0} {
		if have := stretch(d).String(); have != want {
			t.Errorf("%s reads %s, want %s", d, have, want)
		}
	}
}

func TestInstant(t *testing.T) {
	want := time.Date(2026, 11, 1, 14, 0, 0, 0, time.UTC)
	for _, text := range []string{"2026-11-01T14:00:00Z", "2026-11-01T15:00:00+01:00", "2026-11-01 14:00:00", "2026-11-01T14:00"} {
		var i instant
		if err := i.UnmarshalText([]byte(text)); err != nil || !i.Equal(want) {
			t.Errorf("%s: %s, %v", text, i, err)
		}
	}
	var i instant
	if err := i.UnmarshalText([]byte("yesterday")); err == nil {
		t.Errorf("yesterday is %s", i)
	}
}

func TestSetKeys(t *testing.T) {
	cfg := DefaultConfig()
	err := setKeys([]string{"detect.alert_nats=6", "detect.alert_nats=7", "detect.half_life=1h", "ingest.token_fields=a, b", "log.level=debug", "data_dir=x=y"}, &cfg)
	if err != nil || cfg.Detect.AlertNats != 7 || cfg.Detect.HalfLife != time.Hour || !slices.Equal(cfg.Ingest.TokenFields, []string{"a", "b"}) || cfg.DataDir != "x=y" {
		t.Errorf("%v: %+v", err, cfg.Detect)
	}
	for pair, want := range map[string]string{
		"detect":                  "want KEY=VALUE",
		"=6":                      "want KEY=VALUE",
		"detect=6":                "detect is a section",
		"detekt.alert_nats=6":     `unknown key "detekt.alert_nats" (did you mean "detect"?)`,
		"detect.alert_nats.x=6":   "detect.alert_nats is a value, no section",
		"detect.half_life=forty":  "--set detect.half_life: want a duration",
		"slack.timeout=xoxb-mine": "--set slack.timeout: want a duration",
	} {
		err := setKeys([]string{pair}, &cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "xoxb-mine") {
			t.Errorf("%s: %v, want %s", pair, err, want)
		}
	}
}

// A token may stand in the labels in any of the ways in which it is known.
func TestFingerprintsOfAName(t *testing.T) {
	pepper, err := ingest.ParsePepper(strings.Repeat("7f", 32))
	if err != nil {
		t.Fatal(err)
	}
	prints := ingest.NewFingerprinter(pepper)
	id := prints.Token([]byte("sk-live-QkZxWvTyRmPqLsNd"))
	for name, want := range map[string]schema.TokenID{
		"sk-live-QkZxWvTyRmPqLsNd": id, "Bearer sk-live-QkZxWvTyRmPqLsNd": id, id.String(): id, strings.ToUpper(id.String()): id,
		"credential-7": prints.Credential("kong", []byte("credential-7")), "acme": prints.Consumer([]byte("acme")), "sk-1234": prints.For("litellm", []byte("sk-1234")),
	} {
		if have := fingerprints(prints, []string{"kong", "litellm"}, name); !slices.Contains(have, want) {
			t.Errorf("%s: %v lacks %s", name, have, want)
		}
	}
	if have := fingerprints(nil, nil, id.String()); len(have) != 1 || have[0] != id {
		t.Errorf("without a pepper: %v", have)
	}
	if have := fingerprints(prints, nil, ""); len(have) != 0 {
		t.Errorf("of no name: %v", have)
	}
}

// expiring is a context that ends when it was asked so many times whether it has.
type expiring struct {
	context.Context
	left int
}

func (e *expiring) Err() error {
	if e.left--; e.left < 0 {
		return context.Canceled
	}
	return nil
}

// Who interrupts a run keeps what was written until then, and is told that it is partial.
func TestInterruptedBacktest(t *testing.T) {
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "counts.csv"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(file, "ts,token,requests")
	for i := range 20000 {
		fmt.Fprintf(file, "%d,a,%d\n", i*60, i%9)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	run := func(patience int) (code, rows int, report, errs string) {
		out := filepath.Join(dir, fmt.Sprint("out", patience))
		var stdout, stderr strings.Builder
		p := &process{ctx: &expiring{t.Context(), patience}, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
		code = p.main([]string{"backtest", "--counts", file.Name(), "--out", out, "--set", "data_dir=" + dir})
		text, err := os.ReadFile(filepath.Join(out, "report.json"))
		if err != nil {
			return code, 0, "", stderr.String()
		}
		return code, scoresIn(t, filepath.Join(out, "scores.csv.gz")), string(text), stderr.String()
	}
	if code, rows, report, errs := run(1 << 30); code != 0 || rows != 20000 || strings.Contains(report, "partial") {
		t.Errorf("not interrupted (%d): %d rows, %s", code, rows, errs)
	}
	code, rows, report, errs := run(15)
	if code != 1 || rows == 0 || rows >= 20000 || !strings.Contains(report, `"partial": true`) || !strings.Contains(errs, "interrupted; what is in") {
		t.Errorf("interrupted while it plays (%d): %d rows: %s", code, rows, errs)
	}
	if code, _, report, errs := run(0); code != 1 || report != "" || !strings.Contains(errs, "interrupted") {
		t.Errorf("interrupted while it reads (%d): %s", code, errs)
	}
}

// scoresIn counts the rows of a file that must be whole.
func scoresIn(t *testing.T, name string) (rows int) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(plain)
	for lines.Scan() {
		rows++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows - 1
}

// Counts are called by their names in files, and by fingerprints that are different for different names.
func TestTokensOfCounts(t *testing.T) {
	id := schema.TokenID{1, 2, 3}
	dir := t.TempDir()
	file, pepper := filepath.Join(dir, "counts.csv"), filepath.Join(dir, "pepper")
	rows := "ts,token,requests\n0,x,1\n0,Bearer x,1\n0,\"\"\"x\"\"\",1\n0," + id.String() + ",1\n0,,1\n"
	if err := errors.Join(os.WriteFile(file, []byte(rows), 0o600), os.WriteFile(pepper, []byte(strings.Repeat("7f", 32)), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, with := range []string{"", pepper} {
		cfg := DefaultConfig()
		cfg.DataDir, cfg.Ingest.PepperFile = dir+"/none", with
		h, err := openCounts(&process{}, cfg, file)
		if err == nil {
			err = h.prepare(t.Context(), newGauge(io.Discard))
		}
		if err != nil {
			t.Fatal(err)
		}
		seen := map[schema.TokenID]bool{}
		for _, name := range []string{"x", "Bearer x", `"x"`, id.String(), ""} {
			ids := h.ids(name)
			if len(ids) != 1 || seen[ids[0]] || (ids[0] == id) != (name == id.String()) {
				t.Errorf("%q is %v", name, ids)
				continue
			}
			seen[ids[0]] = true
		}
		if ids := h.ids("nobody"); len(ids) > 0 {
			t.Errorf("nobody is %v", ids)
		}
	}
}

// More tokens than detect.max_tokens has room for are played all the same, and the report says what that means.
func TestBacktestWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	rows := []string{"ts,token,requests"}
	for hour := range 30 {
		for n := range 1500 {
			rows = append(rows, fmt.Sprintf("%d,client-%d,%d", hour*3600, n, n%5))
		}
	}
	file := filepath.Join(dir, "counts.csv")
	if err := os.WriteFile(file, []byte(strings.Join(rows, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	p := &process{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
	code := p.main([]string{"backtest", "--counts", file, "--out", filepath.Join(dir, "out"), "--set", "detect.max_tokens=1000", "--set", "data_dir=" + dir})
	if code != 0 || !strings.Contains(stdout.String(), "profiles were dropped for want of room") || !strings.Contains(stdout.String(), "45000 observations of 1500 tokens") {
		t.Errorf("(%d) %s%s", code, stdout.String(), stderr.String())
	}
}
