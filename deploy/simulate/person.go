package simulate

import "time"

// person is somebody who uses a token at work: hours in a time zone, days off, an office, a home and a phone.
type person struct {
	base    *place // where the person lives
	cable   line   // at home
	phone   line
	office  *office // nil: works from home
	tunnel  *line   // a VPN that the person uses now and then; nil: none
	rate    float64 // requests on a full working day
	trend   float64 // see growth
	session float64 // median requests of one sitting
	pause   float64 // median seconds between two requests of a sitting

	start, length float64 // the working day, in local hours
	inOffice      float64 // share of working days spent there
	weekends      float64 // chance to work on a day off
	evenings      float64 // chance to go on after dinner
	onPhone       float64 // share of sittings over the phone's network
	inTunnel      float64 // share of sittings through the VPN
	leave         []stretch
	trips         []trip
	clients       []client // the first is used most
	moved         *move
	surge         *surge
	rhythm        *rhythm // of a planned fleet; nil: start and length say when
	shift         float64 // hours by which this person is later than the rhythm
	keen          *keen
}

// stretch is a time from .. to.
type stretch struct{ from, to time.Time }

func (s stretch) holds(at time.Time) bool { return !at.Before(s.from) && at.Before(s.to) }

// earlier is the same stretch, by so much earlier.
func (s stretch) earlier(by time.Duration) stretch { return stretch{s.from.Add(-by), s.to.Add(-by)} }

// keen is a time in which a person certainly works: on arrival, on the first day in a new office.
type keen struct {
	stretch
	venue venue
}

// move is the day on which a person's company takes another office into use.
type move struct {
	stretch
	office *office
	story  int
}

// venue is from where a sitting is held.
type venue uint8

const (
	atHome venue = iota
	atOffice
	atHotel
)

// span is a part of somebody's day with its intensity.
type span struct {
	stretch
	venue  venue
	weight float64
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
