package detect

import (
	"fmt"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// A partition sees a part of an owner's tokens. What the tokens of all partitions tell together (somebody shows all
// sightings to one Campaigns, see Engine.Sightings) comes back as fleet events, which say by time of ingestion when they
// hold: that is part of an event, so a replay is judged as the event was when it came.

// maxMoves bounds the fleet events that an engine knows: the newest.
const maxMoves = 4096

// move is a fleet event in the form in which it is looked up.
type move struct {
	id          string
	from, until int64 // ingested after from and not after until, in unix milliseconds
	client      string
}

// moves are fleet events by what they explain.
type moves struct {
	by    map[gatheringKey][]move
	count int
}

var gatheringNames = [...]string{sameNetwork: "network", sameAddress: "address", sameClient: "client", sameTraffic: "traffic"}

// Know tells the engine of fleet events. One that it knows takes the earlier end of the two.
func (e *Engine) Know(events []schema.FleetEvent) {
	for i := range events {
		e.campaigns.moves.add(&events[i])
	}
}

func (m *moves) add(f *schema.FleetEvent) {
	kind := slices.Index(gatheringNames[:], f.Kind)
	if kind < 0 {
		return
	}
	if m.by == nil {
		m.by = map[gatheringKey][]move{}
	}
	key := gatheringKey{gatheringKind(kind), f.Value, f.Among}
	list := m.by[key]
	until := f.Until.UnixMilli()
	if i := slices.IndexFunc(list, func(o move) bool { return o.id == f.ID }); i >= 0 {
		list[i].until = min(list[i].until, until)
		return
	}
	if m.count >= maxMoves {
		m.dropOldest()
		list = m.by[key]
	}
	m.by[key] = append(list, move{f.ID, f.At.UnixMilli(), until, f.Client})
	m.count++
}

func (m *moves) dropOldest() {
	var key gatheringKey
	at, found := 0, false
	for k, list := range m.by {
		for i := range list {
			if !found || list[i].from < m.by[key][at].from || list[i].from == m.by[key][at].from && k.compare(key) < 0 {
				key, at, found = k, i, true
			}
		}
	}
	if m.by[key] = slices.Delete(m.by[key], at, at+1); len(m.by[key]) == 0 {
		delete(m.by, key)
	}
	m.count--
}

// explaining is a stand-in for a gathering of other partitions that explains an event, or nil.
func (m *moves) explaining(key gatheringKey, ingested time.Time) *gathering {
	list := m.by[key]
	if len(list) == 0 {
		return nil
	}
	at := ingested.UnixMilli()
	for i := range list {
		if list[i].from < at && at <= list[i].until {
			// It is told where it was found, not here.
			return &gathering{key: key, benign: true, told: maxMembers, members: []member{{client: list[i].client}}}
		}
	}
	return nil
}

// FleetEvents are what has become, or ceased to be, a fleet event since the last call, as of a moment: to be given to
// the engines of all partitions. Who is shown the same sightings gives them the same ids.
func (c *Campaigns) FleetEvents(at time.Time) []schema.FleetEvent {
	var list []schema.FleetEvent
	for _, g := range c.sorted() {
		if g.benign == (g.event.ID != "") {
			continue
		}
		if g.benign {
			g.events++
			g.event = schema.FleetEvent{
				ID: fmt.Sprint(g.name(), "-", g.key.sum(), "-", g.events), At: at, Until: at.Add(time.Duration(g.window()) * time.Second),
				Kind: gatheringNames[g.key.kind], Value: g.key.value, Among: g.key.among, Client: g.newClient(),
			}
			list = append(list, g.event)
			continue
		}
		g.event.Until = at
		list = append(list, g.event)
		g.event = schema.FleetEvent{}
	}
	return list
}
