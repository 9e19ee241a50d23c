package realkafka

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// clusterID is 16 bytes in base64, and the same for all: each broker here is a cluster of its own.
const clusterID = "dG9rZW53YXRjaC1sb2NhbA"

// prepare writes the settings, and formats the data folder unless that is done.
func (b *Broker) prepare(ctx context.Context) error {
	if err := os.MkdirAll(b.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("create Kafka's folder: %w", err)
	}
	properties := b.cfg.serverProperties(b.data(), b.quorum)
	if err := os.WriteFile(b.settings(), []byte(properties), 0o600); err != nil { // it may hold passwords
		return fmt.Errorf("write Kafka's settings: %w", err)
	}
	_, err := os.Stat(filepath.Join(b.data(), "meta.properties"))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	args := []string{"kafka.tools.StorageTool", "format", "-t", clusterID, "-c", b.settings()}
	for _, user := range slices.Sorted(maps.Keys(b.cfg.Users)) {
		for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
			args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, b.cfg.Users[user]))
		}
	}
	command := b.java(ctx, args...)
	if words, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("format Kafka's data folder: %w: %s", err, words)
	}
	return nil
}
