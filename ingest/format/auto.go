package format

import "slices"

// Auto is the name of the format that recognises the others.
const Auto = "auto"

// auto reads records of every format in one topic: it recognises each by the keys of its
// outermost object, or by the shape of its line. Callers choose values, gateways choose
// keys, so nobody who makes requests can have a record taken for another format's. What a
// record is taken for depends on the record alone, so that a replay takes it for the same.
type auto struct {
	scanner
	formats []*dialect
	byMark  map[string]int // key to index in formats
	owners  map[what]int   // indices of the formats that share NGINX's names, by what only they have
	other   int            // index of the one of these that the record at hand is of
	reads   int            // index of the format of the record at hand, -1 when none was recognised
	likely  int            // index of the format of the last one, -1 when it was none
	trying  bool           // reads is likely, and nothing was emitted yet

	emit  func(*Record) error
	first func(*Record) error // check, bound once: binding it allocates
}

// newAuto opens every format. Fields named in the configuration hold for all of them.
func newAuto(cfg Config) (*auto, error) {
	a := &auto{byMark: map[string]int{}, owners: map[what]int{}, reads: -1, likely: -1}
	for i, t := range tables() {
		f, err := newDialect(t, cfg)
		if err != nil {
			return nil, err
		}
		a.formats = append(a.formats, f)
		for _, mark := range t.marks {
			a.byMark[mark] = i
		}
		switch t.name {
		case "apisix":
			a.owners[elsewhere] = i
		case "envoy":
			a.owners[envoysOwn] = i
		case "haproxy":
			a.owners[haproxysOwn] = i
		case "aws-apigateway":
			a.owners[awsOwn] = i
		}
	}
	for _, f := range a.formats {
		f.markOf = a.byMark
	}
	a.first = a.check
	return a, nil
}

// Name is the format that the record at hand was recognised as.
func (a *auto) Name() string {
	if a.reads < 0 {
		return Auto
	}
	return a.formats[a.reads].Name()
}

// Blank joins what all formats keep private: a record that none recognises may be of any.
func (a *auto) Blank() []string {
	var all []string
	for _, f := range a.formats {
		all = append(all, f.Blank()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Decode has the document read by the format that recognises it.
func (a *auto) Decode(doc []byte, emit func(*Record) error) error {
	if isLine(doc) {
		if read, err := a.decodeLine(doc, emit); read {
			return err
		}
	}
	a.emit = emit
	if a.likely >= 0 && !isLine(doc) {
		a.reads, a.trying = a.likely, true
		if err := a.formats[a.reads].Decode(doc, a.first); !a.trying {
			return err
		}
	}
	a.trying = false
	err := a.search(doc)
	if a.likely = a.reads; err == errElsewhere {
		a.reads, a.likely = a.other, -1
		err = a.formats[a.reads].Decode(doc, emit)
	}
	return err
}

// search has the document read by the format that its first mark is of.
func (a *auto) search(doc []byte) error {
	if a.reads = a.recognise(doc); a.reads < 0 {
		return a.guess(doc, a.emit)
	}
	return a.formats[a.reads].Decode(doc, a.first)
}

// errElsewhere ends the reading of a record that turns out to be another format's.
const errElsewhere = Reason("elsewhere")

// check lets entries through. One with NGINX's variables and with what APISIX adds to
// them is APISIX's, wherever in the record that stands; and Envoy's, with what only Envoy knows.
func (a *auto) check(r *Record) error {
	if r.Item == 0 {
		if r.elsewhere != 0 {
			if a.other = a.owners[r.elsewhere]; a.reads != a.other {
				return errElsewhere
			}
		}
		if a.trying && !a.meets(r) {
			return errElsewhere
		}
	}
	a.trying = false
	return a.emit(r)
}

// meets reports whether the first entry of a document that was read by the likely format would
// have been read by it anyway: its first mark is that format's, or it has none and is what is
// guessed first. The reader has noted the mark on its way, which spares looking for it.
func (a *auto) meets(r *Record) bool {
	marked := a.formats[a.reads].marked
	return marked == int8(a.reads+1) || marked == 0 && a.reads == 0 && r.Err == nil
}

// decodeLine reads a line in the first layout that it has. Of two formats that could read a
// line the one with more to it stands first.
func (a *auto) decodeLine(line []byte, emit func(*Record) error) (read bool, err error) {
	for _, name := range [...]string{"caddy", "traefik", "envoy", "haproxy", "aws-apigateway", "apisix", "nginx"} {
		for i, f := range a.formats {
			if f.name != name {
				continue
			}
			a.reads = i
			if read, err = f.decodeLine(line, emit); read {
				return true, err
			}
		}
	}
	return false, nil
}

// guess reads what has no mark: as tokenwatch's own, whose keys are so common that few of
// them mark anything, or else as the first format that finds a whole request in it.
func (a *auto) guess(doc []byte, emit func(*Record) error) error {
	a.reads = -1
	if isLine(doc) && !isValue(doc) {
		return &Fault{BadLine, "neither JSON nor a line in a layout that is known: " + strange(doc)}
	}
	for i, f := range a.formats {
		fits := false
		_ = f.Decode(doc, func(r *Record) error {
			fits = r.Err == nil && (i == 0 || len(r.URI) > 0 && (r.Status > 0 || len(r.Method) > 0))
			return errNothing
		})
		if fits {
			a.reads = i
			return f.Decode(doc, emit)
		}
	}
	return a.formats[0].Decode(doc, func(r *Record) error {
		if isFault(r.Err, UnknownFormat) {
			r.Err = &Fault{UnknownFormat, "no format that is known has its fields"}
		}
		return emit(r)
	})
}

// recognise looks for the first key that only one format has, in the record or, when it
// is an array, in its first entry.
func (a *auto) recognise(value []byte) int {
	a.data, a.depth = value, 0
	i := a.space(0)
	if i < len(value) && value[i] == '[' {
		i = a.space(i + 1)
	}
	if i >= len(value) || value[i] != '{' {
		return -1
	}
	for i++; ; {
		name, _, at := a.key(i)
		if at < 0 {
			return -1 // empty or no JSON: whoever decodes it says so
		}
		if f, known := a.byMark[string(name)]; known {
			return f
		}
		var last bool
		if i = a.value(at); i >= 0 {
			i, last = a.next(i, '}')
		}
		if i < 0 || last {
			return -1
		}
	}
}
