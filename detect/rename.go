package detect

import (
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Names that profiles have given up since the last snapshot are stored as such, without a
// state: what is stored under them would come back at the next start. There are two ways
// to give one up: the profile is dropped for want of room, or, when peppers are rotated,
// goes on under the token's new name.

// givenUp is how a name was given up. Only names that were stored are kept, so there are no
// more of them than profiles were in memory at the last snapshot.
type givenUp struct {
	as   schema.ProfileState
	last uint32 // newest event
}

// takeOver gives the profile of a token's former name to its new one, when peppers are
// rotated and the token is seen under the new name for the first time. It moves rather than
// being copied: both names are one token, which has one profile. Nil if there is none.
//
// Which events carry a former name is part of the stored events, so a replay moves the
// same profiles at the same events.
func (e *Engine) takeOver(ev *schema.Event) *profile {
	if ev.Former.IsZero() {
		return nil
	}
	s, known := e.memory.find(&ev.Former)
	if !known {
		return nil
	}
	p := e.memory.at(s)
	e.giveUp(p, schema.ProfileRenamed)
	if p.story != 0 { // the others are no sightings
		e.campaigns.rename(ev.Former, ev.Token)
	}
	e.memory.rename(s, ev.Token)
	e.comeBack(p)
	return p
}

// giveUp notes that what is stored of a profile does not hold any more.
func (e *Engine) giveUp(p *profile, as schema.ProfileState) {
	if p.stored {
		e.gone[p.token] = givenUp{as, p.last}
	}
}

// comeBack notes that a profile has a name which may have been given up.
func (e *Engine) comeBack(p *profile) {
	_, p.stored = e.gone[p.token]
	delete(e.gone, p.token)
}

// givenUp are the rows for names that profiles have given up.
func (e *Engine) givenUp() []schema.Profile {
	var list []schema.Profile
	for token, g := range e.gone {
		list = append(list, schema.Profile{
			Topic: e.topic, Partition: e.partition, Token: token, Offset: e.offset, Updated: time.Unix(int64(g.last), 0).UTC(), Status: g.as,
		})
	}
	return list
}

// isGivenUp tells such a row from a damaged one.
func isGivenUp(p *schema.Profile) bool {
	return len(p.State) == 0 && !p.Token.IsZero() && (p.Status == schema.ProfileRenamed || p.Status == schema.ProfileDropped)
}
