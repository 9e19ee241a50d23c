package detect_test

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// wantedTogether is what a case of several tokens wants.
type wantedTogether struct {
	About     string  `json:"about"`
	AlertNats float64 `json:"alert_nats"`
	Groups    []struct {
		Kind   schema.FindingKind `json:"kind"`
		Tokens []string           `json:"tokens"` // named, among others
		Key    string             `json:"key"`
		Before time.Time          `json:"before"` // the first of its findings is not later
		Count  int                `json:"count"`  // of its findings, at most; 0: any
	} `json:"groups"`
	Alone       int      `json:"alone"`        // tokens with findings of their own, at most
	TokensAlone int      `json:"tokens_alone"` // and at least
	Found       []string `json:"found"`        // among these
}

func playCampaign(t *testing.T, dir string) (wantedTogether, []schema.Event, detect.Config) {
	t.Helper()
	var want wantedTogether
	readJSON(t, filepath.Join(dir, "want.json"), &want)
	cfg := detect.DefaultConfig()
	if want.AlertNats > 0 {
		cfg.AlertNats = want.AlertNats
	}
	return want, readEvents(t, filepath.Join(dir, "events.jsonl")), cfg
}

func campaignCases(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/campaign/*/want.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	return files
}

// TestCampaigns plays worlds of several tokens: thieves with tokens of several owners, and owners who move.
func TestCampaigns(t *testing.T) {
	for _, file := range campaignCases(t) {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want, events, cfg := playCampaign(t, dir)
			checkTogether(t, want, findings(detect.New(cfg, "t", 0), events))
		})
	}
}

func checkTogether(t *testing.T, want wantedTogether, got []schema.Finding) {
	t.Helper()
	alone, groups := map[string]*schema.Finding{}, map[string][]schema.Finding{}
	for i := range got {
		f := &got[i]
		if f.Kind == schema.FindingToken {
			if alone[f.TokenHint] == nil {
				alone[f.TokenHint] = f
			}
			continue
		}
		key := string(f.Kind) + " " + f.Evidence[0].Key
		groups[key] = append(groups[key], *f)
		checkGroup(t, f)
	}
	for _, w := range want.Groups {
		key := string(w.Kind) + " " + w.Key
		list := groups[key]
		if len(list) == 0 {
			t.Errorf("no finding %s", key)
			continue
		}
		delete(groups, key)
		last := list[len(list)-1]
		for _, name := range w.Tokens {
			if !slices.Contains(last.Tokens, tokenOf(name)) {
				t.Errorf("%s does not name %s: %s", key, name, last.Summary)
			}
		}
		if !w.Before.IsZero() && list[0].Time.After(w.Before) {
			t.Errorf("%s at %s, want by %s", key, list[0].Time, w.Before)
		}
		if w.Count > 0 && len(list) > w.Count {
			t.Errorf("%s is told %d times", key, len(list))
		}
		t.Logf("%d × %s (score %.2f)", len(list), last.Summary, last.Score)
	}
	for key, list := range groups {
		t.Errorf("unwanted %s: %s", key, list[0].Summary)
	}
	if len(alone) > want.Alone && want.TokensAlone == 0 || len(alone) < want.TokensAlone {
		for name, f := range alone {
			t.Logf("%s at %s, score %.2f: %s", name, f.Time, f.Score, reasons(f))
		}
		t.Errorf("%d tokens have findings of their own, want from %d to %d", len(alone), want.TokensAlone, want.Alone)
	}
	for _, name := range want.Found {
		if alone[name] == nil {
			t.Errorf("%s is not found", name)
		}
	}
}

func checkGroup(t *testing.T, f *schema.Finding) {
	t.Helper()
	if f.Group == "" || f.TokenCount < 2 || len(f.Tokens) < 2 || f.Token != f.Tokens[0] || f.Summary == "" {
		t.Errorf("a finding that does not say who: %+v", f)
	}
	if f.Kind == schema.FindingFleet && (f.Severity != schema.SeverityLow || f.Score >= 1) || f.Kind == schema.FindingCampaign && (f.Severity < schema.SeverityHigh || f.Score < 1) {
		t.Errorf("%s: severity %s, score %.2f", f.Kind, f.Severity, f.Score)
	}
}

// TestCampaignsRestart is TestRestarts for worlds of several tokens.
func TestCampaignsRestart(t *testing.T) {
	for _, file := range campaignCases(t) {
		_, events, cfg := playCampaign(t, filepath.Dir(file))
		want := findings(detect.New(cfg, "t", 0), events)
		for seed := range uint64(2) {
			got, _ := interrupted(t, cfg, events, rand.New(rand.NewPCG(seed, 7)))
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %d findings with restarts, %d without; first difference %s", file, len(got), len(want), firstDifference(got, want))
			}
		}
	}
}
