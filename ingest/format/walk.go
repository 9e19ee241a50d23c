package format

import (
	"encoding/binary"
	"math/bits"
)

// slot is where the value of one row stands in the record.
type slot struct {
	from, to int // without the quotes of a string
	kind     kind
	escaped  bool
	plain    bool // the number n / 10^places, see amount
	places   uint8
	n        uint64
}

// kind tells what a slot holds. The first three may say something.
type kind byte

const (
	text kind = iota
	number
	array
	silent // an object, true, false, null
)

// walker goes through a record once and notes where the values of a table's rows are.
// Nothing is converted before the entry has been read to its end, so that the last of
// several equal keys wins, as in encoding/json, and the order of keys does not matter.
type walker struct {
	scanner
	root     *node
	seen     bool // a row stands in the entry
	told     rows // that stand in it
	slots    [maxRows]slot
	unquoted []byte // buffer for keys with escapes

	markOf map[string]int // outermost keys to look for, and what they are called; may be nil
	marked int8           // 1 + what the entry's first such key is called, or 0
}

// document walks a whole record and calls entry for each object in it: for the record
// itself, or for each of the array's entries. It returns a fault, or what entry returned.
func (w *walker) document(data []byte, entry func(item int, raw []byte) error) error {
	w.data, w.depth = data[:len(data):len(data)], 0
	i := w.space(0)
	if i >= len(data) {
		return &Fault{Empty, "nothing in it: is the producer sending tombstones?"}
	}
	if data[i] == '[' {
		return w.entries(i+1, entry)
	}
	end, err := w.entry(i, 0, entry)
	if err != nil {
		return err
	}
	return w.ended(end)
}

func (w *walker) ended(i int) error {
	if i = w.space(i); i < len(w.data) {
		w.refuse(i, "the end: one record holds one object or one array")
		return w.fault()
	}
	return nil
}

func (w *walker) entries(i int, entry func(int, []byte) error) error {
	w.depth++
	if i = w.space(i); i < len(w.data) && w.data[i] == ']' {
		if err := w.ended(i + 1); err != nil {
			return err
		}
		return &Fault{Empty, "an array without entries"}
	}
	for item := 0; ; item++ {
		end, err := w.entry(w.space(i), item, entry)
		if err != nil {
			return err
		}
		var last bool
		if i, last = w.next(end, ']'); i < 0 {
			return w.fault()
		}
		if last {
			return w.ended(i)
		}
	}
}

// entry walks one entry. One that is not an object is handed on all the same: it has a
// place in the record, and not one field.
func (w *walker) entry(i, item int, entry func(int, []byte) error) (after int, err error) {
	w.seen, w.told, w.marked = false, rows{}, 0
	if i < len(w.data) && w.data[i] == '{' {
		after = w.object(w.root, i+1)
	} else {
		after = w.value(i)
	}
	if after < 0 {
		return after, w.fault()
	}
	return after, entry(item, w.data[i:after])
}

