package format

import "time"

// batched reads what collectors hand on, lists within lists:
//
//	{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":...},"attributes":[{"key":...}]}]}]}]}   OTLP
//	{"streams":[{"stream":{...},"values":[["1795295472856000000","..."], ...]}]}                                 Loki
//
// It reports whether the entry is of such a shape. What is in it and is no record becomes an entry that
// is refused, like any other.
func (w *wrapped) batched(entry []byte) (done bool, err error) {
	for _, shape := range [...]struct {
		path []string
		read func([]byte) (bool, error)
	}{
		{[]string{"resourceLogs", "scopeLogs", "logRecords"}, w.otlp},
		{[]string{"streams", "values"}, w.loki},
	} {
		if member(entry, shape.path[0]) == nil {
			continue
		}
		if err := w.descend(entry, shape.path, shape.read, &done); done || err != nil {
			return done, err
		}
	}
	return false, nil
}

// descend has read called for everything in the lists that the path leads through.
func (w *wrapped) descend(value []byte, path []string, read func([]byte) (bool, error), done *bool) error {
	if len(path) == 0 {
		return w.record(value, read, done)
	}
	return elements(member(value, path[0]), func(inner []byte) error { return w.descend(inner, path[1:], read, done) })
}

// record reads one, and refuses what is none.
func (w *wrapped) record(value []byte, read func([]byte) (bool, error), done *bool) error {
	known, err := read(value)
	*done = true
	if known || err != nil {
		return err
	}
	refusal := Record{Item: w.outer.item, Raw: value, Err: &Fault{UnknownFormat, "no format that is known has the fields of this record of a batch"}}
	w.outer.item++
	return w.outer.emit(&refusal)
}

// otlp reads a log record of OpenTelemetry: its attributes, or else its body.
func (w *wrapped) otlp(record []byte) (bool, error) {
	w.at = time.Time{}
	w.dated("timeUnixNano", member(record, "timeUnixNano"))
	if w.object = attributes(w.object[:0], member(record, "attributes")); len(w.object) > len("{}") {
		if done, err := w.try(record, w.object); done {
			return true, err
		}
	}
	body := member(record, "body")
	if text := member(body, "stringValue"); len(text) > 2 {
		return w.try(record, text)
	}
	if w.object = attributes(w.object[:0], member(member(body, "kvlistValue"), "values")); len(w.object) > len("{}") {
		return w.try(record, w.object)
	}
	return false, nil
}

// attributes makes an object of a list of keys and values.
func attributes(object, list []byte) []byte {
	object = append(object, '{')
	_ = elements(list, func(pair []byte) error {
		key, value := member(pair, "key"), member(pair, "value")
		for _, kind := range [...]string{"stringValue", "intValue", "doubleValue", "boolValue"} {
			if said := member(value, kind); len(key) > 0 && len(said) > 0 {
				if len(object) > 1 {
					object = append(object, ',')
				}
				object = append(append(append(object, key...), ':'), said...)
				break
			}
		}
		return nil
	})
	return append(object, '}')
}

// loki reads a line and its time: ["1795295472856000000", "..."].
func (w *wrapped) loki(pair []byte) (bool, error) {
	var parts [2][]byte
	n := 0
	_ = elements(pair, func(part []byte) error {
		if n < len(parts) {
			parts[n] = part
		}
		n++
		return nil
	})
	if n < len(parts) || parts[1][0] != '"' {
		return false, nil
	}
	w.at = time.Time{}
	w.dated("ts", parts[0])
	return w.try(pair, parts[1])
}

// member is the value of a key of an object, nil if it has none.
func member(object []byte, key string) (value []byte) {
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	s := scanner{data: object}
	for i, last := s.space(1), false; !last && i < len(object) && object[i] == '"'; i = s.space(i) {
		name, _, at := s.key(i)
		if at < 0 {
			return nil
		}
		end := s.value(at)
		if end < 0 {
			return nil
		}
		if string(name) == key {
			value = object[at:end]
		}
		if i, last = s.next(end, '}'); i < 0 {
			return nil
		}
	}
	return value
}

// elements calls each with those of a list.
func elements(list []byte, each func([]byte) error) error {
	if len(list) == 0 || list[0] != '[' {
		return nil
	}
	s := scanner{data: list}
	for i, last := s.space(1), false; !last && i >= 0 && i < len(list) && list[i] != ']'; {
		from := s.space(i)
		end := s.value(from)
		if end < 0 {
			return nil
		}
		if err := each(list[from:end]); err != nil {
			return err
		}
		i, last = s.next(end, ']')
	}
	return nil
}
