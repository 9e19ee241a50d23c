package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// InsertBlock stores a block's events and dead letters, and returns when they are there.
// It is idempotent: a block with the same topic, partition, offsets and time is stored
// once, in the tables and in what is derived from them, however often it is inserted. So
// after any error (what a failed insert did is unknown) the caller repeats the same block.
// The time tells a topic that was made anew, and counts from 0 again, from the old one.
//
// All rows of a block must have its time, so that they land in one partition of the
// table; a block of up to about a million rows is then one part.
func (db *DB) InsertBlock(ctx context.Context, b *schema.Block) error {
	token := fmt.Sprintf("%s:%d:%d-%d@%d", b.Topic, b.Partition, b.First, b.Last, b.Ingested.UnixMilli())
	if err := db.insertMissing(ctx, token, b); err != nil {
		return fmt.Errorf("storing missing offsets of block %s: %w", token, err)
	}
	if err := db.insertEvents(ctx, token, b); err != nil {
		return err
	}
	if err := db.insertDeadLetters(ctx, token, b.DeadLetters); err != nil {
		return fmt.Errorf("storing dead letters of block %s: %w", token, err)
	}
	return nil
}

func (db *DB) insertEvents(ctx context.Context, token string, b *schema.Block) error {
	if b.Count() == 0 {
		return nil
	}
	c, packed := b.Packed.(*eventColumns)
	if !packed || len(b.Events) > 0 {
		c = db.shelf.events()
		defer db.shelf.putEvents(c)
		c.fill(b.Unpacked().Events)
	}
	if err := db.insert(ctx, "events", token, c.columns()); err != nil {
		return fmt.Errorf("storing events of block %s: %w", token, db.judge(ctx, b, err))
	}
	if err := db.insertRenames(ctx, token, c); err != nil {
		return fmt.Errorf("storing renames of block %s: %w", token, err)
	}
	return nil
}

func (db *DB) insertDeadLetters(ctx context.Context, token string, letters []schema.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	c := newDeadLetterColumns()
	for i := range letters {
		c.append(&letters[i])
	}
	return db.insert(ctx, "dead_letters", token, c.columns())
}

// insert sends the columns as one block. A token makes it idempotent.
func (db *DB) insert(ctx context.Context, table, token string, columns []column) error {
	input := make(proto.Input, len(columns))
	names := make([]string, len(columns))
	for i, c := range columns {
		input[i] = proto.InputColumn{Name: c.name, Data: c.data}
		names[i] = quote(c.name)
	}
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	return db.wire.do(ctx, ch.Query{
		Body:     fmt.Sprintf("INSERT INTO %s (%s) VALUES", table, strings.Join(names, ", ")),
		Input:    input,
		Settings: append(insertSettings(token), tableSettings(table)...),
	})
}

// insertSettings are spelt out, since servers and profiles differ in their defaults.
// Asynchronous inserts would mix blocks, and the views would not be deduplicated.
func insertSettings(token string) []ch.Setting {
	settings := []ch.Setting{
		{Key: "async_insert", Value: "0"},
		{Key: "insert_deduplicate", Value: "1"},
		{Key: "deduplicate_blocks_in_dependent_materialized_views", Value: "1"},
		{Key: "materialized_views_ignore_errors", Value: "0"},
		{Key: "date_time_overflow_behavior", Value: "saturate"},
	}
	if token != "" {
		settings = append(settings, ch.Setting{Key: "insert_deduplication_token", Value: token, Important: true})
	}
	for i := range settings {
		settings[i].Important = true
	}
	return settings
}

// tableSettings are what one table's inserts need besides. A block of events comes out of its views with one row a key:
// merging it within itself before it is written, as ClickHouse does unless told otherwise, would change nothing and takes a tenth
// of the insert's time.
func tableSettings(table string) []ch.Setting {
	if table != "events" {
		return nil
	}
	return []ch.Setting{{Key: "optimize_on_insert", Value: "0", Important: true}}
}
