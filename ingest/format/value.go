package format

// said gives the text of a slot: what a string says, a number as it is written, the
// first element of an array that says something. Objects and booleans say nothing.
func (r *reader) said(to *goal, s *slot) []byte {
	switch s.kind {
	case text, number:
		return r.plain(r.data[s.from:s.to], s.escaped)
	case array:
		if to.what == forwardedFor || to.what == forwarded || to.what == captured {
			return r.joined(s)
		}
		return r.first(s)
	}
	return nil
}

func (r *reader) plain(raw []byte, escaped bool) []byte {
	if !escaped {
		return raw
	}
	from := len(r.buf)
	r.buf = unescape(r.buf, raw)
	return r.buf[from:len(r.buf):len(r.buf)]
}

// first is the first string of an array that says something, as headers are logged by
// gateways that allow several of a name.
func (r *reader) first(s *slot) []byte {
	for i := s.from + 1; i < s.to; {
		var v []byte
		if v, i = r.element(i); !unset(v) {
			return v
		}
	}
	return nil
}

// joined puts the strings of an array in a row, as RFC 9110 does with headers of a name.
func (r *reader) joined(s *slot) []byte {
	from := len(r.list)
	for i := s.from + 1; i < s.to; {
		var v []byte
		if v, i = r.element(i); unset(v) {
			continue
		}
		if len(r.list) > from {
			r.list = append(r.list, ", "...)
		}
		r.list = append(r.list, v...)
	}
	return r.list[from:len(r.list):len(r.list)]
}

// element reads an element of an array that has been checked, from before it, and gives
// the offset after the comma or bracket that follows. What is no string says nothing.
func (r *reader) element(i int) (v []byte, after int) {
	i = r.space(i)
	if r.data[i] == ']' {
		return nil, i + 1
	}
	if r.data[i] != '"' {
		after, _ = r.next(r.value(i), ']')
		return nil, after
	}
	end, escaped := r.text(i + 1)
	after, _ = r.next(end, ']')
	return r.plain(r.data[i+1:end-1], escaped), after
}
