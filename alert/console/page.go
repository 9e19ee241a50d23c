package console

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed static
var static embed.FS

// view is what every template gets.
type view struct {
	Title   string
	Section string // of the menu: incidents, fleet, silences, allow, backtest, system, audit
	Base    string // what every link begins with
	Person  signin.Person
	CSRF    string
	Flash   string // what the last act led to
	Data    any    // the page's own
}

func parsePages(f *files) (*template.Template, error) {
	asset := template.FuncMap{"asset": f.address} // the address of a file in static/, which changes with its content
	pages, err := template.New("").Funcs(words).Funcs(upkeepWords).Funcs(asset).ParseFS(templates, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("reading the console's templates: %w", err)
	}
	return pages, nil
}

// words are what templates can say beyond the built-in.
var words = template.FuncMap{
	"ago":        ago,
	"stamp":      func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"clip":       clip,
	"join":       strings.Join,
	"caseNumber": caseWords{}.Number,
	"may": func(p signin.Person, role string) bool {
		var r signin.Role
		return r.UnmarshalText([]byte(role)) == nil && p.May(r)
	},
}

// show answers with a page: the template name, within layout.html. It is made as a whole first, so that what goes wrong
// in it is an error and not half a page.
func (s *Server) show(w http.ResponseWriter, r *http.Request, name string, v view) error {
	session := sessionOf(r)
	v.Base, v.Person, v.CSRF = s.cfg.BasePath, session.Person, session.CSRF
	v.Flash = s.takeFlash(w, r)
	return s.write(w, http.StatusOK, name, v)
}

func (s *Server) write(w http.ResponseWriter, status int, name string, v view) error {
	var page bytes.Buffer
	for _, part := range []string{"head", name, "foot"} {
		if err := s.pages.ExecuteTemplate(&page, part, v); err != nil {
			return fmt.Errorf("making the page %s: %w", name, err)
		}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // whoever asked may have gone
	return nil
}

// fail answers with what went wrong.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := faultOf(err)
	if f.Status >= 500 && !errors.Is(r.Context().Err(), context.Canceled) { // whoever went away needs no page
		s.parts.Log.Warn("console: a page could not be made", "path", clip(r.URL.Path, 200), "error", err)
	}
	session, _ := s.parts.Door.Who(r)
	v := view{Title: f.Text, Base: s.cfg.BasePath, Person: session.Person, CSRF: session.CSRF, Data: f}
	if err := s.write(w, f.Status, "fault.html", v); err != nil {
		http.Error(w, f.Text, f.Status)
	}
}

// back sends the browser on after an act, with a line about what it led to.
func (s *Server) back(w http.ResponseWriter, r *http.Request, path, flash string) error {
	s.leaveFlash(w, r, flash)
	http.Redirect(w, r, s.cfg.BasePath+path, http.StatusSeeOther)
	return nil
}

// clip shortens a text from outside to so many characters, and makes it valid UTF-8.
func clip(s string, most int) string {
	if len(s) > 4*most {
		s = s[:4*most]
	}
	s = strings.ToValidUTF8(s, "�")
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	runes := []rune(s)
	return string(runes[:most-1]) + "…"
}

// ago says how long something is past, in its largest unit.
func ago(t time.Time) string {
	d := time.Since(t)
	switch {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