// object walks an object that has rows of the table in it, from after its brace. Nearly all
// records are nothing but what was foreseen, plain texts and whole numbers: those stay within this loop.
func (w *walker) object(at *node, i int) int {
	if w.depth++; w.depth > maxDepth {
		return w.refuse(i-1, "less nesting")
	}
	data := w.data
	for last := &at.start; ; {
		next := last.next[0]
		if next != nil && next.stands(data, i) {
			i += next.size
		} else if next, i = w.turn(at, last, i); next == nil {
			w.depth--
			return i
		}
		if next.mark != 0 && w.marked == 0 {
			w.marked = next.mark
		}
		if next.node == nil {
			if next, i = w.pass(at, next, i); next == nil {
				w.depth--
				return i
			}
		}
		last = next
		if next.form == opens {
			end, n, places := figure(data, i)
			if end == 0 {
				end = w.other(next, i)
			} else if next.leaf != nil {
				w.tellCount(next.leaf, i, end, n, places)
			} else {
				w.count(next.node, i, end, n, places)
			}
			if i = end; i < 0 {
				return refused
			}
			continue
		}
		from, escaped := i, false
		if i < 0 {
			return refused // never; the compiler sees by it that no access needs a check
		}
		for ; i <= len(data)-8; i += 8 {
			if marks := special(binary.LittleEndian.Uint64(data[i : i+8])); marks != 0 {
				i += bits.TrailingZeros64(marks) >> 3
				break
			}
		}
		if uint(i) < uint(len(data)) && data[i] == '"' {
			i++
		} else if i, escaped = w.rest(i); i < 0 {
			return refused
		}
		end := i - 1
		if next.form == opensList {
			if uint(i) >= uint(len(data)) || data[i] != ']' {
				if i = w.several(next, from, i); i < 0 {
					return refused
				}
				continue
			}
			i++
		}
		if next.leaf != nil {
			w.tell(next.leaf, from, end, text, escaped)
		} else {
			w.note(next.node, from, end, text, escaped)
		}
	}
}

// pass walks over values that are of no interest, from that of the first step, and gives the next step that leads to one
// that is. At the end of the object there is no step.
func (w *walker) pass(at *node, last *step, i int) (*step, int) {
	var begun *step // whose stretch can be learnt
	since, marks := 0, false
	for {
		var next *step
		if len(last.stretch.kept) > 0 && (w.marked != 0 || !last.stretch.marks) && last.stretch.stands(w.data, i) {
			i += len(last.stretch.kept)
			next, marks = last.stretch.over, marks || last.stretch.marks
		} else {
			if begun == nil && last.size <= maxStep && last.stretch.misses < patience {
				begun, since, marks = last, i, false
			}
			if i = w.passed(last, i); i < 0 {
				return nil, refused
			}
			if next = last.next[0]; next != nil && next.stands(w.data, i) {
				i += next.size
			} else {
				next, i = w.turn(at, last, i)
			}
			if next != nil && next.mark != 0 {
				if marks = true; w.marked == 0 {
					w.marked = next.mark
				}
			}
		}
		if next == nil || next.node != nil {
			if begun != nil && i > 0 {
				begun.stretch.meet(w.data[since:i], next, marks)
			}
			return next, i
		}
		last = next
	}
}

// passed walks over the value behind a step.
func (w *walker) passed(s *step, i int) int {
	if s.form == opens {
		if end, _, _ := figure(w.data, i); end > 0 {
			return end
		}
		return w.other(s, i)
	}
	from := i
	if i, _ = w.text(i); i < 0 || s.form == opensText {
		return i
	}
	if uint(i) < uint(len(w.data)) && w.data[i] == ']' {
		return i + 1
	}
	return w.several(s, from, i)
}

// turn goes on where a record does not as the last one did: as the one before, or in a way
// of its own. At the end of the object there is no step.
func (w *walker) turn(at *node, last *step, i int) (*step, int) {
	if next := last.next[1]; next != nil && next.stands(w.data, i) {
		return next, i + next.size
	}
	return w.step(at, last, i)
}

// step reads what stands between two values of an object and was not foreseen: a comma, a key, its
// colon, and the opening quote of a text. At the end of the object there is no step.
func (w *walker) step(at *node, last *step, i int) (*step, int) {
	from, end := i, false
	if last == &at.start {
		if i = w.space(i); i < len(w.data) && w.data[i] == '}' {
			return nil, i + 1
		}
	} else if i, end = w.next(i, '}'); i < 0 || end {
		return nil, i
	}
	name, escaped, i := w.key(i)
	if i < 0 {
		return nil, refused
	}
	mark := w.mark(at, name)
	if escaped {
		w.unquoted = unescape(w.unquoted[:0], name)
		name = w.unquoted
	}
	if i < len(w.data) && w.data[i] == '"' {
		i++
	} else if i+1 < len(w.data) && w.data[i] == '[' && w.data[i+1] == '"' {
		i += 2
	}
	return at.learn(last, w.data[from:i], at.kids.find(name), mark), i
}

