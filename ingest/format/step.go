package format

import (
	"encoding/binary"
	"math"
)

// steps remembers how the objects were written that were read at one node. Gateways write the
// same keys in the same order nearly every time, so what follows a value is foreseen, compared
// as a whole, and need not be taken apart again.
//
//	{"status":200,"bytes_sent":"166","consumer":"acme"}
//	└─ first ─┘  └── later ────┘   └── later ──┘
type steps struct {
	start step   // stands before the first key
	long  step   // stands for all that are too long to be remembered
	first []step // what has stood behind a brace
	later []step // what has stood behind a value
	made  uint32 // how many there were
}

// step is what was written between two values of an object: a comma unless it is the first,
// a key, its colon, the opening of a text or of a list of texts, and white space.
type step struct {
	head, end uint64   // the word at its beginning, and the one at tail, which is its last
	mask      uint64   // of both: less than all only where there is less than one of them
	next      [2]*step // that followed last time, and the time before
	node      *node    // of the key, nil if the table does not know it
	leaf      *node    // the same, if it is a row with none below it
	size      int
	tail      int
	room      int // at least a word
	form      form
	mark      int8 // see walker.marked

	made uint32 // counts the steps of its node, so that one which took another's place can be told from it

	text    [maxStep]byte
	stretch stretch
	values  values
}

// form tells what follows a step.
type form uint8

const (
	opens     form = iota // anything, which begins behind the step
	opensText             // a text, whose opening quote belongs to the step
	opensList             // a list of texts, whose bracket and first quote do: gateways that allow several headers of a name
)

// What is remembered of an object is bounded, since others write it: steps take each other's
// place.
const (
	maxStep  = 64 // bytes
	maxFirst = 4
	minLater = 32 // a power of two, like maxLater
	maxLater = 256
	nearby   = 4 // places that a step may have
)

// stands reports whether this is what stands at i. Its first word and its last cover what most gateways write, wherever
// they overlap, so that there is nothing to loop over.
func (s *step) stands(data []byte, i int) bool {
	return i+s.room <= len(data) && // else it is within a word of the end: whoever asks takes it apart
		((binary.LittleEndian.Uint64(data[i:])^s.head)|(binary.LittleEndian.Uint64(data[i+s.tail:])^s.end))&s.mask == 0 &&
		(s.size <= 16 || s.between(data[i:]))
}

// between compares what is neither in the first word nor in the last.
func (s *step) between(data []byte) bool {
	for n := 8; n < s.tail; n += 8 {
		if binary.LittleEndian.Uint64(data[n:]) != binary.LittleEndian.Uint64(s.text[n:]) {
			return false
		}
	}
	return true
}

// is compares with a text of any length.
func (s *step) is(text []byte) bool { return string(text) == string(s.text[:s.size]) }

func newStep(text []byte, kid *node, mark int8) step {
	s := step{node: kid, mark: mark, size: len(text), form: formOf(text)}
	if kid != nil && kid.row >= 0 && !kid.branches {
		s.leaf = kid
	}
	if len(text) > maxStep {
		s.room = math.MaxInt32 // never stands anywhere
		return s
	}
	copy(s.text[:], text)
	s.room, s.mask = max(8, len(text)), ^uint64(0)>>(64-8*min(8, len(text)))
	s.tail = s.room - 8
	s.head, s.end = binary.LittleEndian.Uint64(s.text[:]), binary.LittleEndian.Uint64(s.text[s.tail:])
	return s
}

func formOf(text []byte) form {
	switch {
	case text[len(text)-1] != '"':
		return opens
	case text[len(text)-2] == '[':
		return opensList
	}
	return opensText
}

// learn remembers that this step, which leads to kid, followed last.
func (s *steps) learn(last *step, text []byte, kid *node, mark int8) *step {
	if len(text) > maxStep {
		s.long = newStep(text, kid, mark)
		return &s.long
	}
	if s.later == nil {
		s.first, s.later = make([]step, maxFirst), make([]step, minLater)
	}
	among := s.later
	if last == &s.start {
		among = s.first // never behind a value: it has no comma
	}
	next, free := seat(among, text)
	if !free && len(among) >= minLater && len(among) < maxLater {
		s.later = make([]step, 2*len(among)) // what was learnt before is soon learnt again
		next, _ = seat(s.later, text)
	}
	if !next.is(text) {
		kept, stretch := next.values.kept, next.stretch // the memory serves again
		*next = newStep(text, kid, mark)
		next.values.kept = [2][]byte{kept[0][:0], kept[1][:0]}
		next.stretch.kept = stretch.kept[:0]
		s.made++
		next.made = s.made
	}
	if last.next[0] != next {
		last.next = [2]*step{next, last.next[0]}
	}
	return next
}

// seat is where a step stands, or where it may be put: free tells whether nothing else stands there.
func seat(among []step, text []byte) (s *step, free bool) {
	home := hash(text, 0x9e3779b97f4a7c15) >> 40 // its upper bits are the well mixed ones
	for n := range uint64(nearby) {
		s = &among[(home+n)%uint64(len(among))]
		if s.size == 0 || s.is(text) {
			return s, true
		}
	}
	return &among[home%uint64(len(among))], false
}

// values are objects and arrays that stood behind a key which the table does not know. They have
// been checked: gateways repeat what they know about a service or a route in every record.
type values struct {
	kept   [2][]byte // last come first
	misses uint16    // since one of them came again
}

// Values are remembered if they are worth it, and not for ever if none ever comes again.
const (
	leastValue = 32
	mostValue  = 1 << 10 // bytes
	patience   = 64      // after so many misses they are left alone, until misses begin at 0 again
)

// again gives the offset after a value that stood here before, 0 if another stands there.
func (v *values) again(data []byte, i int) int {
	for n, kept := range &v.kept {
		if end := i + len(kept); len(kept) > 0 && end <= len(data) && string(data[i:end]) == string(kept) {
			v.kept[0], v.kept[n] = kept, v.kept[0]
			v.misses = 0
			return end
		}
	}
	return 0
}

// keep remembers a value in the place of the one that was not seen for longest.
func (v *values) keep(value []byte) {
	if v.misses++; v.misses <= patience && len(value) >= leastValue && len(value) <= mostValue {
		v.kept[0], v.kept[1] = append(v.kept[1][:0], value...), v.kept[0]
	}
}
