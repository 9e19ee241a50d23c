package clickhouse

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Codes of ClickHouse errors that are about a value in some row: others of the block may
// be fine. All rows would get any other error.
var blaming = []int{
	6,   // CANNOT_PARSE_TEXT
	38,  // CANNOT_PARSE_DATE
	41,  // CANNOT_PARSE_DATETIME
	69,  // ARGUMENT_OUT_OF_BOUND
	70,  // CANNOT_CONVERT_TYPE
	72,  // CANNOT_PARSE_NUMBER
	117, // INCORRECT_DATA
	128, // TOO_LARGE_ARRAY_SIZE
	131, // TOO_LARGE_STRING_SIZE
	153, // ILLEGAL_DIVISION
	321, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	349, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	395, // FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
	407, // DECIMAL_OVERFLOW
	469, // VIOLATED_CONSTRAINT
	676, // CANNOT_PARSE_IPV4
	677, // CANNOT_PARSE_IPV6
	691, // UNKNOWN_ELEMENT_OF_ENUM
}

// Refused reports whether InsertBlock failed because of a value in some row, and none of
// the block's events was stored. Only then may the block be cut in another way: parts of
// a block that is stored, perhaps in some of its tables only, would be stored again.
func Refused(err error) bool {
	_, ok := errors.AsType[*refusal](err)
	return ok
}

// refusal is an error after which nothing of the block is stored.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// judge turns an error into a refusal where it is one. A view that fails does so when the
// block is in the table it looks at, or may be: that is never a refusal.
func (db *DB) judge(ctx context.Context, b *schema.Block, err error) error {
	if !slices.Contains(blaming, ErrorCode(err)) || strings.Contains(err.Error(), "while pushing to view") {
		return err
	}
	var stored uint64
	asked := db.each(ctx, "SELECT count() FROM events WHERE topic = $1 AND `partition` = $2 AND offset BETWEEN $3 AND $4 "+
		"AND ingested_at = fromUnixTimestamp64Milli(toInt64($5), 'UTC')", func(rows driver.Rows) error { return rows.Scan(&stored) },
		b.Topic, b.Partition, b.First, b.Last, millis(b.Ingested))
	if asked != nil || stored > 0 {
		return err
	}
	return &refusal{err}
}
