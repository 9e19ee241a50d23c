package console

import (
	"net/http"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// Route adds a route of a test's own.
func (s *Server) Route(pattern string, role signin.Role, h func(w http.ResponseWriter, r *http.Request) error) {
	s.route(pattern, role, h)
}

// Note is what handlers call before an act.
func (s *Server) Note(r *http.Request, action, subject, detail string) error {
	return s.note(r, action, subject, detail)
}

// Back is what handlers end an act with.
func (s *Server) Back(w http.ResponseWriter, r *http.Request, path, flash string) error {
	return s.back(w, r, path, flash)
}

// Refused is a 400.
func Refused(text string) error { return refused(text, "") }

// Ours is the open-redirect guard.
func (s *Server) Ours(to string) string { return s.ours(to) }
