package format

import "bytes"

// dialect is how one gateway writes a request down: a JSON object that its table reads,
// or a line of text in one of its layouts. A line is turned into the object that the
// gateway would have written, so that both are read by one table.
//
//	203.0.113.7 - acme [21/Nov/2026:21:11:12 +0000] "GET / HTTP/1.1" 200 12
//	   └─ layout ─► {"remote_addr":"203.0.113.7","remote_user":"acme",...} ─► table
type dialect struct {
	*reader
	layouts []layout
	object  []byte // made of the line at hand
	line    []byte
	out     func(*Record) error
	written func(*Record) error // fromLine, bound once: binding it allocates
}

// layout writes the fields of a line into an object, and reports whether the line has
// this layout. It appends to obj what appendField makes.
type layout func(obj, line []byte) ([]byte, bool)

// newDialect opens a table.
func newDialect(t table, cfg Config) (*dialect, error) {
	if t.adapt != nil {
		t.adapt(&t, cfg)
	}
	zone, err := cfg.location()
	if err != nil {
		return nil, err
	}
	t.local(zone)
	r, err := newReader(t, cfg)
	if err != nil {
		return nil, err
	}
	d := &dialect{reader: r, layouts: t.layouts}
	d.written = d.fromLine
	return d, nil
}

// Decode reads one document: an object, an array, or a line.
func (d *dialect) Decode(doc []byte, emit func(*Record) error) error {
	if len(d.layouts) == 0 || !isLine(doc) {
		return d.reader.Decode(doc, emit)
	}
	if read, err := d.decodeLine(doc, emit); read {
		return err
	}
	if !isValue(doc) {
		return &Fault{BadLine, "neither JSON nor a line as " + d.name + " writes it (" + d.shapes + "): " + strange(doc)}
	}
	return d.reader.Decode(doc, emit)
}

// isValue reports whether text is JSON after all: a number, a string.
func isValue(doc []byte) bool {
	s := scanner{data: doc}
	end := s.value(s.space(0))
	return end > 0 && s.space(end) == len(doc)
}

// decodeLine reads a line in the first layout that it has; read is false if it has none.
func (d *dialect) decodeLine(line []byte, emit func(*Record) error) (read bool, err error) {
	for _, has := range d.layouts {
		obj, ok := has(append(d.object[:0], '{'), line)
		d.object = obj
		if !ok {
			continue
		}
		d.object = closeObject(obj)
		d.line, d.out = line, emit
		return true, d.reader.Decode(d.object, d.written)
	}
	return false, nil
}

func (d *dialect) fromLine(r *Record) error {
	r.Raw = d.line
	return d.out(r)
}

// isLine tells text from JSON by its first byte. Envoy's lines begin with the time in
// brackets, where an array would have an object, and others with a level: [WARNING].
func isLine(doc []byte) bool {
	if len(doc) == 0 {
		return false
	}
	switch doc[0] {
	case '{', ' ', '\t', '\r', '\n':
		return false
	case '[':
		return len(doc) > 1 && (doc[1]-'0' <= 9 || doc[1]-'A' < 26 || bytes.HasPrefix(doc, []byte("[pod/")))
	}
	return true
}
