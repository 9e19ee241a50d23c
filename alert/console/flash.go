package console

import (
	"encoding/base64"
	"net/http"
)

// flashName is the cookie that carries one line from an act to the page behind it.
const flashName = "tokenwatch_said"

func (s *Server) leaveFlash(w http.ResponseWriter, r *http.Request, line string) {
	if line == "" {
		return
	}
	c := s.parts.Door.Cookie(r, flashName, base64.URLEncoding.EncodeToString([]byte(clip(line, 300))))
	c.MaxAge, c.SameSite = 60, http.SameSiteStrictMode
	http.SetCookie(w, c)
}

func (s *Server) takeFlash(w http.ResponseWriter, r *http.Request) string {
	value := s.parts.Door.CookieValue(r, flashName)
	if value == "" {
		return ""
	}
	gone := s.parts.Door.Cookie(r, flashName, "")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	line, err := base64.URLEncoding.DecodeString(value)
	if err != nil {
		return ""
	}
	return clip(string(line), 300)
}
