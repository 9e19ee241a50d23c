package clickhouse

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// incidentColumns is a block of the incidents table: columns to query by, and the whole
// incident as JSON, which is what is read back.
type incidentColumns struct {
	id          proto.ColStr
	revision    proto.ColUInt64
	state       words
	severity    enumColumn
	score       proto.ColFloat64
	token       proto.ColFixedStr16
	tokenHint   words
	consumer    words
	environment words
	opened      timeColumn
	updated     timeColumn
	resolved    optionalTime
	summary     proto.ColStr
	detectors   *proto.ColArr[string]
	findings    proto.ColUInt32
	requests    proto.ColUInt64
	addresses   proto.ColUInt32
	incident    proto.ColStr
}

func newIncidentColumns() *incidentColumns {
	return &incidentColumns{
		severity:  newEnum(schema.SeverityNames),
		opened:    newTime(),
		updated:   newTime(),
		resolved:  newOptionalTime(),
		detectors: proto.NewArray(new(proto.ColStr).LowCardinality()),
	}
}

func (c *incidentColumns) columns() []column {
	return []column{
		{"id", &c.id}, {"revision", &c.revision}, {"state", &c.state}, {"severity", &c.severity}, {"score", &c.score},
		{"token", &c.token}, {"token_hint", &c.tokenHint}, {"consumer", &c.consumer}, {"environment", &c.environment},
		{"opened", &c.opened}, {"updated", &c.updated}, {"resolved", c.resolved}, {"summary", &c.summary},
		{"detectors", c.detectors}, {"findings", &c.findings}, {"requests", &c.requests},
		{"addresses", &c.addresses}, {"incident", &c.incident},
	}
}

func (c *incidentColumns) append(in *schema.Incident) error {
	whole, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("writing incident %s as JSON: %w", in.ID, err)
	}
	c.id.Append(in.ID)
	c.revision.Append(in.Revision)
	c.state.Append(string(in.State))
	c.severity.Append(proto.Enum8(in.Severity))
	c.score.Append(in.Score)
	c.token.Append(in.Token)
	c.tokenHint.Append(in.TokenHint)
	c.consumer.Append(in.Consumer)
	c.environment.Append(in.Environment)
	c.opened.Append(in.Opened)
	c.updated.Append(in.Updated)
	c.resolved.Append(in.Resolved)
	c.summary.Append(in.Summary)
	c.detectors.Append(detectors(in.Evidence))
	c.findings.Append(uint32(len(in.Findings)))
	c.requests.Append(in.Seen.Requests)
	c.addresses.Append(uint32(max(0, in.Seen.Addresses)))
	c.incident.AppendBytes(whole)
	return nil
}

// detectors names each detector once, the strongest evidence's first.
func detectors(evidence []schema.Evidence) []string {
	var names []string
	for _, e := range evidence {
		if !slices.Contains(names, e.Detector) {
			names = append(names, e.Detector)
		}
	}
	return names
}

// SaveIncident stores a revision of an incident. Of the revisions of one incident the
// highest holds; saving one again replaces it.
func (db *DB) SaveIncident(ctx context.Context, incident *schema.Incident) error {
	return db.saveIncidents(ctx, incident)
}

// SaveIncidents stores many at once, which costs hardly more than one.
func (db *DB) SaveIncidents(ctx context.Context, incidents []schema.Incident) error {
	if len(incidents) == 0 {
		return nil
	}
	list := make([]*schema.Incident, len(incidents))
	for i := range incidents {
		list[i] = &incidents[i]
	}
	return db.saveIncidents(ctx, list...)
}

func (db *DB) saveIncidents(ctx context.Context, incidents ...*schema.Incident) error {
	c := newIncidentColumns()
	for _, in := range incidents {
		if err := c.append(in); err != nil {
			return err
		}
	}
	if err := db.insert(ctx, "incidents", "", c.columns()); err != nil {
		return fmt.Errorf("storing incident %s: %w", incidents[0].ID, err)
	}
	return nil
}

// Incidents lists the incidents in the given states (none given: all), each as of its
// highest revision, the one that was opened first coming first.
func (db *DB) Incidents(ctx context.Context, states ...schema.IncidentState) ([]schema.Incident, error) {
	from := "incidents FINAL"
	if len(states) > 0 {
		from += " WHERE state IN (" + literals(states) + ")"
	}
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	var whole proto.ColStr
	var list []schema.Incident
	err := db.stream(ctx, from+" ORDER BY opened, id", []column{{"incident", &whole}}, func(i int) error {
		var in schema.Incident
		if err := json.Unmarshal(whole.RowBytes(i), &in); err != nil {
			return fmt.Errorf("reading an incident's JSON: %w", err)
		}
		list = append(list, in)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading incidents: %w", err)
	}
	return list, nil
}

func literals(states []schema.IncidentState) string {
	quoted := make([]string, len(states))
	for i, s := range states {
		quoted[i] = literal(string(s))
	}
	return strings.Join(quoted, ", ")
}
