package format

import "bytes"

// slot is where the value of one row stands in the record.
type slot struct {
	from, to int // without the quotes of a string
	kind     kind
	escaped  bool
}

// kind tells what a slot holds: the first byte of the value.
type kind byte

const (
	text   kind = '"'
	array  kind = '['
	object kind = '{'
	null   kind = 'n'
	yes    kind = 't'
	no     kind = 'f'
	number kind = '0'
)

// walker goes through a record once and notes where the values of a table's rows are.
// Nothing is converted before the entry has been read to its end, so that the last of
// several equal keys wins, as in encoding/json, and the order of keys does not matter.
type walker struct {
	scanner
	root     *node
	seen     rows
	slots    [maxRows]slot
	unquoted []byte // buffer for keys with escapes
}

// document walks a whole record and calls entry for each object in it: for the record
// itself, or for each of the array's entries. It returns a fault, or what entry returned.
func (w *walker) document(data []byte, entry func(item int, raw []byte) error) error {
	w.data, w.depth = data, 0
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
	return w.end(end)
}

func (w *walker) end(i int) error {
	if i = w.space(i); i < len(w.data) {
		w.refuse(i, "the end: one record holds one object or one array")
		return w.fault()
	}
	return nil
}

func (w *walker) entries(i int, entry func(int, []byte) error) error {
	w.depth++
	if i = w.space(i); i < len(w.data) && w.data[i] == ']' {
		if err := w.end(i + 1); err != nil {
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
			return w.end(i)
		}
	}
}

// entry walks one entry. One that is not an object is handed on all the same: it has a
// place in the record, and not one field.
func (w *walker) entry(i, item int, entry func(int, []byte) error) (after int, err error) {
	w.seen = rows{}
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

// object walks an object that has rows of the table in it.
func (w *walker) object(at *node, i int) int {
	if w.depth++; w.depth > maxDepth {
		return w.refuse(i-1, "less nesting")
	}
	if i = w.space(i); i < len(w.data) && w.data[i] == '}' {
		w.depth--
		return i + 1
	}
	for n := 0; ; n++ {
		kid, after := w.known(at, n, i)
		switch {
		case after < 0:
			return refused
		case kid != nil:
			i = w.field(kid, after)
		default:
			i = w.value(after)
		}
		if i < 0 {
			return refused
		}
		var last bool
		if i, last = w.next(i, '}'); i < 0 || last {
			w.depth--
			return i
		}
	}
}

// known reads the n-th key of an object and gives its node, nil if the table has none.
// Gateways write the same keys in the same order every time, so it first looks whether
// the key is what stood there in the last record: then it need not be checked again.
func (w *walker) known(at *node, n, i int) (*node, int) {
	i = w.space(i)
	if n < len(at.order) {
		if step := &at.order[n]; bytes.HasPrefix(w.data[i:], step.text) {
			return step.node, w.space(i + len(step.text)) // another writer may put more space there
		}
	}
	name, escaped, after := w.key(i)
	if after < 0 {
		return nil, refused
	}
	if escaped {
		w.unquoted = unescape(w.unquoted[:0], name)
		name = w.unquoted
	}
	kid := at.kids.find(name)
	at.learn(n, w.data[i:after], kid)
	return kid, after
}

// field walks the value of a key that the table knows.
func (w *walker) field(at *node, i int) int {
	w.seen.remove(&at.set) // the same key again: what stood there before is forgotten
	if i < len(w.data) && w.data[i] == '{' {
		return w.object(at, i+1)
	}
	if at.row < 0 {
		return w.value(i)
	}
	w.seen.add(at.row)
	s := &w.slots[at.row]
	if i < len(w.data) && w.data[i] == '"' {
		end, escaped := w.text(i + 1)
		*s = slot{from: i + 1, to: end - 1, kind: text, escaped: escaped}
		return end
	}
	end := w.value(i)
	if end > 0 {
		*s = slot{from: i, to: end, kind: kindOf(w.data[i])}
	}
	return end
}

func kindOf(first byte) kind {
	if first == '-' || first-'0' <= 9 {
		return number
	}
	return kind(first)
}
