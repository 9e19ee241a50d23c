package backtest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Label says what a token's requests were within a span of time.
type Label struct {
	Token string // as it stands in the input
	Start time.Time
	End   time.Time // excluded
	Kind  string    // of theft, or of confuser
}

// benign begins the kinds of confusers: what looks like theft and is none.
const benign = "benign:"

// Benign tells a confuser from a theft. However it is written: a Benign:trip that counted as theft would say that
// thefts are missed.
func (l Label) Benign() bool {
	return len(l.Kind) >= len(benign) && strings.EqualFold(l.Kind[:len(benign)], benign)
}

// ReadLabels reads CSV with the columns token, start, end and kind; the token's may be missing where there is nothing
// else, for a series that has none. Labels of one token may overlap: each is judged by itself.
func ReadLabels(r io.Reader) ([]Label, error) {
	rows, err := openTable(r)
	if err != nil {
		return nil, fmt.Errorf("labels: %w", err)
	}
	token, start, end, kind := rows.column("token"), rows.column("start"), rows.column("end"), rows.column("kind")
	if start < 0 || end < 0 || kind < 0 || token < 0 && len(rows.header) > 3 {
		return nil, fmt.Errorf("labels: %w", rows.wants("token,start,end,kind"))
	}
	var labels []Label
	for {
		row, err := rows.next()
		if err == io.EOF {
			return labels, nil
		}
		if err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
		name := ""
		if token >= 0 {
			name = row[token]
		}
		label, err := readLabel(name, row[start], row[end], row[kind])
		if err != nil {
			return nil, fmt.Errorf("labels: line %d: %w", rows.line(), err)
		}
		labels = append(labels, label)
	}
}

func readLabel(token, start, end, kind string) (Label, error) {
	var m moments
	l := Label{Token: token, Kind: strings.TrimSpace(kind)}
	var err error
	if l.Start, err = m.read(start); err != nil {
		return l, fmt.Errorf("start: %w", err)
	}
	if l.End, err = m.read(end); err != nil {
		return l, fmt.Errorf("end: %w", err)
	}
	switch {
	case !l.End.After(l.Start):
		return l, fmt.Errorf("it ends at %s, which is not after its start", l.End.Format(time.RFC3339))
	case l.Kind == "", strings.EqualFold(l.Kind, benign):
		return l, errors.New("kind: must not be empty")
	}
	return l, nil
}
