package clickhouse

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// This file finds what people name by its beginning: tokens by their fingerprints, findings by their ids.

// Names are what a text may stand for.
type Names struct {
	Tokens   []schema.TokenID
	Findings []schema.FindingID
}

// maxNames bounds how many of each are found: enough to see that more has to be typed.
const maxNames = 10

// errPrefix says what a name looks like.
var errPrefix = errors.New("want 1 to 32 hexadecimal digits")

// Named finds the tokens with events, findings or a profile whose fingerprints, and the findings whose
// ids, begin with hexadecimal digits. At most ten of each are found.
func (db *DB) Named(ctx context.Context, prefix string) (Names, error) {
	low, high, err := bounds(prefix)
	if err != nil {
		return Names{}, err
	}
	var names Names
	var id proto.ColFixedStr16
	within := func(column string) string {
		return fmt.Sprintf("%s BETWEEN unhex('%s') AND unhex('%s')", column, low, high)
	}
	tokens := fmt.Sprintf("(SELECT token AS name FROM events WHERE %[1]s UNION DISTINCT SELECT token AS name FROM findings WHERE %[1]s "+
		"UNION DISTINCT SELECT token AS name FROM profiles WHERE %[1]s AND token != unhex('%[2]s')) ORDER BY name LIMIT %[3]d",
		within("token"), strings.Repeat("0", 32), maxNames)
	err = db.stream(ctx, tokens, []column{{"name", &id}}, func(i int) error {
		names.Tokens = append(names.Tokens, id[i])
		return nil
	})
	if err == nil {
		findings := fmt.Sprintf("(SELECT DISTINCT id AS name FROM findings WHERE %s) ORDER BY name LIMIT %d", within("id"), maxNames)
		err = db.stream(ctx, findings, []column{{"name", &id}}, func(i int) error {
			names.Findings = append(names.Findings, id[i])
			return nil
		})
	}
	if err != nil {
		return Names{}, fmt.Errorf("looking for what begins with %s: %w", prefix, err)
	}
	return names, nil
}

// bounds are the lowest and the highest id that begin with a prefix, in hexadecimal.
func bounds(prefix string) (low, high string, err error) {
	prefix = strings.ToLower(prefix)
	if len(prefix) == 0 || len(prefix) > 32 || strings.Trim(prefix, "0123456789abcdef") != "" {
		return "", "", errPrefix
	}
	rest := 32 - len(prefix)
	return prefix + strings.Repeat("0", rest), prefix + strings.Repeat("f", rest), nil
}

// TokenProfiles are the newest profiles of a token, one for each partition that has one.
func (db *DB) TokenProfiles(ctx context.Context, token schema.TokenID) ([]schema.Profile, error) {
	c := &profileColumns{updated: newTime()}
	var list []schema.Profile
	from := fmt.Sprintf("profiles FINAL WHERE token = unhex('%s') ORDER BY topic, `partition`", token)
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		list = append(list, c.profile(i))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the profiles of token %s: %w", token, err)
	}
	return list, nil
}

// TokenFindings are a token's newest findings, the newest first.
func (db *DB) TokenFindings(ctx context.Context, token schema.TokenID, limit int) ([]schema.Finding, error) {
	return db.findings(ctx, fmt.Sprintf("token = unhex('%s') ORDER BY ts DESC, id LIMIT %d", token, limit))
}

// Finding is the finding with an id; nil if there is none.
func (db *DB) Finding(ctx context.Context, id schema.FindingID) (*schema.Finding, error) {
	list, err := db.findings(ctx, fmt.Sprintf("id = unhex('%s') LIMIT 1", id))
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

func (db *DB) findings(ctx context.Context, where string) ([]schema.Finding, error) {
	var whole proto.ColStr
	var list []schema.Finding
	err := db.stream(ctx, "findings FINAL WHERE "+where, []column{{"finding", &whole}}, func(i int) error {
		var f schema.Finding
		if err := json.Unmarshal(whole.RowBytes(i), &f); err != nil {
			return fmt.Errorf("reading a finding's JSON: %w", err)
		}
		list = append(list, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading findings: %w", err)
	}
	return list, nil
}

// Sighting sums up a token's stored events.
type Sighting struct {
	Events      uint64
	First, Last time.Time
	Hint        string // of the newest event, like what follows
	Consumer    string
	Environment string
	Source      string
}

// Sighting sums up what is stored of a token; its Events are 0 if nothing is.
func (db *DB) Sighting(ctx context.Context, token schema.TokenID) (Sighting, error) {
	var n proto.ColUInt64
	var first, last proto.ColInt64
	var hint, consumer, environment, source proto.ColStr
	from := fmt.Sprintf("(SELECT count() AS n, min(toUnixTimestamp64Milli(ts)) AS first, max(toUnixTimestamp64Milli(ts)) AS last, toString(argMax(token_hint, ts)) AS hint, "+
		"toString(argMax(consumer, ts)) AS owner, toString(argMax(environment, ts)) AS env, toString(argMax(source, ts)) AS src FROM events WHERE token = unhex('%s'))",
		hex.EncodeToString(token[:]))
	var s Sighting
	err := db.stream(ctx, from, []column{
		{"n", &n}, {"first", &first}, {"last", &last}, {"hint", &hint}, {"owner", &consumer}, {"env", &environment}, {"src", &source},
	}, func(i int) error {
		if n[i] > 0 {
			s = Sighting{
				Events: n[i], First: time.UnixMilli(first[i]).UTC(), Last: time.UnixMilli(last[i]).UTC(),
				Hint: hint.Row(i), Consumer: consumer.Row(i), Environment: environment.Row(i), Source: source.Row(i),
			}
		}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("summing up token %s: %w", token, err)
	}
	return s, nil
}
