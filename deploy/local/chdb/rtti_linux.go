package chdb

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// The names that the two classes have in their type information: as C++ mangles them, a length before each part.
// ClickHouse's releases put Poco into namespaces of different names (Poco, DBPoco, CHDBPoco), so of the base's name
// only the end is known.
const (
	killingName = "19KillingErrorHandler"
	baseEnding  = "12ErrorHandlerE"
)

// slots is how many entries of a vtable are looked at: two destructors and three methods.
const slots = 5

// errorHandlers finds the vtables of KillingErrorHandler and its base; each is the place of its entry 0 in sealed.
// What it follows is laid down in the Itanium C++ ABI, §2.5.2 and §2.9.5 (the arrows are addresses):
//
//	constants   "19KillingErrorHandler"                   "N4Poco12ErrorHandlerE"
//	                ▲                                         ▲
//	sealed      [·][name][base] type information ──────►  [·][name]
//	                ▲                                         ▲
//	            [0][type][entry 0][1][2][3][4]            [0][type][entry 0][1][2][3][4]
func (m image) errorHandlers() (killing, harmless int, err error) {
	derived, base, err := m.killingTypes()
	if err != nil {
		return 0, 0, err
	}
	if killing, err = m.vtable(derived); err != nil {
		return 0, 0, fmt.Errorf("KillingErrorHandler: %w", err)
	}
	if harmless, err = m.vtable(base); err != nil {
		return 0, 0, fmt.Errorf("ErrorHandler: %w", err)
	}
	return killing, harmless, nil
}

// killingTypes returns the addresses of KillingErrorHandler's type information and of its base's.
//
// The constants are searched from the front up to the first hit, in libchdb 26.7 after 44 of 146 MB. Of these the
// dynamic linker has just read 31, the relocations.
func (m image) killingTypes() (derived, base uintptr, err error) {
	err = errors.New("no class KillingErrorHandler")
	for _, part := range m.constants {
		for at := range occurrences(m.bytes(part), killingName+"\x00") {
			name := uintptr(m.base) + part.from + uintptr(at)
			if derived, base, err = m.typeNamed(name); err == nil {
				return derived, base, nil
			}
		}
	}
	return 0, 0, err
}

// occurrences yields where pattern stands in text.
func occurrences(text []byte, pattern string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for from := 0; ; from++ {
			next := bytes.Index(text[from:], []byte(pattern))
			if next < 0 || !yield(from+next) {
				return
			}
			from += next
		}
	}
}

// typeNamed finds the type information of the class whose name stands at that address, and its base's, which must
// be an ErrorHandler.
func (m image) typeNamed(name uintptr) (derived, base uintptr, err error) {
	err = errors.New("no type information of KillingErrorHandler")
	for i, found := range m.sealed {
		if found != name || i == 0 || i+1 == len(m.sealed) {
			continue
		}
		base = m.sealed[i+1]
		if strings.HasSuffix(m.typeName(base), baseEnding) {
			return m.address(i - 1), base, nil
		}
		err = errors.New("KillingErrorHandler is derived from something else than ErrorHandler")
	}
	return 0, 0, err
}

// typeName is the name in the type information at that address; empty when there is none.
func (m image) typeName(address uintptr) string {
	slot, ok := m.slot(address)
	if !ok || slot+1 == len(m.sealed) {
		return ""
	}
	return m.name(m.sealed[slot+1])
}

// vtable finds the one vtable of the class with that type information.
func (m image) vtable(class uintptr) (int, error) {
	var found []int
	for i, address := range m.sealed {
		if address == class && m.isVtable(i+1) {
			found = append(found, i+1)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d vtables, expected 1", len(found))
	}
	return found[0], nil
}

// isVtable tells whether a vtable begins there whose type is known to match: other tables hold that type too, but
// not between a zero and so many functions.
func (m image) isVtable(slot int) bool {
	return slot >= 2 && slot+slots <= len(m.sealed) &&
		m.sealed[slot-2] == 0 && m.isCode(m.sealed[slot:slot+slots]...)
}
