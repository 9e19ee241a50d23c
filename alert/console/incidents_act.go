package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// atOnce is how many presses of one form are taken in at the same time: each is a few writes.
const atOnce = 8

// pressBy names a person of the console as the channels name theirs.
func pressBy(r *http.Request) string { return "console:" + clip(sessionOf(r).Person.Name, 80) }

// pressID names one press; what the page carries makes a repetition the same.
func pressID(r *http.Request, incident string) string {
	page := r.PostFormValue("press")
	if page == "" || len(page) > 40 {
		page = rand.Text()
	}
	return "console:" + page + ":" + incident
}

// acknowledge says of one incident, or of those that are ticked, that somebody is looking at them.
func (s *Server) acknowledge(w http.ResponseWriter, r *http.Request) error {
	back := wayBack(r.PostFormValue("back"))
	ids := slices.Compact(slices.Sorted(slices.Values(r.PostForm["id"])))
	if one := r.PostFormValue("one"); one != "" {
		ids = []string{one}
	}
	switch {
	case len(ids) == 0:
		return s.back(w, r, back, "Nothing was ticked, so nothing was acknowledged.")
	case len(ids) > inboxSize:
		return refused(fmt.Sprintf("At most %d incidents are acknowledged at once.", inboxSize), "Tick fewer.")
	}
	if err := s.note(r, "acknowledge", ids[0], strings.Join(ids[1:], " ")); err != nil {
		return err
	}
	done, err := s.acknowledgeAll(r, ids)
	if done == 0 && err != nil && !errors.Is(err, alert.ErrRefused) {
		return err
	}
	line := fmt.Sprintf("%d incidents acknowledged.", done)
	if done == 1 {
		line = "Acknowledged."
	}
	if err != nil {
		line = fmt.Sprintf("%d of %d acknowledged. The others were not: %s.", done, len(ids), reasonOf(err))
	}
	return s.back(w, r, back, line)
}

// acknowledgeAll counts those that were taken, and gives an error of the others.
func (s *Server) acknowledgeAll(r *http.Request, ids []string) (done int, err error) {
	var (
		mu  sync.Mutex
		all errgroup.Group
	)
	all.SetLimit(atOnce)
	for _, id := range ids {
		all.Go(func() error {
			err := s.look(r, id)
			if err == nil {
				mu.Lock()
				done++
				mu.Unlock()
			}
			return err
		})
	}
	err = all.Wait()
	return done, err
}

func (s *Server) look(r *http.Request, id string) error {
	_, err := s.parts.Desk.Take(r.Context(), alert.Press{
		ID: pressID(r, clip(id, 100)), Incident: id, Kind: schema.VerdictAcknowledged, By: pressBy(r), At: time.Now(),
	})
	return err
}

// reasonOf is what a person is told of a press that was not taken. What the store says is for the log.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, alert.ErrRefused):
		return clip(strings.TrimPrefix(err.Error(), alert.ErrRefused.Error()+": "), 120)
	case errors.Is(err, context.DeadlineExceeded):
		return "the store did not answer in time; press again"
	}
	return "they could not be kept; press again"
}

// wayBack leads to the list that an act was made on. It leads nowhere else, whatever it says.
func wayBack(query string) string {
	q, err := url.ParseQuery(query)
	if err != nil || len(query) > 2000 || len(q) == 0 {
		return "/incidents"
	}
	return "/incidents?" + q.Encode()
}
