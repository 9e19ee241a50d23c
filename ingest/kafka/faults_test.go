package kafka_test

import (
	"errors"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// dropCommits makes the broker hang up on commits, without an answer, until it is set to false.
func dropCommits(cluster *kfake.Cluster) *atomic.Bool {
	var cut atomic.Bool
	cut.Store(true)
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if cut.Load() {
			return nil, errors.New("cut"), true
		}
		return nil, nil, false
	})
	return &cut
}
