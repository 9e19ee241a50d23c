package backtest

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
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

// Benign tells a confuser from a theft.
func (l Label) Benign() bool { return strings.HasPrefix(l.Kind, benign) }

// ReadLabels reads CSV with the columns token, start, end and kind. Labels of one token
// may overlap: each is judged by itself.
func ReadLabels(r io.Reader) ([]Label, error) {
	rows := csv.NewReader(r)
	header, err := rows.Read()
	if err == io.EOF {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("labels: reading the header: %w", err)
	}
	var column [4]int
	for i, name := range []string{"token", "start", "end", "kind"} {
		column[i] = slices.IndexFunc(header, func(h string) bool {
			return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")), name)
		})
		if column[i] < 0 {
			return nil, fmt.Errorf("labels: the header is %q: want token,start,end,kind", strings.Join(header, ","))
		}
	}
	var labels []Label
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return labels, nil
		}
		if err != nil {
			return nil, fmt.Errorf("labels: %w", err)
		}
		label, err := readLabel(row[column[0]], row[column[1]], row[column[2]], row[column[3]])
		if err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("labels: line %d: %w", line, err)
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
	case l.Kind == "", l.Kind == benign:
		return l, errors.New("kind: must not be empty")
	}
	return l, nil
}
