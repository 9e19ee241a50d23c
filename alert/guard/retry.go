package guard

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
)

// patient reads the one thing that vendors, and the proxies in front of them, say alike:
// when to come back. Their libraries read it in some forms only, and answers that are no
// JSON make them forget it.
type patient struct{ base http.RoundTripper }

func (t patient) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil || (resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable) {
		return resp, err
	}
	after, ok := RetryAfter(resp.Header.Get("Retry-After"), time.Now())
	if !ok {
		resp.Header.Del("Retry-After") // what cannot be read confuses libraries too
		return resp, nil
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection is used again
	_ = resp.Body.Close()
	return nil, alert.RetryAfter{After: after, Err: fmt.Errorf("HTTP %d", resp.StatusCode)}
}

// longestWait is what a wrong answer can cost: nobody asks for more and means it.
const longestWait = time.Hour

// RetryAfter reads the header in all of its forms: seconds, a part of them (Discord), or a
// date.
func RetryAfter(value string, now time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		return Seconds(seconds), seconds >= 0
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), longestWait), true
	}
	return 0, false
}

// Seconds is a wait as vendors write it, within reason.
func Seconds(s float64) time.Duration {
	if math.IsNaN(s) || s <= 0 {
		return 0
	}
	return time.Duration(min(s, longestWait.Seconds()) * float64(time.Second))
}