func (w *walker) mark(at *node, name []byte) int8 {
	if at != w.root {
		return 0
	}
	if called, ok := w.markOf[string(name)]; ok {
		return int8(called + 1)
	}
	return 0
}

// other walks a value other than a text that was foreseen.
func (w *walker) other(s *step, i int) int {
	i = w.space(i)
	switch {
	case i >= len(w.data):
		return w.value(i)
	case w.data[i]-'0' <= 9:
		end := w.number(i)
		if end >= 0 && s.node != nil {
			w.note(s.node, i, end, number, false)
		}
		return end
	case s.node == nil && (w.data[i] == '{' || w.data[i] == '['):
		return w.passing(s, i)
	case s.node == nil:
		return w.value(i)
	case w.data[i] == '{':
		w.forget(s.node)
		return w.object(s.node, i+1)
	case w.data[i] == '"':
		end, escaped := w.text(i + 1)
		if end >= 0 {
			w.note(s.node, i+1, end-1, text, escaped)
		}
		return end
	}
	end := w.value(i)
	if end >= 0 {
		w.note(s.node, i, end, kindOf(w.data[i]), false)
	}
	return end
}

// several walks a list of texts that began at from and has more than the one that ends before i.
func (w *walker) several(s *step, from, i int) int {
	for i+1 < len(w.data) && w.data[i] == ',' && w.data[i+1] == '"' {
		if i, _ = w.text(i + 2); i < 0 {
			return refused
		}
	}
	begin := from - len(`["`)
	if i >= len(w.data) || w.data[i] != ']' {
		return w.other(s, begin) // white space, other values
	}
	if s.node != nil {
		w.note(s.node, begin, i+1, array, false)
	}
	return i + 1
}

// passing walks over an object or array in which nothing is of interest.
func (w *walker) passing(s *step, i int) int {
	if s.size > maxStep {
		return w.nested(i)
	}
	if s.values.misses < patience {
		if end := s.values.again(w.data, i); end > 0 {
			return end
		}
	}
	end := w.nested(i)
	if end >= 0 {
		s.values.keep(w.data[i:end])
	}
	return end
}

// forget drops what stood under the same key before.
func (w *walker) forget(at *node) {
	w.told.remove(&at.set)
}

// note keeps the value of a row, in the place of what stood under the same key before.
func (w *walker) note(at *node, from, to int, kind kind, escaped bool) {
	if at.branches {
		w.forget(at)
	}
	if at.row >= 0 { // or else something else stands where an object is wanted
		w.tell(at, from, to, kind, escaped)
	}
}

// tell is note for a row that has none below it.
func (w *walker) tell(at *node, from, to int, kind kind, escaped bool) {
	s := &w.slots[at.row&(maxRows-1)]
	s.from, s.to, s.kind, s.escaped, s.plain = from, to, kind, escaped, false
	w.told[at.word&1] |= at.bit
	w.seen = true
}

// count is note for a number that has been read.
func (w *walker) count(at *node, from, to int, n uint64, places int) {
	if at.branches {
		w.forget(at)
	}
	if at.row >= 0 {
		w.tellCount(at, from, to, n, places)
	}
}

// tellCount is count for a row that has none below it.
func (w *walker) tellCount(at *node, from, to int, n uint64, places int) {
	s := &w.slots[at.row&(maxRows-1)]
	s.from, s.to, s.kind, s.escaped, s.plain, s.places, s.n = from, to, number, false, true, uint8(places), n
	w.told[at.word&1] |= at.bit
	w.seen = true
}

func kindOf(first byte) kind {
	switch {
	case first == '[':
		return array
	case first == '-' || first-'0' <= 9:
		return number
	}
	return silent
}
