package alert

import (
	"io"
	"net/http"
	"time"
)

// maxAnswer is the most a notifier reads of a vendor's answer; real ones take a few KiB.
const maxAnswer = 1 << 20

// HTTPClient is what notifiers call vendors with: it follows no redirect, since a request
// carries credentials that belong to the host they were configured for, and it reads a
// bounded answer.
func HTTPClient(timeout time.Duration, base http.RoundTripper) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: bounded{base},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

type bounded struct{ base http.RoundTripper }

func (t bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}
