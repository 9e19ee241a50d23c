package backtest

import (
	"math"
	"slices"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Observation is what the engine thought of one event, or of one interval's count.
type Observation struct {
	Token    schema.TokenID
	At       time.Time // where an interval begins
	Known    time.Time // when it could be known: at the end of an interval
	Requests float64
	Score    float64 // 1.0 = alert
}

// Tally keeps what the report needs of a run: the highest score of every token-day that
// is not labelled, and what became of each label. Its size is that of the input's tokens
// times days.
type Tally struct {
	warm     time.Time                // judged from here on
	lives    map[schema.TokenID]*life // every token that was seen
	outcomes map[schema.TokenID][]*outcome
	all      []*outcome // in the order of the labels, without those that end in the warm-up
	early    int        // of those
	from, to time.Time
	total    int
	crowd    crowd
}

// life is a token's days from its first judged one on.
type life struct {
	half  uint8     // of the tokens: every other one that turns up, so that it is the same in every run
	first int32     // day since 1970
	best  []float32 // highest score of each day; unseen where nothing happened, so far
}

const unseen = float32(-1)

// outcome is what became of a label.
type outcome struct {
	Label
	half     uint8
	met      bool // its token occurs
	seen     bool // something happened in it
	best     float64
	requests float64 // so far
	alerted  bool
	delay    time.Duration // from the start until it was known
	cost     float64       // requests until then
}

// maxLife bounds the days of a run: a single row with a wild date must not fill the memory.
const maxLife = 40_000

// NewTally makes a tally that judges from a moment on; labels that end before it are not judged. token names a label's token as the engine does; a
// label may be of one of several, where the input does not say what kind of name it is.
func NewTally(warm time.Time, labels []Label, token func(name string) []schema.TokenID) *Tally {
	t := &Tally{warm: warm, lives: map[schema.TokenID]*life{}, outcomes: map[schema.TokenID][]*outcome{}}
	for _, label := range labels {
		o := &outcome{Label: label, best: math.Inf(-1)}
		if label.End.After(warm) {
			t.all = append(t.all, o)
		} else {
			t.early++ // what happened in it is not ordinary all the same
		}
		for _, id := range token(label.Token) {
			t.outcomes[id] = append(t.outcomes[id], o)
		}
	}
	for _, list := range t.outcomes {
		slices.SortStableFunc(list, func(a, b *outcome) int { return a.Start.Compare(b.Start) })
	}
	return t
}

// Observe takes in what the engine thought, in the order in which it did.
func (t *Tally) Observe(o Observation) {
	t.total++
	if t.from.IsZero() || o.At.Before(t.from) {
		t.from = o.At
	}
	if o.Known.After(t.to) {
		t.to = o.Known
	}
	t.crowd.add(o.At)
	labelled, l := false, t.meet(o.Token)
	for _, label := range t.outcomes[o.Token] {
		if !o.reaches(label.Start) {
			break
		}
		if o.At.Before(label.End) {
			label.observe(o)
			labelled = true
		}
	}
	if !labelled && !o.At.Before(t.warm) {
		l.live(o)
	}
}

// reaches reports whether an event came at a moment or later, or an interval ended after it. An interval is
// part of what happened in it, so a label of two hours is met by the count of its day.
func (o Observation) reaches(at time.Time) bool { return !o.At.Before(at) || o.Known.After(at) }

// meet finds or begins the life of a token.
func (t *Tally) meet(token schema.TokenID) *life {
	l := t.lives[token]
	if l == nil {
		l = &life{half: uint8(len(t.lives) & 1)}
		t.lives[token] = l
		for _, label := range t.outcomes[token] {
			label.half, label.met = l.half, true
		}
	}
	return l
}

// Unmatched counts the labels whose tokens never occurred.
func (t *Tally) Unmatched() (n int) {
	for _, label := range t.all {
		if !label.met {
			n++
		}
	}
	return n
}

// Empty counts the labels of tokens that occur in which nothing does.
func (t *Tally) Empty() (n int) {
	for _, label := range t.all {
		if label.met && !label.seen {
			n++
		}
	}
	return n
}

// where tells what labels say of a moment; what is both theft and confuser is theft.
func (t *Tally) where(o Observation, token schema.TokenID) where {
	found := ordinaryLife
	for _, label := range t.outcomes[token] {
		switch {
		case !o.reaches(label.Start) || !o.At.Before(label.End):
		case label.Benign():
			found = inConfuser
		default:
			return inTheft
		}
	}
	return found
}

func (l *outcome) observe(o Observation) {
	l.seen = true
	l.requests += o.Requests
	l.best = max(l.best, o.Score)
	if !l.alerted && o.Score >= 1 {
		l.alerted, l.delay, l.cost = true, o.Known.Sub(l.Start), l.requests
	}
}

// live notes a moment of ordinary life.
func (l *life) live(o Observation) {
	day := dayOf(o.At)
	if len(l.best) == 0 {
		l.first = day
	}
	at := int(day - l.first)
	if at < 0 || at >= maxLife {
		return // earlier than its first: out of order by days, and no day of its own
	}
	for len(l.best) <= at {
		l.best = append(l.best, unseen)
	}
	l.best[at] = max(l.best[at], float32(o.Score))
}

const daySeconds = 24 * 60 * 60

func dayOf(at time.Time) int32 { return int32(math.Floor(float64(at.Unix()) / daySeconds)) }

// days calls use for each token-day of ordinary life. A day that a label touches, and the
// one after it, while its evidence fades, are not.
func (t *Tally) days(use func(l *life, day int32, score float64)) {
	for token, l := range t.lives {
		spoilt := t.spoilt(token, l)
		for i, best := range l.best {
			if spoilt == nil || !spoilt[i] {
				use(l, l.first+int32(i), float64(max(best, 0)))
			}
		}
	}
}

// spoilt marks the days of a life that labels touch; nil when there are none.
func (t *Tally) spoilt(token schema.TokenID, l *life) []bool {
	if len(t.outcomes[token]) == 0 {
		return nil
	}
	spoilt := make([]bool, len(l.best))
	for _, label := range t.outcomes[token] {
		from := max(0, int(dayOf(label.Start)-l.first))
		to := min(len(spoilt)-1, int(dayOf(label.End.Add(-1))-l.first)+1)
		for day := from; day <= to; day++ {
			spoilt[day] = true
		}
	}
	return spoilt
}
