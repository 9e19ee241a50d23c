package format

import (
	"bytes"
	"encoding/binary"
)

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
	odd, semicolons := isOdd(query), false
	if odd {
		query, _, _ = bytes.Cut(query, []byte("#"))
		semicolons = bytes.IndexByte(query, ';') >= 0
	}
	for len(query) > 0 {
		var pair, v []byte
		pair, query = cutParameter(query, semicolons)
		if odd {
			v = r.oddTokenIn(pair)
		} else {
			v = r.tokenIn(pair)
		}
		switch {
		case unset(v):
		case rec.setToken(v, r.filled.has(token)):
			r.filled.add(token)
		default:
			r.faulty.add(token)
		}
	}
}

// isOdd reports whether a query string has more in it than names and values between ampersands, as few do: a fragment,
// semicolons, percent-encoding. Eight bytes are looked at together; what is not ASCII may be taken for odd.
func isOdd(query []byte) bool {
	for ; len(query) >= 8; query = query[8:] {
		word := binary.LittleEndian.Uint64(query)
		if ((word^'#'*ones-ones)|(word^';'*ones-ones)|(word^'%'*ones-ones))&highs != 0 {
			return true
		}
	}
	for _, c := range query {
		if c == '#' || c == ';' || c == '%' {
			return true
		}
	}
	return false
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

// tokenIn gives the value of a parameter that may hold the token, nothing if another one stands there.
func (r *reader) tokenIn(pair []byte) []byte {
	for _, name := range r.query {
		if n := len(name); n < len(pair) && pair[n] == '=' && bytes.EqualFold(pair[:n], name) {
			return pair[n+1:]
		}
	}
	return nil
}

// oddTokenIn is tokenIn where name and value may be percent-encoded.
func (r *reader) oddTokenIn(pair []byte) []byte {
	name, v, _ := bytes.Cut(pair, []byte("="))
	name = r.unpercent(name)
	for _, known := range r.query {
		if len(known) == len(name) && bytes.EqualFold(known, name) {
			return r.unpercent(v)
		}
	}
	return nil
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
