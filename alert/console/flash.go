package console

import (
	"encoding/base64"
	"net/http"
)

// flashName is the cookie that carries one line from an act to the page behind it.
const flashName = "tokenwatch_said"

func (s *Server) leaveFlash(w http.ResponseWriter, line string) {
	if line == "" {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: flashName, Value: base64.URLEncoding.EncodeToString([]byte(clip(line, 300))), Path: s.cfg.BasePath + "/",
		MaxAge: 60, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

func (s *Server) takeFlash(w http.ResponseWriter, r *http.Request) string {
	c, err := r.Cookie(flashName)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: flashName, Path: s.cfg.BasePath + "/", MaxAge: -1})
	line, err := base64.URLEncoding.DecodeString(c.Value)
	if err != nil {
		return ""
	}
	return clip(string(line), 300)
}
