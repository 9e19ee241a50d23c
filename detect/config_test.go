package detect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
)

func TestConfigNamesTheKey(t *testing.T) {
	if err := detect.DefaultConfig().Validate(); err != nil {
		t.Fatalf("the default is refused: %v", err)
	}
	for key, breakIt := range map[string]func(*detect.Config){
		"detect.alert_nats":     func(c *detect.Config) { c.AlertNats = 0 },
		"detect.half_life":      func(c *detect.Config) { c.HalfLife = 0 },
		"detect.probation":      func(c *detect.Config) { c.Probation = -time.Hour },
		"detect.max_tokens":     func(c *detect.Config) { c.MaxTokens = 10 },
		"detect.snapshot_every": func(c *detect.Config) { c.SnapshotEvery = 0 },
		"detect.history":        func(c *detect.Config) { c.History = -1 },
	} {
		cfg := detect.DefaultConfig()
		breakIt(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+":") {
			t.Errorf("%s: got %v", key, err)
		}
	}
}
