package simulate

import (
	"fmt"
	"time"
)

// Labels says of each token in a story what its requests were: of thefts from the first request to the last, of
// confusers for as long as they can confuse. It is what a judge of detectors needs to know.
func (f *Fleet) Labels() []Label {
	var all []Label
	for i, s := range f.stories {
		if s.Requests == 0 || !s.To.After(s.From) {
			continue
		}
		kind := Name(s.Kind)
		if !s.Theft {
			kind = "benign:" + kind
		}
		for _, index := range append([]int{s.Index}, s.Others...) {
			all = append(all, Label{Token: f.tokens[index].Logged(), Index: index, Story: i, Start: s.From, End: s.To, Kind: kind})
		}
	}
	return all
}

// Label is one token's part in a story.
type Label struct {
	Token      string // as its gateway logs it
	Index      int    // into Tokens
	Story      int    // index into Stories
	Start, End time.Time
	Kind       string // of theft, or benign: and what it is
}

// String is the label as a line of CSV. Neither tokens nor kinds need quotes.
func (l Label) String() string {
	return fmt.Sprintf("%s,%s,%s,%s", l.Token, l.Start.UTC().Format(time.RFC3339), l.End.UTC().Format(time.RFC3339), l.Kind)
}
