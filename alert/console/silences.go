package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// silencesStore is what these pages ask the store.
type silencesStore interface {
	SilencesSince(ctx context.Context, since time.Time) ([]schema.Silence, error)
	Silence(ctx context.Context, id string) (schema.Silence, bool, error)
	SaveSilence(ctx context.Context, s schema.Silence) error
	IncidentsToMatch(ctx context.Context, labels bool, limit int) ([]schema.Incident, error)
}

func (s *Server) silencesRoutes() {
	s.route("GET /silences", signin.Viewer, s.silencesPage)
	s.route("POST /silences/preview", signin.Responder, s.silencePreview)
	s.route("POST /silences", signin.Responder, s.silenceAdd)
	s.route("POST /silences/{id}/expire", signin.Responder, s.silenceExpire)
}

// silencesKept is how long silences that have expired are listed.
const silencesKept = 30 * 24 * time.Hour

// silencesShown bounds each list of the page.
const silencesShown = 200

// silencesData is what the page shows.
type silencesData struct {
	InForce, Coming, Expired []schema.Silence
	Form                     silenceForm
	Preview                  *silencePreview
	More                     int // expired, and not shown
}

func (s *Server) silencesPage(w http.ResponseWriter, r *http.Request) error {
	form := readSilenceForm(r.URL.Query())
	if form.blank() {
		return s.showSilences(w, r, http.StatusOK, silenceForm{For: "4h"}, nil)
	}
	return s.previewOf(w, r, http.StatusOK, form)
}

// silencePreview answers with the page and what would be silent, and changes nothing.
func (s *Server) silencePreview(w http.ResponseWriter, r *http.Request) error {
	return s.previewOf(w, r, http.StatusOK, readSilenceForm(r.PostForm))
}

func (s *Server) previewOf(w http.ResponseWriter, r *http.Request, status int, form silenceForm) error {
	preview, err := s.wouldSilence(r.Context(), form)
	if errors.As(err, new(alert.SilenceError)) {
		form.wrong("conditions", err.Error())
		preview = nil
	} else if err != nil {
		return err
	}
	return s.showSilences(w, r, status, form, preview)
}

func (s *Server) silenceAdd(w http.ResponseWriter, r *http.Request) error {
	form, now := readSilenceForm(r.PostForm), time.Now()
	silence, ok := form.silence(sessionOf(r).Person.Name, now)
	if !ok {
		return s.previewOf(w, r, http.StatusBadRequest, form)
	}
	if err := s.note(r, "silence.add", silence.ID, untilWords(silence.Silence, now)+" about "+strings.Join(silence.Matchers, ", ")+": "+silence.Reason); err != nil {
		return err
	}
	if err := s.parts.Store.SaveSilence(r.Context(), silence.Silence); err != nil {
		return err
	}
	return s.back(w, r, "/silences", fmt.Sprintf("Silent %s about %s.", untilWords(silence.Silence, now), clip(strings.Join(silence.Matchers, ", "), 160)))
}

func untilWords(s schema.Silence, now time.Time) string {
	until := "until " + s.Until.UTC().Format("2006-01-02 15:04 UTC")
	if s.From.After(now) {
		return "from " + s.From.UTC().Format("2006-01-02 15:04 UTC") + " " + until
	}
	return until
}

func (s *Server) silenceExpire(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	silence, found, err := s.parts.Store.Silence(r.Context(), id)
	if err != nil {
		return err
	}
	if !found {
		return absent("There is no silence "+clip(id, 40)+".", "The page Silences lists those that are in force and those of the last 30 days.")
	}
	now := time.Now()
	if !silence.Until.After(now) {
		return s.back(w, r, "/silences", silence.ID+" has ended already.")
	}
	if err := s.note(r, "silence.expire", silence.ID, strings.Join(silence.Matchers, ", ")); err != nil {
		return err
	}
	if err := s.parts.Store.SaveSilence(r.Context(), alert.Expired(silence, now)); err != nil {
		return err
	}
	return s.back(w, r, "/silences", silence.ID+" has ended. Incidents that are still open are told within seconds.")
}

func (s *Server) showSilences(w http.ResponseWriter, r *http.Request, status int, form silenceForm, preview *silencePreview) error {
	now := time.Now()
	list, err := s.parts.Store.SilencesSince(r.Context(), now.Add(-silencesKept))
	if err != nil {
		return err
	}
	data := silencesData{Form: form, Preview: preview}
	for _, silence := range list {
		switch {
		case !silence.Until.After(now):
			data.Expired = append(data.Expired, silence)
		case silence.From.After(now):
			data.Coming = append(data.Coming, silence)
		default:
			data.InForce = append(data.InForce, silence)
		}
	}
	slices.Reverse(data.Expired) // the one that ended last comes first
	data.More = max(0, len(data.Expired)-silencesShown)
	data.Expired = data.Expired[:len(data.Expired)-data.More]
	return s.showAs(w, r, status, "silences.html", view{Title: "Silences", Section: "silences", Data: data})
}

// showAs is show with another status: a form that is to be corrected is no success.
func (s *Server) showAs(w http.ResponseWriter, r *http.Request, status int, name string, v view) error {
	if n, posted := r.Context().Value(notedKey{}).(*noted); posted && status >= 400 {
		n.refused = "the form was shown again, with what is wrong in it"
	}
	session := sessionOf(r)
	v.Base, v.Person, v.CSRF = s.cfg.BasePath, session.Person, session.CSRF
	v.Flash = s.takeFlash(w, r)
	return s.write(w, status, name, v)
}
