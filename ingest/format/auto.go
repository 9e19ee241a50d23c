package format

// Auto is the name of the format that recognises the others.
const Auto = "auto"

// auto reads records of every format in one topic: it recognises each by the keys of its
// outermost object. Callers choose values, gateways choose keys, so nobody who makes
// requests can have a record taken for another format's.
type auto struct {
	scanner
	formats []Format
	byMark  map[string]int // key to index in formats
	reads   int            // index of the format of the record at hand, -1 when none was recognised
}

// newAuto opens every format. Fields named in the configuration hold for all of them.
func newAuto(cfg Config) (Format, error) {
	a := &auto{byMark: map[string]int{}, reads: -1}
	for i, t := range tables() {
		f, err := newReader(t, cfg)
		if err != nil {
			return nil, err
		}
		a.formats = append(a.formats, f)
		for _, mark := range t.marks {
			a.byMark[mark] = i
		}
	}
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
	return all
}

// Decode has the record read by the format that recognises it. What none does is read as
// tokenwatch's own, the one format with keys so common that they mark nothing.
func (a *auto) Decode(value []byte, emit func(*Record) error) error {
	a.reads = a.recognise(value)
	if a.reads >= 0 {
		return a.formats[a.reads].Decode(value, emit)
	}
	return a.formats[0].Decode(value, func(r *Record) error {
		if r.Err == nil {
			a.reads = 0
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
