package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Weeks of a token's life and a theft, in a program that is running: explain tells of the token and of the finding, and
// backtest plays the same events from the store and finds the same theft.
func TestHistoryIsExplainedAndPlayedAgain(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Ingest.MaxAge, cfg.Detect.SnapshotEvery = 60*24*time.Hour, 50*time.Millisecond
	p := start(t, cfg)
	const token, other = "hf_ExplainedWvTyRmPqLsNdBgHjKcFaEuQ", "hf_QuietWvTyRmPqLsNdBgHjKcFaEuQkZxyz"
	now := time.Now()
	var records []string
	for ago := 28 * 24 * time.Hour; ago > time.Hour; ago -= 6 * time.Hour {
		records = append(records, nginxRecord(now.Add(-ago), token, home), nginxRecord(now.Add(-ago), other, home))
	}
	for i := range 50 {
		records = append(records, nginxRecord(now.Add(time.Duration(i)*time.Millisecond), token, abroad))
	}
	p.produce(t, records...)
	p.settled(t, len(records))
	eventually(t, 30*time.Second, "a profile of both tokens is stored", func() bool {
		p.produce(t, nginxRecord(time.Now(), other, home)) // a snapshot is taken when a block is cut
		return p.ask(t, "SELECT count() FROM profiles FINAL WHERE state != ''")[0] == "3"
	})
	id := names(t, cfg, token)[0].String()
	for _, args := range [][]string{{"explain", id}, {"explain", strings.ToUpper(id[:12])}} {
		code, out, errs := p.answer(t, args...)
		for _, want := range []string{"Token " + id, "Profile from gateway.access/0", "state        active", "Mon  ", "countries", "DE", "curl", "Reasons of the newest", "new_geo", "times likelier from a thief", "normal  DE", "adds up to a score of", "usually at most 1 in 10s", "on its last day"} {
			if code != 0 || !strings.Contains(out, want) {
				t.Fatalf("%v (%d) lacks %q:\n%s%s", args, code, want, out, errs)
			}
		}
	}
	finding := p.ask(t, "SELECT id_hex FROM findings FINAL ORDER BY ts LIMIT 1")[0]
	code, out, errs := p.answer(t, "explain", finding)
	for _, want := range []string{"Finding " + finding, id, "Reasons", "new_geo", "Normal until then: active", "at most"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("explain of the finding (%d) lacks %q:\n%s%s", code, want, out, errs)
		}
	}

	stored := p.ask(t, "SELECT count() FROM events")[0]
	dir := filepath.Join(t.TempDir(), "result")
	labels := filepath.Join(t.TempDir(), "labels.csv")
	span := now.UTC().Format(time.RFC3339) + "," + now.Add(time.Hour).UTC().Format(time.RFC3339)
	text := "token,start,end,kind\n" + token + "," + span + ",abroad\nhf_nobody," + span + ",burst\n"
	if err := os.WriteFile(labels, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs = p.answer(t, "backtest", "--clickhouse", "--from", now.AddDate(0, 0, -40).Format(time.DateOnly), "--labels", labels, "--out", dir)
	var report struct {
		Observed  int
		Unmatched int `json:"labels_unmatched"`
		Recall    []struct {
			Kind  string
			Found float64 `json:"at_configured"`
		}
	}
	read, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err == nil {
		err = json.Unmarshal(read, &report)
	}
	if code != 0 || err != nil {
		t.Fatalf("backtest (%d), %v:\n%s%s", code, err, out, errs)
	}
	least, err := strconv.Atoi(stored)
	if err != nil || report.Observed < least || report.Unmatched != 1 {
		t.Errorf("%d events played of %s stored, %d labels unmatched", report.Observed, stored, report.Unmatched)
	}
	for _, row := range report.Recall {
		if row.Kind == "abroad" && row.Found != 1 {
			t.Errorf("the theft was not found again: %s", read)
		}
	}
	code, _, errs = p.answer(t, "backtest", "--clickhouse", "--from", "2001-01-01", "--to", "2001-02-01", "--out", dir)
	if code != 1 || !strings.Contains(errs, "no events are stored between 2001-01-01T00:00:00Z") {
		t.Errorf("a time of which nothing is stored (%d): %s", code, errs)
	}
}
