package backtest

// words keeps each distinct string of events once, so that events on their way through a
// Sorter are small. Strings come from outside: beyond maxWords the others stand in the
// records themselves.
type words struct {
	ids  map[string]uint64
	list []string
}

const (
	maxWords = 1 << 17
	maxWord  = 256 // bytes
)

func newWords() *words { return &words{ids: map[string]uint64{}} }

// id gives a string's number, and whether it has one.
func (w *words) id(s string) (uint64, bool) {
	if n, known := w.ids[s]; known {
		return n, true
	}
	if len(w.list) >= maxWords || len(s) > maxWord {
		return 0, false
	}
	n := uint64(len(w.list))
	w.ids[s] = n
	w.list = append(w.list, s)
	return n, true
}

func (w *words) of(n uint64) (string, bool) {
	if n >= uint64(len(w.list)) {
		return "", false
	}
	return w.list[n], true
}
