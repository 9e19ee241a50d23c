package format

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// node is one key on the way to a table's fields. A tree belongs to one reader: it
// remembers what it has read.
type node struct {
	row      int    // the table's row that ends here, or -1
	word     int    // where that row stands in a set
	bit      uint64 // within the word
	set      rows   // rows that end here or further down
	branches bool   // some end further down
	kids     kids
	steps
}

// rows is a set of a table's rows.
type rows [maxRows / 64]uint64

// maxRows bounds a table.
const maxRows = 128

func (r *rows) add(row int)        { r[row/64] |= 1 << (row % 64) }
func (r *rows) remove(other *rows) { r[0] &^= other[0]; r[1] &^= other[1] }

// kids finds a node by its key with one look: the seed is chosen so that no two keys
// share a place.
type kids struct {
	seed   uint64
	shift  uint8
	places []place
}

type place struct {
	key  string
	node *node
}

func (k *kids) find(key []byte) *node {
	if len(k.places) == 0 {
		return nil
	}
	if p := &k.places[hash(key, k.seed)>>k.shift]; p.key == string(key) {
		return p.node
	}
	return nil
}

// hash mixes a key's length and eight bytes each of its head, middle and tail. Longer
// keys that differ only elsewhere are refused when the tree is grown: no gateway has such.
func hash(key []byte, seed uint64) uint64 {
	n := len(key)
	var head, tail uint64
	switch {
	case n >= 8:
		middle := key[n/2-4:]
		head = binary.LittleEndian.Uint64(key) + binary.LittleEndian.Uint64(middle)*7
		tail = binary.LittleEndian.Uint64(key[n-8:])
	case n >= 4:
		head, tail = uint64(binary.LittleEndian.Uint32(key)), uint64(binary.LittleEndian.Uint32(key[n-4:]))
	case n > 0:
		head, tail = uint64(key[0])|uint64(key[n/2])<<8, uint64(key[n-1])
	}
	return ((head*31+tail)*31 + uint64(n)) * seed
}

// sprout is a node while its tree is still growing.
type sprout struct {
	row   int
	names []string
	kids  map[string]*sprout
}

func newSprout() *sprout { return &sprout{row: -1, kids: map[string]*sprout{}} }

// grow makes a tree of paths, one a row. A dot parts a path's keys; a backslash before
// it makes it part of a key.
func grow(paths []string) (*node, error) {
	if len(paths) > maxRows {
		return nil, fmt.Errorf("%d fields, at most %d are possible", len(paths), maxRows)
	}
	root := newSprout()
	for row, path := range paths {
		if err := root.plant(row, path); err != nil {
			return nil, err
		}
	}
	return root.node()
}

func (s *sprout) plant(row int, path string) error {
	at := s
	for _, key := range keys(path) {
		if key == "" {
			return fmt.Errorf("field %q: empty name between dots", path)
		}
		if at.kids[key] == nil {
			at.kids[key] = newSprout()
			at.names = append(at.names, key)
		}
		at = at.kids[key]
	}
	if at.row >= 0 {
		return fmt.Errorf("field %q: named twice", path)
	}
	at.row = row
	return nil
}

func keys(path string) []string {
	const dot = "\x00" // cannot be in a path that came from a file
	parts := strings.Split(strings.ReplaceAll(path, `\.`, dot), ".")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], dot, ".")
	}
	return parts
}

func (s *sprout) node() (*node, error) {
	n := &node{row: s.row, branches: len(s.names) > 0}
	if s.row >= 0 {
		n.set.add(s.row)
		n.word, n.bit = s.row/64, 1<<(s.row%64)
	}
	kids := make([]*node, len(s.names))
	for i, name := range s.names {
		kid, err := s.kids[name].node()
		if err != nil {
			return nil, err
		}
		n.set[0] |= kid.set[0]
		n.set[1] |= kid.set[1]
		kids[i] = kid
	}
	return n, n.kids.fill(s.names, kids)
}

// fill tries seeds until every key has a place of its own.
func (k *kids) fill(names []string, nodes []*node) error {
	if len(names) == 0 {
		return nil
	}
	bits := 1
	for 1<<bits < 4*len(names) {
		bits++
	}
	for ; bits < 16; bits++ { // after some failures: a larger table
		k.shift = uint8(64 - bits)
		k.places = make([]place, 1<<bits)
		for range 64 {
			k.seed = (k.seed + 0x9e3779b97f4a7c15) | 1
			if k.settle(names, nodes) {
				return nil
			}
			clear(k.places)
		}
	}
	return fmt.Errorf("fields %q: two are too much alike", names)
}

func (k *kids) settle(names []string, nodes []*node) bool {
	for i, name := range names {
		p := &k.places[hash([]byte(name), k.seed)>>k.shift]
		if p.node != nil {
			return false
		}
		*p = place{name, nodes[i]}
	}
	return true
}
