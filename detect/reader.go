package detect

import (
	"fmt"
	"math"

	"github.com/tokenwatch/tokenwatch/schema"
)

// firstWrite finds a token that only ever read and now writes.
//
// Model: the cohort knows on how many of their days tokens that never wrote began to; a
// thief who has a reader's token tries to write with a fair chance. APIs that take
// questions by POST have no readers in this sense, and nothing is said of their tokens.
// Where nothing else is strange it most often is the owner's next feature.
type firstWrite struct{}

const (
	firstWriteName   = "first_write"
	firstWriteCap    = 3.5
	firstWriteAtHome = 0.5
	theftWrites      = 0.3
	readerDays       = 5  // active days before a token counts as a reader
	readerEvents     = 30 // and requests
)

// Kinds of methods, as bits.
const (
	reads uint8 = 1 << iota
	writes

	openDay = 2 // bits by which those of the open day are higher
)

func (firstWrite) name() string { return firstWriteName }

func (firstWrite) phrase() string { return "to write for the first time" }

func (firstWrite) look(l *look) {
	p := l.profile
	if p.doings.news&methodNews == 0 || p.days <= readerDays || p.events < readerEvents || !p.doings.reads() {
		return
	}
	k := &l.cohort.pools
	owner := (k.first + 1) / (k.readers + 50)
	llr := l.atHome(firstWriteAtHome) * min(firstWriteCap, math.Log(theftWrites/owner))
	if llr < leastSaid {
		return
	}
	l.found(firstWriteName, llr, func() words {
		return words{
			key:    "write",
			seen:   l.event.Method + " " + clip(l.event.Route),
			normal: fmt.Sprintf("only read, %d requests", p.events) + overDays(int(p.days)-1),
		}
	})
}

// reads tells a token that never wrote.
func (d *doings) reads() bool { return d.methods&(reads|writes) == reads }

// ask takes in which route is asked for, and how.
func (d *doings) ask(ev *schema.Event, salt uint64) {
	if kind := methodKind(ev.Method); d.methods&(kind<<openDay) != kind<<openDay {
		if kind == writes && d.reads() {
			d.news |= methodNews
		}
		d.methods |= kind << openDay
	}
	if ev.Route == "" {
		return
	}
	if bit := uint64(1) << (blend(uint64(textHash(ev.Route)), salt) >> 58); (d.routes|d.fresh)&bit == 0 {
		d.fresh |= bit
		d.news |= routeNews
	}
}

func methodKind(method string) uint8 {
	switch method {
	case "GET", "HEAD":
		return reads
	case "POST", "PUT", "PATCH", "DELETE":
		return writes
	}
	return 0
}
