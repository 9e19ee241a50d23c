package clickhouse_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// texts are events whose texts are of all lengths: none, many in one piece of a column, longer than one; and of more values than
// a number of two bytes tells apart.
func texts(n int, random *rand.Rand) []schema.Event {
	events := make([]schema.Event, n)
	for i := range events {
		e := &events[i]
		e.UserAgent = fmt.Sprint("agent ", i)
		e.Path = strings.Repeat("/path", random.IntN(30))
		if random.IntN(5000) == 0 {
			e.Path = strings.Repeat("long", random.IntN(50_000))
		}
		e.RequestID = fmt.Sprint(random.Uint64())[:random.IntN(10)]
		e.Offset = int64(i)
	}
	return events
}

// What a block's columns hold is what was put into them last, whatever they held before.
func TestTextsComeBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	packed := new(clickhouse.DB).Pack()
	for _, n := range []int{3, 70_000, 0, 1, 66_000, 20} {
		events := texts(n, random)
		packed.Add(events)
		i := 0
		for e := range packed.Events {
			if w := &events[i]; e.Path != w.Path || e.RequestID != w.RequestID || e.UserAgent != w.UserAgent || e.Offset != w.Offset {
				t.Fatalf("event %d of %d is another", i, n)
			}
			i++
		}
		if i != n || packed.Len() != n {
			t.Errorf("%d events, %d by its own account, want %d", i, packed.Len(), n)
		}
		packed.Reset()
	}
}

// What is sent is what was put down.
func TestTextsTravel(t *testing.T) {
	events := texts(70_000, rand.New(rand.NewPCG(2, 1)))
	back, err := clickhouse.Travel(events)
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		if back[i].Path != events[i].Path || back[i].RequestID != events[i].RequestID || back[i].UserAgent != events[i].UserAgent {
			t.Fatalf("event %d arrives as another", i)
		}
	}
}

// Blocks of one size take no memory after the first of them.
func TestPiecesAreKept(t *testing.T) {
	events := texts(20_000, rand.New(rand.NewPCG(3, 1)))
	for i := range events {
		events[i].UserAgent, events[i].Path = "", events[i].Path[:min(300, len(events[i].Path))]
	}
	packed := new(clickhouse.DB).Pack()
	block := func() {
		packed.Add(events)
		packed.Reset()
	}
	block()
	if have := testing.AllocsPerRun(20, block); have > 20 {
		t.Errorf("%v allocations a block", have)
	}
}
