package format

import "bytes"

// joinQuery puts a query string that stands apart behind its path, which has none, and gives it without its question mark.
func (r *reader) joinQuery(rec *Record) []byte {
	from := len(r.list)
	r.list = append(r.list, rec.URI...)
	if rec.query[0] != '?' {
		r.list = append(r.list, '?')
	}
	r.list = append(r.list, rec.query...)
	path := len(rec.URI)
	rec.URI = r.list[from:len(r.list):len(r.list)]
	return rec.URI[path+1:]
}

// queryTokens finds credentials in the query string. Each is a secret; the first is the
// token if no field held one.
func (r *reader) queryTokens(rec *Record, query []byte) {
	if fragment := bytes.IndexByte(query, '#'); fragment >= 0 {
		query = query[:fragment]
	}
	semicolons := bytes.IndexByte(query, ';') >= 0
	for len(query) > 0 {
		var pair []byte
		pair, query = cutParameter(query, semicolons)
		equals := bytes.IndexByte(pair, '=')
		if equals < 0 || equals == len(pair)-1 || !r.holdsToken(r.unpercent(pair[:equals])) {
			continue
		}
		v := r.unpercent(pair[equals+1:])
		switch {
		case unset(v):
		case rec.setToken(v, r.filled.has(token)):
			r.filled.add(token)
		default:
			r.faulty.add(token)
		}
	}
}

// cutParameter takes the first parameter. They are searched for one separator at a time: with what bytes has for that, a
// long query string costs less than a look at each of its bytes.
func cutParameter(query []byte, semicolons bool) (pair, rest []byte) {
	end := bytes.IndexByte(query, '&')
	if end < 0 {
		end = len(query)
	}
	if semicolons {
		if i := bytes.IndexByte(query[:end], ';'); i >= 0 {
			end = i
		}
	}
	return query[:end], query[min(end+1, len(query)):]
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
