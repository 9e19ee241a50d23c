package detect

import "github.com/tokenwatch/tokenwatch/schema"

// position is where a token was last.
type position struct {
	setting        uint32 // of the place, when the token was at home in it; 0 otherwise
	country, city  text
	visitorCountry text // the visit that it belonged to; empty and 0 at home
	visitorASN     uint32
	lat, lon       float32
	at             uint32 // unix seconds
	accuracy       uint16 // km
	network        schema.Network
}

func (p *position) home() bool { return p.visitorCountry == 0 && p.visitorASN == 0 }

// arrive makes the event's place the token's position.
func (l *look) arrive() {
	p, ev, texts := &l.profile.position, l.event, l.memory.texts
	if l.group == home && p.setting == l.setting.place {
		p.at = uint32(l.now)
		return
	}
	to := position{
		country: texts.hold(ev.Country), city: texts.hold(ev.City), visitorCountry: texts.hold(l.group.country), visitorASN: l.group.asn,
		lat: ev.Lat, lon: ev.Lon, at: uint32(l.now), accuracy: ev.AccuracyKM, network: ev.Network,
	}
	if l.group == home {
		to.setting = l.setting.place
	}
	l.memory.move(l.profile, to)
}

// move changes a profile's position to one that holds its texts.
func (m *memory) move(p *profile, to position) {
	for _, id := range [...]text{p.position.country, p.position.city, p.position.visitorCountry} {
		m.texts.drop(id)
	}
	p.position = to
}

// placeOf is what is remembered of the place of a position.
func (m *memory) placeOf(p position) schema.Place {
	return schema.Place{
		Country: m.texts.of(p.country), City: m.texts.of(p.city), Lat: p.lat, Lon: p.lon, AccuracyKM: p.accuracy, Network: p.network,
	}
}

// visitorOf is the visit that a position belonged to, or home.
func (m *memory) visitorOf(p position) group {
	return group{country: m.texts.of(p.visitorCountry), asn: p.visitorASN}
}
