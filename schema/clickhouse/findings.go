package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// findingColumns is a block of the findings table: columns to query by, the evidence in
// arrays, and the whole finding as JSON, which is what is read back.
type findingColumns struct {
	id          proto.ColFixedStr16
	token       proto.ColFixedStr16
	tokenHint   words
	consumer    words
	environment words
	ts          timeColumn
	ingestedAt  timeColumn
	score       proto.ColFloat64
	severity    enumColumn
	kind        words
	group       proto.ColStr
	tokenCount  proto.ColUInt32
	summary     proto.ColStr
	detector    *proto.ColArr[string]
	key         *proto.ColArr[string]
	at          *proto.ColArr[proto.DateTime64]
	llr         *proto.ColArr[float64]
	seen        *proto.ColArr[string]
	normal      *proto.ColArr[string]
	attackID    *proto.ColArr[string]
	finding     proto.ColStr
	topic       words
	partition   proto.ColInt32
	offset      proto.ColInt64
}

func newFindingColumns() *findingColumns {
	var at proto.ColDateTime64Raw
	at.WithPrecision(proto.PrecisionMilli).WithLocation(time.UTC)
	return &findingColumns{
		ts:         newTime(),
		ingestedAt: newTime(),
		severity:   newEnum(schema.SeverityNames),
		detector:   proto.NewArray(new(proto.ColStr).LowCardinality()),
		key:        new(proto.ColStr).Array(),
		at:         proto.NewArray[proto.DateTime64](&at),
		llr:        proto.NewArrFloat64(),
		seen:       new(proto.ColStr).Array(),
		normal:     new(proto.ColStr).Array(),
		attackID:   proto.NewArray(new(proto.ColStr).LowCardinality()),
	}
}

func (c *findingColumns) columns() []column {
	return []column{
		{"id", &c.id}, {"token", &c.token}, {"token_hint", &c.tokenHint}, {"consumer", &c.consumer},
		{"environment", &c.environment}, {"ts", &c.ts}, {"ingested_at", &c.ingestedAt}, {"score", &c.score},
		{"severity", &c.severity}, {"kind", &c.kind}, {"group", &c.group}, {"token_count", &c.tokenCount}, {"summary", &c.summary},
		{"evidence.detector", c.detector}, {"evidence.key", c.key}, {"evidence.ts", c.at}, {"evidence.llr", c.llr},
		{"evidence.seen", c.seen}, {"evidence.normal", c.normal}, {"evidence.attack_id", c.attackID},
		{"finding", &c.finding}, {"topic", &c.topic}, {"partition", &c.partition}, {"offset", &c.offset},
	}
}

func (c *findingColumns) append(f *schema.Finding) error {
	whole, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("writing finding %s as JSON: %w", f.ID, err)
	}
	c.id.Append(f.ID)
	c.token.Append(f.Token)
	c.tokenHint.Append(f.TokenHint)
	c.consumer.Append(f.Consumer)
	c.environment.Append(f.Environment)
	c.ts.Append(f.Time)
	c.ingestedAt.Append(f.Ingested)
	c.score.Append(f.Score)
	c.severity.Append(proto.Enum8(f.Severity))
	c.kind.Append(string(f.Kind))
	c.group.Append(f.Group)
	c.tokenCount.Append(uint32(max(0, f.TokenCount)))
	c.summary.Append(f.Summary)
	c.appendEvidence(f.Evidence)
	c.finding.AppendBytes(whole)
	c.topic.Append(f.Topic)
	c.partition.Append(f.Partition)
	c.offset.Append(f.Offset)
	return nil
}

func (c *findingColumns) appendEvidence(evidence []schema.Evidence) {
	n := len(evidence)
	detector, key, seen := make([]string, n), make([]string, n), make([]string, n)
	normal, attackID := make([]string, n), make([]string, n)
	at, llr := make([]proto.DateTime64, n), make([]float64, n)
	for i, e := range evidence {
		detector[i], key[i], seen[i], normal[i], attackID[i] = e.Detector, e.Key, e.Seen, e.Normal, e.Attack
		at[i], llr[i] = proto.DateTime64(millis(e.Time)), e.LLR
	}
	c.detector.Append(detector)
	c.key.Append(key)
	c.at.Append(at)
	c.llr.Append(llr)
	c.seen.Append(seen)
	c.normal.Append(normal)
	c.attackID.Append(attackID)
}

// InsertFindings stores findings. The token names the block they came from: inserted
// again under the same token, they are not stored a second time.
func (db *DB) InsertFindings(ctx context.Context, token string, findings []schema.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	c := newFindingColumns()
	for i := range findings {
		if err := c.append(&findings[i]); err != nil {
			return err
		}
	}
	if err := db.insert(ctx, "findings", token, c.columns()); err != nil {
		return fmt.Errorf("storing findings of %s: %w", token, err)
	}
	return nil
}

// FindingsSince calls each for the findings of blocks ingested at or after since, in the
// order of their blocks' times and offsets. An error of each ends it and is returned.
func (db *DB) FindingsSince(ctx context.Context, since time.Time, each func(schema.Finding) error) error {
	var whole proto.ColStr
	from := fmt.Sprintf("findings FINAL WHERE ingested_at >= fromUnixTimestamp64Milli(toInt64(%d)) "+
		"ORDER BY ingested_at, topic, `partition`, offset, id", millis(since))
	err := db.stream(ctx, from, []column{{"finding", &whole}}, func(i int) error {
		var f schema.Finding
		if err := json.Unmarshal(whole.RowBytes(i), &f); err != nil {
			return fmt.Errorf("reading a finding's JSON: %w", err)
		}
		return each(f)
	})
	if err != nil {
		return fmt.Errorf("reading findings: %w", err)
	}
	return nil
}
