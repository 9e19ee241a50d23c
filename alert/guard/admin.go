package guard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/alert"
)

// Admin is a gateway's interface for its administrators: JSON over HTTP, and a header that says who one is.
type Admin struct {
	Name    string // of the gateway, for people
	Section string // of the configuration, whose keys errors name
	Base    string
	Header  http.Header
	Client  *http.Client
}

// NewAdmin makes an Admin that uses a connection of its own for each request: there are few, and an answer that comes
// twice must not be taken for that to the next one.
func NewAdmin(name, section, base string, header http.Header, r Route) *Admin {
	r.Alone = true
	return &Admin{Name: name, Section: section, Base: strings.TrimSuffix(base, "/"), Header: header, Client: Client(r)}
}

// maxBody bounds an answer.
const maxBody = 1 << 20

// Do makes a request and reads its answer into a value, if there is one to read into. Statuses that the caller
// expects are returned; others are errors: Permanent where trying again would not help.
func (a *Admin) Do(ctx context.Context, method, path string, body, into any, expected ...int) (int, error) {
	req, err := a.request(ctx, method, path, body)
	if err != nil {
		return 0, err
	}
	resp, err := a.Client.Do(req)
	if err != nil {
		return 0, a.explain(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if !slices.Contains(expected, resp.StatusCode) {
		return resp.StatusCode, a.judge(resp.StatusCode, method, path)
	}
	if err != nil {
		return resp.StatusCode, fmt.Errorf("%s: the answer broke off: %w", a.Name, err)
	}
	if into != nil && resp.StatusCode < 300 {
		if err := json.Unmarshal(said, into); err != nil {
			return resp.StatusCode, fmt.Errorf("%s: %s %s answers HTTP %d with something that is not what it documents", a.Name, method, shown(path), resp.StatusCode)
		}
	}
	return resp.StatusCode, nil
}

func (a *Admin) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("%s: writing the request: %w", a.Name, err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.Base+path, content)
	if err != nil {
		return nil, fmt.Errorf("%s: building the request: %w", a.Name, err)
	}
	for key, values := range a.Header {
		req.Header[key] = values
	}
	req.Header.Set("User-Agent", "tokenwatch")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// judge says what an answer means that nobody expected.
func (a *Admin) judge(code int, method, path string) error {
	err := fmt.Errorf("%s: %s %s answers HTTP %d", a.Name, method, shown(path), code)
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return alert.Permanent{Err: err, Fix: "check " + a.Section + ".token, and what it may do"}
	case code >= 300 && code < 400:
		return alert.Permanent{Err: err, Fix: "redirects are refused; set " + a.Section + ".url to where it leads"}
	case code == http.StatusRequestTimeout || code == http.StatusConflict || code == http.StatusTooManyRequests || code >= 500:
		return err
	}
	return alert.Permanent{Err: err, Fix: "check " + a.Section + ".url, and do it by hand"}
}

// shown is a path without its query.
func shown(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

func (a *Admin) explain(err error) error {
	var (
		wrapped *url.Error
		later   alert.RetryAfter
	)
	switch {
	case Prohibited(err):
		return alert.Permanent{
			Err: fmt.Errorf("%s is at an address that is not public", a.Name),
			Fix: "if it is meant to be there, list its network in revoke.allow, or set revoke.allow_private",
		}
	case errors.As(err, &later):
		return alert.RetryAfter{After: later.After, Err: fmt.Errorf("%s answers %w", a.Name, later.Err)}
	case errors.As(err, &wrapped):
		return fmt.Errorf("calling %s: %w", a.Name, wrapped.Err)
	}
	return fmt.Errorf("calling %s: %w", a.Name, err)
}

// CheckURL reports a base URL that is none. It never quotes one: there may be a password in it.
func CheckURL(key, target string) error {
	u, err := url.Parse(target)
	switch {
	case target == "":
		return fmt.Errorf("%s: missing", key)
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s: want a URL such as https://gateway.internal:8444", key)
	case u.User != nil:
		return fmt.Errorf("%s: must hold no user or password", key)
	}
	return nil
}
