package kafka_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// Gateways that write to topics of their own are read by one member, each record under
// its own topic's name, and each partition's offset is committed under it.
func TestSeveralTopics(t *testing.T) {
	cluster, cfg := newCluster(t)
	further := []string{"edge.access", "partner.access"}
	cfg.FurtherTopics = further
	if err := kafka.EnsureTopic(t.Context(), cfg, 2); err != nil {
		t.Fatal(err)
	}
	for _, name := range cfg.Topics() {
		own := cfg
		own.Topic, own.FurtherTopics = name, nil
		produce(t, own, "of "+name)
	}

	var mu sync.Mutex
	got := map[string]string{}
	consuming(t, cfg, func(ctx context.Context, claim *kafka.Claim) error {
		return claim.Fetch(ctx, 0, func(offset int64, _ time.Time, value []byte) error {
			mu.Lock()
			got[claim.Topic()] += string(value)
			mu.Unlock()
			return claim.Commit(ctx, offset+1, "")
		})
	})
	eventually(t, "every topic's record came", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) == 3
	})
	for name, value := range got {
		if value != "of "+name {
			t.Errorf("topic %s gave %q", name, value)
		}
	}
	eventually(t, "every topic's offset is committed", func() bool {
		return len(cluster.GroupInfo(cfg.Group).Commits) == 3
	})
}

func TestMissingFurtherTopicIsNamed(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 1, nil)
	cfg.FurtherTopics = []string{"edge.access"}
	err := kafka.Check(t.Context(), cfg)
	if err == nil || !strings.HasPrefix(err.Error(), "kafka.further_topics: ") || !strings.Contains(err.Error(), "edge.access") {
		t.Errorf("have %v", err)
	}
}

func TestFurtherTopicsAreDistinct(t *testing.T) {
	for _, further := range [][]string{{"gateway.access"}, {"a", "a"}, {"a b"}, {""}} {
		cfg := kafka.DefaultConfig()
		cfg.Brokers, cfg.FurtherTopics = []string{"127.0.0.1:9092"}, further
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), "kafka.further_topics: ") {
			t.Errorf("%q: have %v", further, err)
		}
	}
}
