package console

import (
	"context"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

const (
	// previewLooked is how many open incidents a preview holds against the conditions, at most, the newest.
	previewLooked = 20_000
	// previewShown is how many of those that match it names.
	previewShown = 10
)

// silencePreview is what a silence would keep from people right now.
type silencePreview struct {
	Matches int
	Open    int
	Most    bool // there are more open ones than were looked at
	Named   []schema.Incident
}

// All tells that nobody would hear of anything.
func (p *silencePreview) All() bool { return p.Matches == p.Open && p.Open > 1 }

// wouldSilence holds the form's conditions against the incidents that are open.
func (s *Server) wouldSilence(ctx context.Context, form silenceForm) (*silencePreview, error) {
	now := time.Now()
	// What else is missing is no reason not to look.
	silence, err := alert.NewSilence(form.conditions(), "preview", "preview", now, time.Hour, now)
	if err != nil {
		return nil, err
	}
	list, err := s.parts.Store.IncidentsToMatch(ctx, strings.Contains(form.Conditions, "label."), previewLooked)
	if err != nil {
		return nil, err
	}
	p := &silencePreview{Open: len(list), Most: len(list) == previewLooked}
	for i := range list {
		if !silence.Matches(&list[i]) {
			continue
		}
		if p.Matches++; len(p.Named) < previewShown {
			p.Named = append(p.Named, list[i])
		}
	}
	return p, nil
}
