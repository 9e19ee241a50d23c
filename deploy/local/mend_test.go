package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

const dedupTable = "CREATE TABLE blocks (x UInt64) ENGINE = MergeTree ORDER BY x SETTINGS non_replicated_deduplication_window = 100, old_parts_lifetime = 600"

func insertBlock(t *testing.T, c *local.ClickHouse, token string, x int) {
	t.Helper()
	query(t, c, fmt.Sprintf("INSERT INTO blocks SETTINGS insert_deduplication_token = '%s', async_insert = 0 VALUES (%d)", token, x))
}

// tableFolder is where the only table with a log of blocks lives.
func tableFolder(t *testing.T, dir string) string {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(dir, "clickhouse", "data", "store", "*", "*", "deduplication_logs", "*_1.txt"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("%v, %v", logs, err)
	}
	return filepath.Dir(filepath.Dir(logs[0]))
}

func kill(t *testing.T, c *local.ClickHouse) {
	t.Helper()
	if err := syscall.Kill(c.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	ctx, cancel := within(0)
	defer cancel()
	_ = c.Stop(ctx) // gives the lock back
}

// A ClickHouse that was killed after it had noted a block, and before it had the block,
// takes the block when it comes again; and blocks that it has are still known.
func TestBlockThatWasNotedAndNotStored(t *testing.T) {
	for _, c := range []struct {
		name string
		harm func(t *testing.T, table string)
	}{
		{"the part is not there", func(t *testing.T, table string) {
			if err := os.Rename(filepath.Join(table, "all_3_3_0"), filepath.Join(table, "tmp_insert_all_3_3_0")); err != nil {
				t.Fatal(err)
			}
		}},
		{"and the line is cut off", func(t *testing.T, table string) {
			if err := os.RemoveAll(filepath.Join(table, "all_3_3_0")); err != nil {
				t.Fatal(err)
			}
			log := filepath.Join(table, "deduplication_logs", "deduplication_log_1.txt")
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(log, int64(len(text)-7)); err != nil {
				t.Fatal(err)
			}
		}},
		{"everything is there", func(*testing.T, string) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t.TempDir())
			first := start(t, cfg)
			query(t, first, dedupTable)
			for i, token := range []string{"a", "b", "c"} {
				insertBlock(t, first, token, i)
			}
			kill(t, first)
			c.harm(t, tableFolder(t, cfg.Dir))
			second := start(t, cfg)
			for range 2 {
				for i, token := range []string{"a", "b", "c", "d"} {
					insertBlock(t, second, token, i)
				}
			}
			if have := query(t, second, "SELECT groupArray(x) FROM (SELECT x FROM blocks ORDER BY x)"); have != "[0,1,2,3]" {
				t.Errorf("the table holds %s", have)
			}
			kill(t, second) // the log that was mended is one that can be read on
			third := start(t, cfg)
			insertBlock(t, third, "c", 2)
			insertBlock(t, third, "d", 3)
			if have := query(t, third, "SELECT count() FROM blocks"); have != "4" {
				t.Errorf("in the end the table holds %s rows", have)
			}
		})
	}
}

// A block whose part was merged into another one is there.
func TestBlockThatWasMerged(t *testing.T) {
	cfg := config(t.TempDir())
	first := start(t, cfg)
	query(t, first, strings.Replace(dedupTable, "600", "0", 1))
	for i, token := range []string{"a", "b", "c"} {
		insertBlock(t, first, token, i)
	}
	query(t, first, "OPTIMIZE TABLE blocks FINAL")
	kill(t, first)
	table := tableFolder(t, cfg.Dir)
	if err := os.RemoveAll(filepath.Join(table, "all_3_3_0")); err != nil {
		t.Fatal(err)
	}
	second := start(t, cfg)
	insertBlock(t, second, "c", 2)
	if have := query(t, second, "SELECT count() FROM blocks"); have != "3" {
		t.Errorf("the table holds %s rows", have)
	}
}
