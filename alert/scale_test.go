package alert_test

import (
	"fmt"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert"
)

// A scale has a few round numbers, whatever the counts are, and writes them short.
func TestTicks(t *testing.T) {
	for _, c := range []struct {
		most        float64
		logarithmic bool
		want        string
	}{
		{1, false, "[0 1]"},
		{7, false, "[0 2 4 6]"},
		{42, false, "[0 10 20 30 40]"},
		{1234, false, "[0 500 1000]"},
		{0.5, true, "[0]"},
		{1000, true, "[1 10 100 0]"},
		{3e6, true, "[1 100 10000 1e+06 0]"},
	} {
		if have := fmt.Sprint(alert.Ticks(c.most, c.logarithmic)); have != c.want {
			t.Errorf("up to %g, logarithmic %t: %s, want %s", c.most, c.logarithmic, have, c.want)
		}
	}
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1k", 1250: "1.3k", 2.5e6: "2.5M", 4e9: "4e+09"} {
		if have := alert.ShortCount(n); have != want {
			t.Errorf("%g is %q, want %q", n, have, want)
		}
	}
}
