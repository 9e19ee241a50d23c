package simulate_test

import "testing"

// A fleet may be read by several at once. This is the only test here that is more than one goroutine: `make test` runs it,
// and of this package only it, with the race detector.
func TestSeveralReadersAtOnce(t *testing.T) {
	f := fleet(t, small(12))
	count := func(to chan<- int) {
		n := 0
		for r := range f.Live() {
			n += len(r.Value)
		}
		to <- n
	}
	read := make(chan int)
	for range 3 {
		go count(read)
	}
	first := <-read
	for range 2 {
		if n := <-read; n != first {
			t.Errorf("one reader got %d bytes, another %d", first, n)
		}
	}
}
