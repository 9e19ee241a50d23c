package console

import (
	"fmt"
	"math"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// caseReason is a piece of evidence with its weight in words.
type caseReason struct {
	schema.Evidence
	Label, Times string
	Weight       int
}

// Reasons are all pieces of evidence. Messages show the strongest; what they call weight and times is the same here.
func (p *casePage) Reasons() []caseReason {
	var list []caseReason
	for _, e := range p.Inc.Evidence {
		one := *p.Inc
		one.Evidence = []schema.Evidence{e}
		r := caseReason{Evidence: e, Label: alert.Label(e), Times: "against"}
		if said := alert.Compose(one, func(schema.Delivery) string { return "" }).Reasons; len(said) == 1 {
			r.Weight, r.Times = said[0].Weight, said[0].Times
		}
		list = append(list, r)
	}
	return list
}

// EvidenceSQL is where the reasons stand.
func (p *casePage) EvidenceSQL() string {
	return "SELECT e.detector AS detector, e.key AS key, e.time AS at, e.llr AS llr, e.seen AS seen, e.normal AS normal, e.attack_id AS attack_id\n" +
		"FROM incidents FINAL\n" +
		"ARRAY JOIN JSONExtract(incident, 'evidence', 'Array(Tuple(detector String, key String, time String, llr Float64, seen String, normal String, attack_id String))') AS e\n" +
		"WHERE id = '" + p.Inc.ID + "'"
}

// DetailWords says over which time routes and addresses are counted.
func (p *casePage) DetailWords() string {
	text := "Counted since " + p.At(p.Case.DetailFrom)
	if p.Case.DetailUntil.Before(p.Case.Until) {
		text += " until " + p.At(p.Case.DetailUntil) + ", since there are too many requests to count all"
	}
	return text + "; those that are new in that time first."
}

// Said is what a verdict is called.
func (p *casePage) Said(v schema.Verdict) string { return alert.VerdictWord(v.Kind) }

// Delivery says in words how a destination knows of the incident.
func (p *casePage) Delivery(d board.CaseDelivery) string {
	text := map[string]string{"told": "told", "waiting": "waiting", "digest": "told in a digest", "dead": "given up"}[d.State]
	if text == "" {
		text = clip(d.State, 40)
	}
	if d.State == "told" && d.Delivered < d.Revision {
		text += fmt.Sprintf(" of revision %d of %d", d.Delivered, d.Revision)
	}
	if d.Attempts > 1 {
		text += fmt.Sprintf(", %d attempts", d.Attempts)
	}
	if d.FellBack {
		text += ", its fallback was told"
	}
	return text
}

// WordY is where the line of a mark's words stands.
func (c *caseChart) WordY(line int) int { return 14 + 13*line }

// NameSize is the height of a name on the map.
func (m *worldMap) NameSize() float64 { return math.Round(m.Unit*18*10) / 10 }

// Ticks are the hours below the heat map.
func (h *weekHeat) Ticks() []caseTick {
	var list []caseTick
	for hour := 0; hour < 24; hour += 3 {
		list = append(list, caseTick{At: float64(heatLeft + hour*heatSide), Text: fmt.Sprintf("%02d", hour)})
	}
	return list
}
