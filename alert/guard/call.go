package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// Answer is what a destination said.
type Answer struct {
	Status int
	Body   []byte // bounded by the client
}

// OK reports whether the destination took it.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

const quoted = 200 // characters of an answer that an error quotes

// Words quotes the beginning of the answer in one line, for an error.
func (a Answer) Words() string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(string(a.Body[:min(len(a.Body), 4*quoted)]), ""))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > quoted {
		text = string(runes[:quoted]) + "…"
	}
	return text
}

// Call sends a body and reads the answer. Its errors do not name the URL, in which several
// vendors have their secret.
func Call(ctx context.Context, client *http.Client, method, target string, headers http.Header, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return Answer{}, errors.New("the URL cannot be used")
	}
	req.Header = headers.Clone()
	req.Header.Set("User-Agent", "tokenwatch")
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, bare(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("reading the answer: %w", bare(err))
	}
	return Answer{Status: resp.StatusCode, Body: answer}, nil
}

// bare takes the URL out of an error.
func bare(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
