package format

import "bytes"

// joinQuery puts a query string that stands apart behind its path.
func (r *reader) joinQuery(rec *Record) {
	if bytes.IndexByte(rec.URI, '?') >= 0 {
		return
	}
	from := len(r.list)
	r.list = append(r.list, rec.URI...)
	if rec.query[0] != '?' {
		r.list = append(r.list, '?')
	}
	r.list = append(r.list, rec.query...)
	rec.URI = r.list[from:len(r.list):len(r.list)]
}

// queryTokens finds credentials in the query string, to its end or that of what stands before a #. Each is a secret; the
// first is the token if no field held one.
func (r *reader) queryTokens(rec *Record, query []byte) {
	for len(query) > 0 {
		equals, end := pair(query)
		if end-equals > 1 && r.holdsToken(r.unpercent(query[:equals])) {
			if v := r.unpercent(query[equals+1 : end]); !unset(v) && rec.setToken(v, r.filled.has(token)) {
				r.filled.add(token)
			}
		}
		if end == len(query) || query[end] == '#' {
			return
		}
		query = query[end+1:]
	}
}

// pair tells where the name of the first pair ends, and the pair.
func pair(query []byte) (equals, end int) {
	equals = len(query)
	for i, c := range query {
		switch c {
		case '=':
			equals = min(equals, i)
		case '&', ';', '#':
			return min(equals, i), i
		}
	}
	return equals, len(query)
}

func (r *reader) holdsToken(name []byte) bool {
	for _, known := range r.query {
		if len(known) == len(name) && bytes.EqualFold(known, name) {
			return true
		}
	}
	return false
}

// unpercent undoes percent-encoding. A plus stays one: a token has no blanks, and base64
// has plusses.
func (r *reader) unpercent(v []byte) []byte {
	if bytes.IndexByte(v, '%') < 0 {
		return v
	}
	from := len(r.buf)
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '%' && i+2 < len(v) && unhex(v[i+1]) < 16 && unhex(v[i+2]) < 16 {
			c = unhex(v[i+1])<<4 | unhex(v[i+2])
			i += 2
		}
		r.buf = append(r.buf, c)
	}
	return r.buf[from:len(r.buf):len(r.buf)]
}
