package format

import "bytes"

// leaves makes the object of an entry that has been checked.
func (a *alike) leaves(entry []byte) {
	a.data, a.scanner.depth = entry, 0
	a.object, a.path, a.ends = append(a.object[:0], '{'), a.path[:0], a.ends[:0]
	a.found, a.of = 0, ""
	clear(a.unsure)
	for key := range a.seen {
		a.seen[key] = false
	}
	clear(a.best)
	a.walk(1)
	a.decide()
	for i, best := range a.best {
		if best.value != nil {
			a.write(a.paths[i], best.value)
		}
	}
	a.object = closeObject(a.object)
}

// walk goes through an object from behind its brace, and gives the offset behind it.
func (a *alike) walk(i int) int {
	if i = a.space(i); i < len(a.data) && a.data[i] == '}' {
		return i + 1
	}
	for last := false; i >= 0 && !last; {
		name, escaped, at := a.key(i)
		if at < 0 || at >= len(a.data) {
			return refused
		}
		path, elements := len(a.path), len(a.ends)
		known := !escaped && path+len(name) <= mostPath && a.enter(name)
		if known && a.data[at] == '{' && len(a.ends) <= mostNested {
			i = a.walk(at + 1)
		} else {
			if i = a.value(at); known && i > 0 {
				a.leaf(a.data[at:i])
			}
		}
		a.path, a.ends = a.path[:path], a.ends[:elements]
		if i >= 0 {
			i, last = a.next(i, '}')
		}
	}
	return i
}

// enter appends a key to the path: an element, or several that dots part. Names of headers are the caller's to choose: one
// that only looks alike must not stand for another, so they stay whole. It reports whether anything in there can be of interest.
func (a *alike) enter(key []byte) bool {
	for len(key) > 0 {
		if a.inHeaders() {
			a.path = append(append(a.path, colon), bytes.ToLower(key)...)
			a.ends = append(a.ends, len(a.path))
			return true
		}
		var element []byte
		element, key, _ = bytes.Cut(key, []byte("."))
		from := len(a.path)
		for _, c := range element {
			switch {
			case c-'A' < 26:
				a.path = append(a.path, c|0x20)
			case c-'a' < 26 || c-'0' <= 9 || c == '@':
				a.path = append(a.path, c)
			}
		}
		a.ends = append(a.ends, len(a.path))
		a.tell(from)
	}
	return true
}

// colon parts the name of a header from what it stands within.
const colon = ':'

// inHeaders reports whether the path leads to headers of the request.
func (a *alike) inHeaders() bool {
	if !bytes.HasSuffix(a.path, []byte("headers")) && !bytes.HasSuffix(a.path, []byte("header")) || bytes.HasPrefix(a.path, []byte("res")) {
		return false
	}
	for _, other := range [...]string{"resp", "upstream", "sent", "origin", string(colon)} {
		if bytes.Contains(a.path, []byte(other)) {
			return false
		}
	}
	return true
}

// header is the path of a header without what it stands within, and any other path.
func (a *alike) header(path []byte) []byte {
	if i := bytes.IndexByte(path, colon); i >= 0 {
		a.name = append(append(a.name[:0], "headers"...), path[i:]...)
		return a.name
	}
	return path
}

// tell notes which gateway an element is of: what a module is called goes before a key.
func (a *alike) tell(from int) {
	element := a.path[from:]
	if from == 0 {
		if module, ok := modules[string(element)]; ok {
			a.of = module
			return
		}
	}
	if a.of == "" {
		a.of = a.marks[string(element)]
	}
}

// leaf takes a value over if its path is a name that is known, whole or without what it may stand within.
func (a *alike) leaf(value []byte) {
	if c := value[0]; c != '"' && c != '[' && c != '-' && c-'0' > 9 || len(value) == 2 && c == '"' || string(value) == `"-"` || a.found >= mostFound {
		return
	}
	if bytes.IndexByte(a.path, colon) >= 0 {
		a.add(a.header(a.path), value)
		return
	}
	from := 0
	for _, end := range a.ends {
		name := a.path[from:]
		if seen, telling := a.seen[string(name)]; telling && !seen {
			a.seen[string(name)] = true
		}
		if _, ambiguous := ambiguities[string(name)]; ambiguous && (from == 0 || string(name) != "host") {
			a.unsure[string(name)] = value
			return
		}
		if a.add(name, value) {
			return
		}
		if !around[string(a.path[from:end])] {
			return
		}
		from = end
	}
}

// candidate is the value of a group's name.
type candidate struct {
	value []byte
	rank  int
}

// add takes a value over that stands under a name, if that is known.
func (a *alike) add(name, value []byte) bool {
	if string(name) == "requesttime" && !isAmount(value) {
		name = []byte("requestedat") // AWS, of which others have the duration under that name
	}
	at, known := a.spots[string(name)]
	if !known {
		return false
	}
	a.found++
	if at.group < 0 {
		a.write(string(name), value)
	} else if best := &a.best[at.group]; best.value == nil || at.rank <= best.rank {
		*best = candidate{value, at.rank}
	}
	return true
}

// write appends a value, as it is written, to the object.
func (a *alike) write(name string, value []byte) {
	if len(a.object) > 1 {
		a.object = append(a.object, ',')
	}
	a.object = append(append(append(append(a.object, '"'), name...), `":`...), value...)
}

// isAmount tells a duration in seconds from a time.
func isAmount(value []byte) bool {
	value = bytes.Trim(value, `"`)
	return len(value) < 10 && isNumber(value)
}
