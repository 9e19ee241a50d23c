package clickhouse

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Delivery is a row of the deliveries table: what became of an incident at a destination.
type Delivery struct {
	Incident    string    `json:"incident"`
	Destination string    `json:"destination"`
	State       string    `json:"state"` // waiting, told, digest or dead
	Severity    string    `json:"severity"`
	Wanted      uint64    `json:"wanted"`    // revision of the incident
	Delivered   uint64    `json:"delivered"` // revision that the destination knows
	Ref         string    `json:"ref,omitempty"`
	Digest      string    `json:"digest,omitempty"`
	Attempts    uint32    `json:"attempts"`
	Error       string    `json:"error,omitempty"`
	WantedAt    time.Time `json:"wanted_at,omitzero"`
	At          time.Time `json:"at,omitzero"`
	FailingAt   time.Time `json:"failing_at,omitzero"`
	NextAt      time.Time `json:"next_at,omitzero"`
	FellBack    bool      `json:"fell_back,omitempty"`
}

// DeliveryFilter chooses deliveries. Empty fields choose all.
type DeliveryFilter struct {
	States      []string
	Incident    string
	Destination string
	Failing     bool // only those whose last attempt failed
	Limit       int  // the newest so many; 0: all
}

func (f DeliveryFilter) where() string {
	where := []string{"1"}
	if len(f.States) > 0 {
		quoted := make([]string, len(f.States))
		for i, s := range f.States {
			quoted[i] = literal(s)
		}
		where = append(where, "state IN ("+strings.Join(quoted, ", ")+")")
	}
	if f.Incident != "" {
		where = append(where, "incident = "+literal(f.Incident))
	}
	if f.Destination != "" {
		where = append(where, "destination = "+literal(f.Destination))
	}
	if f.Failing {
		where = append(where, "error != ''")
	}
	return strings.Join(where, " AND ")
}

type deliveryColumns struct {
	incident, ref, digest, errors proto.ColStr
	destination, state, severity  words
	revision, delivered           proto.ColUInt64
	attempts                      proto.ColUInt32
	wanted, at, failing, next     optionalTime
	fellBack                      proto.ColBool
}

func (c *deliveryColumns) columns() []column {
	return []column{
		{"incident", &c.incident}, {"destination", &c.destination}, {"revision", &c.revision}, {"state", &c.state}, {"severity", &c.severity},
		{"delivered", &c.delivered}, {"ref", &c.ref}, {"digest", &c.digest}, {"attempts", &c.attempts}, {"error", &c.errors},
		{"wanted_at", c.wanted}, {"at", c.at}, {"failing_at", c.failing}, {"next_at", c.next}, {"fell_back", &c.fellBack},
	}
}

func (c *deliveryColumns) row(i int) Delivery {
	return Delivery{
		Incident: c.incident.Row(i), Destination: c.destination.Row(i), State: c.state.Row(i), Severity: c.severity.Row(i),
		Wanted: c.revision[i], Delivered: c.delivered[i], Ref: c.ref.Row(i), Digest: c.digest.Row(i), Attempts: c.attempts[i],
		Error: c.errors.Row(i), WantedAt: c.wanted.Row(i), At: c.at.Row(i), FailingAt: c.failing.Row(i), NextAt: c.next.Row(i),
		FellBack: c.fellBack[i],
	}
}

// Deliveries gives the deliveries that a filter chooses, the last attempted first.
func (db *DB) Deliveries(ctx context.Context, f DeliveryFilter) ([]Delivery, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	c := &deliveryColumns{wanted: newOptionalTime(), at: newOptionalTime(), failing: newOptionalTime(), next: newOptionalTime()}
	from := "deliveries FINAL WHERE " + f.where() + " ORDER BY ifNull(at, wanted_at) DESC, incident, destination"
	if f.Limit > 0 {
		from += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	var list []Delivery
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		list = append(list, c.row(i))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading deliveries: %w", err)
	}
	return list, nil
}

type retryColumns struct {
	at           timeColumn
	incident, by proto.ColStr
	destination  words
}

func (c *retryColumns) columns() []column {
	return []column{{"at", &c.at}, {"incident", &c.incident}, {"destination", &c.destination}, {"by", &c.by}}
}

// OrderRetries asks for deliveries to be tried again. They are seen within seconds.
func (db *DB) OrderRetries(ctx context.Context, list []schema.Retry) error {
	if len(list) == 0 {
		return nil
	}
	c := &retryColumns{at: newTime()}
	for _, r := range list {
		c.at.Append(r.At)
		c.incident.Append(r.Incident)
		c.destination.Append(r.Destination)
		c.by.Append(r.By)
	}
	if err := db.insert(ctx, "delivery_retries", "", c.columns()); err != nil {
		return fmt.Errorf("ordering retries: %w", err)
	}
	return nil
}

// Retries gives the orders since then, in their order.
func (db *DB) Retries(ctx context.Context, since time.Time) ([]schema.Retry, error) {
	ctx, cancel := db.bounded(ctx)
	defer cancel()
	c := &retryColumns{at: newTime()}
	var list []schema.Retry
	from := fmt.Sprintf("delivery_retries WHERE at >= fromUnixTimestamp64Milli(toInt64(%d)) ORDER BY at", millis(since))
	err := db.stream(ctx, from, c.columns(), func(i int) error {
		list = append(list, schema.Retry{At: c.at.Row(i), Incident: c.incident.Row(i), Destination: c.destination.Row(i), By: c.by.Row(i)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading orders to retry: %w", err)
	}
	return list, nil
}
