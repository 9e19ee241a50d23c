package ingest

import (
	"bytes"
	"math"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// habit is what stood beside a caller's credential in its last record, and where in the credential stands what
// the scrubber looks for. Both hold only for records whose one credential is that by which the caller
// is known, or which have none: of those nothing else may have to be blanked.
type habit struct {
	owner             // of the consumer
	from, to uint16   // of the needle, within the credential as it was sent
	aimed    bool     // from and to are known
	older    bool     // of a pair's first: the second was used since
	size     uint8    // of beside
	beside   [72]byte // the consumer as the record named it
}

// alone reports whether a record has no credential but the one by which its caller is known.
func alone(r *format.Record) bool {
	switch len(r.Secrets) {
	case 0:
		return true
	case 1:
		secret := r.Secrets[0]
		return len(r.Credential) == 0 && len(secret) == len(r.Token) && len(secret) > 0 && &secret[0] == &r.Token[0]
	}
	return false
}

// aim tells the scrubber what to look for in the texts of a record whose only credential is the caller's.
func (w *decoding) aim(who *caller, r *format.Record) {
	if len(r.Secrets) == 0 {
		return
	}
	if !who.aimed {
		who.study(w.scrub, r.Token)
	}
	if who.aimed {
		w.scrub.aim(r.Token[who.from:who.to])
	}
}

// study notes where in a token the needle is that the scrubber would look for. There is one as a rule, and none where the token
// is too short.
func (h *habit) study(s *Scrubber, token []byte) {
	s.learnt()
	switch len(s.needles) {
	case 0:
		h.from, h.to, h.aimed = 0, 0, true
	case 1:
		at := bytes.Index(token, s.needles[0])
		if end := at + len(s.needles[0]); at >= 0 && end <= math.MaxUint16 {
			h.from, h.to, h.aimed = uint16(at), uint16(end), true
		}
	}
}

// ownerBeside is owner for a record whose only credential is the caller's.
func (w *decoding) ownerBeside(who *caller, raw []byte) owner {
	if len(raw) > 0 && string(who.beside[:who.size]) == string(raw) {
		return who.owner
	}
	o, kept := w.owner(raw)
	if kept && len(raw) <= len(who.beside) {
		who.owner, who.size = o, uint8(copy(who.beside[:], raw))
	}
	return o
}
