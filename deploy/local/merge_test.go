package local_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/deploy/local"
)

// readBytes is what ClickHouse has read from files so far.
const readBytes = "SELECT sum(value) FROM system.events WHERE event = 'ReadBufferFromFileDescriptorReadBytes'"

// TestMergeReadsWhatThereIs holds merges to reading about as much as their parts have. A merge that goes column by column through parts
// that are one file each would read the same bytes again for every column, were its buffers larger than a column's share of a
// granule.
func TestMergeReadsWhatThereIs(t *testing.T) {
	const columns, parts = 40, 4
	c := start(t, config(t.TempDir()))
	var declared, made []string
	for i := range columns {
		declared = append(declared, fmt.Sprintf("c%d LowCardinality(String) CODEC(NONE)", i))
		made = append(made, fmt.Sprintf("toString(bitAnd(cityHash64(number, %d), 7))", i))
	}
	query(t, c, fmt.Sprintf(`CREATE TABLE default.many (n UInt64, %s) ENGINE = MergeTree ORDER BY n
		SETTINGS min_bytes_for_wide_part = 1, min_level_for_wide_part = 1,
			vertical_merge_algorithm_min_rows_to_activate = 1, vertical_merge_algorithm_min_columns_to_activate = 1`, strings.Join(declared, ", ")))
	query(t, c, "SYSTEM STOP MERGES default.many")
	for range parts {
		query(t, c, fmt.Sprintf("INSERT INTO default.many SELECT number, %s FROM numbers(100000)", strings.Join(made, ", ")))
	}
	size := number(t, c, "SELECT sum(bytes_on_disk) FROM system.parts WHERE table = 'many' AND active")
	before := number(t, c, readBytes)
	query(t, c, "SYSTEM START MERGES default.many")
	query(t, c, "OPTIMIZE TABLE default.many FINAL")
	read := number(t, c, readBytes) - before
	t.Logf("parts of %d bytes; %d bytes read", size, read)
	if read < size || read > 10*size {
		t.Errorf("a merge of %d bytes read %d", size, read)
	}
}

// TestQuestionsReadMuchAtATime: what merges read at a time is no matter of those who ask.
func TestQuestionsReadMuchAtATime(t *testing.T) {
	c := start(t, config(t.TempDir()))
	dsn, err := url.Parse(c.AnalystDSN())
	if err != nil {
		t.Fatal(err)
	}
	for _, account := range []*url.Userinfo{nil, dsn.User} {
		got, err := ask(c, account, "SELECT getSetting('max_read_buffer_size_local_fs')")
		if err != nil || got != "131072" {
			t.Errorf("%v reads %q bytes at a time, want 131072: %v", account, got, err)
		}
	}
}

func number(t *testing.T, c *local.ClickHouse, sql string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(query(t, c, sql), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}
