package clickhouse_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// A column of words holds what was put into it, each value once and in the order in which they came first, however the
// strings lie in memory: at one address again and again, each time at another, or one within the other.
func TestWords(t *testing.T) {
	for _, distinct := range []int{1, 2, 70, 3000, 20_000} {
		random := rand.New(rand.NewPCG(1, uint64(distinct)))
		known := make([]string, distinct)
		for i := range known {
			known[i] = fmt.Sprintf("word %d", i)
		}
		draw := func() (values []string) {
			for range 4*distinct + 400 {
				v := known[random.IntN(distinct)]
				switch random.IntN(8) {
				case 0:
					v = strings.Clone(v)
				case 1:
					v = v[:random.IntN(len(v)+1)] // begins where another one does; may be empty
				case 2:
					v = ""
				}
				values = append(values, v)
			}
			return values
		}
		first, second := draw(), draw()
		values, rows := clickhouse.Numbered(first, second)
		if !slices.Equal(rows, second) {
			t.Errorf("%d distinct: the rows are not what was put in", distinct)
		}
		if want := inOrder(second); !slices.Equal(values, want) {
			t.Errorf("%d distinct: %d values, want %d in the order in which they came first", distinct, len(values), len(want))
		}
	}
}

// inOrder gives each of the values once, in the order in which they come first.
func inOrder(values []string) (once []string) {
	seen := map[string]bool{}
	for _, v := range values {
		if !seen[v] {
			once = append(once, v)
		}
		seen[v] = true
	}
	return once
}
