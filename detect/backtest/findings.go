package backtest

import (
	"container/heap"
	"maps"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// DetectorResult is a detector's part in the findings.
type DetectorResult struct {
	Detector  string  `json:"detector"`
	Findings  int     `json:"findings"`     // it spoke in
	Strongest int     `json:"strongest"`    // it spoke loudest in
	Thefts    int     `json:"in_thefts"`    // of its findings, those within a labelled theft
	Confusers int     `json:"in_confusers"` // likewise, within what only looks like one
	Nats      float64 `json:"nats"`         // its evidence, in all
}

// Findings sums findings up. It keeps only the highest: a configuration that is too loud makes
// one of every event.
type Findings struct {
	n         int
	detectors map[string]*DetectorResult // bounded by the detectors there are
	top       listing
}

// Listed is a finding with what the input calls its token.
type Listed struct {
	schema.Finding
	Name string
}

// maxListed bounds the findings that a page lists; the file of findings has all.
const maxListed = 200

// where is what labels say of a moment of a token.
type where uint8

const (
	ordinaryLife where = iota
	inTheft
	inConfuser
)

func (f *Findings) add(found *schema.Finding, name string, at where) {
	f.n++
	if f.detectors == nil {
		f.detectors = map[string]*DetectorResult{}
	}
	for i, e := range found.Evidence {
		r := f.detectors[e.Detector]
		if r == nil {
			r = &DetectorResult{Detector: e.Detector}
			f.detectors[e.Detector] = r
		}
		r.Nats += e.LLR
		if i == 0 {
			r.Strongest++
		}
	}
	for _, detector := range detectorNames(found.Evidence) {
		f.detectors[detector].speak(at)
	}
	if heap.Push(&f.top, Listed{*found, name}); f.top.Len() > maxListed {
		heap.Pop(&f.top)
	}
}

// speak counts a finding that the detector spoke in.
func (r *DetectorResult) speak(at where) {
	r.Findings++
	switch at {
	case inTheft:
		r.Thefts++
	case inConfuser:
		r.Confusers++
	}
}

// Len is how many findings there were.
func (f *Findings) Len() int {
	if f == nil {
		return 0
	}
	return f.n
}

// Detectors are the detectors' parts, by name.
func (f *Findings) Detectors() []DetectorResult {
	if f == nil {
		return nil
	}
	var list []DetectorResult
	for _, name := range slices.Sorted(maps.Keys(f.detectors)) {
		list = append(list, *f.detectors[name])
	}
	return list
}

// Top are the findings with the highest scores, in the order of time.
func (f *Findings) Top() []Listed {
	if f == nil {
		return nil
	}
	list := slices.Clone(f.top)
	slices.SortStableFunc(list, func(a, b Listed) int {
		if by := a.Time.Compare(b.Time); by != 0 {
			return by
		}
		return strings.Compare(a.ID.String(), b.ID.String())
	})
	return list
}

// listing is a heap with the lowest score first, and of equal ones the latest.
type listing []Listed

func (l listing) Len() int { return len(l) }

func (l listing) Less(i, j int) bool {
	if l[i].Score != l[j].Score {
		return l[i].Score < l[j].Score
	}
	return l[i].Time.After(l[j].Time)
}

func (l listing) Swap(i, j int) { l[i], l[j] = l[j], l[i] }

func (l *listing) Push(x any) { *l = append(*l, x.(Listed)) }

func (l *listing) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}
