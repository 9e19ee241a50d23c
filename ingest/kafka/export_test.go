package kafka

import (
	"context"
	"errors"
	"io"
	"time"
)

// ReadAnswer decodes a fetch response and all records in it, as Fetch does, without delivering them.
func ReadAnswer(b []byte, version int16) (records int, err error) {
	var a fetchAnswer
	if err := a.read(b, version); err != nil {
		return 0, err
	}
	return Records(a.records, func(int64, []byte) {})
}

// Records decodes batches.
func Records(b []byte, each func(offset int64, value []byte)) (n int, err error) {
	var i inflater
	defer i.close()
	for len(b) > 0 {
		next, rest, err := readBatch(b)
		if err != nil {
			return n, err
		}
		b = rest
		if err := i.open(&next); err != nil {
			return n, err
		}
		for range next.count {
			body, err := i.next()
			if err != nil {
				return n, err
			}
			r, err := next.record(body)
			if err != nil {
				return n, err
			}
			each(r.offset, r.value)
			n++
		}
	}
	return n, nil
}

// Lz4 decompresses frames with this package's reader of them.
func Lz4(b []byte, most int) (out []byte, err error) {
	var z lz4Frames
	z.reset(b)
	for err == nil && len(out) < most {
		out, err = z.more(out)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return out, err
}

// SignIn returns what begins a SASL exchange, as often as it is called, and what becomes of the broker's answer.
func (s SASL) SignIn(timeout time.Duration) (start func(context.Context) (string, error), next func(answer string) (bool, error), err error) {
	if err := s.validate(); err != nil {
		return nil, nil, err
	}
	mechanism, err := s.mechanism(timeout)
	if err != nil {
		return nil, nil, err
	}
	start = func(ctx context.Context) (string, error) {
		_, first, err := mechanism.Start(ctx)
		return string(first), err
	}
	next = func(answer string) (bool, error) {
		session, _, err := mechanism.Start(context.Background())
		if err != nil {
			return false, err
		}
		done, _, err := session.Next(context.Background(), []byte(answer))
		return done, err
	}
	return start, next, nil
}

// Grant reads a token endpoint's answer.
func Grant(status int, body []byte) (string, float64, error) {
	token, life, err := readGrant(status, body)
	return string(token), life.Seconds(), err
}

// Versions of the fetch request.
const (
	FetchOld = fetchOld
	FetchNew = fetchNew
)
