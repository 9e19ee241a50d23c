package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/tokenwatch/tokenwatch/schema"
)

// IncidentsToMatch gives of every incident that is not resolved, up to a limit and the newest first, what a silence's
// conditions can be about, and its summary. Labels are read out of the whole incident, so only where they are asked for.
func (db *DB) IncidentsToMatch(ctx context.Context, labels bool, limit int) ([]schema.Incident, error) {
	from := "CAST(map(), 'Map(String, String)')"
	if labels {
		from = "JSONExtract(incident, 'labels', 'Map(String, String)')"
	}
	var list []schema.Incident
	err := db.each(ctx, fmt.Sprintf(`SELECT id, toString(state), toInt8(severity), token, toString(token_hint), toString(consumer), toString(environment), toString(kind), opened, summary,
		CAST(detectors, 'Array(String)'), %s FROM incidents FINAL WHERE state != 'resolved' ORDER BY opened DESC, id LIMIT %d`, from, limit),
		func(rows driver.Rows) error {
			var inc schema.Incident
			var state, token, kind string
			var severity int8
			var detectors []string
			if err := rows.Scan(&inc.ID, &state, &severity, &token, &inc.TokenHint, &inc.Consumer, &inc.Environment, &kind, &inc.Opened, &inc.Summary,
				&detectors, &inc.Labels); err != nil {
				return err
			}
			inc.State, inc.Severity, inc.Kind = schema.IncidentState(state), schema.Severity(severity), schema.FindingKind(kind)
			copy(inc.Token[:], token)
			for _, d := range detectors {
				inc.Evidence = append(inc.Evidence, schema.Evidence{Detector: d})
			}
			list = append(list, inc)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("reading the incidents that are open: %w", err)
	}
	return list, nil
}

// Silence gives one silence, whether or not it has expired.
func (db *DB) Silence(ctx context.Context, id string) (s schema.Silence, found bool, err error) {
	err = db.each(ctx, "SELECT id, matchers, by, reason, from_at, until_at, revised FROM silences FINAL WHERE id = $1 LIMIT 1", func(rows driver.Rows) error {
		found = true
		return rows.Scan(&s.ID, &s.Matchers, &s.By, &s.Reason, &s.From, &s.Until, &s.Revised)
	}, id)
	if err != nil {
		return s, false, fmt.Errorf("reading a silence: %w", err)
	}
	return s, found, nil
}
