package console

import "net/http"

// signInPage asks who it is.
func (s *Server) signInPage(w http.ResponseWriter, _ *http.Request) {
	_ = s.write(w, http.StatusOK, "signin.html", view{Title: "Sign in", Base: s.cfg.BasePath})
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	if !s.parts.Door.Password(w, r, r.PostFormValue("name"), r.PostFormValue("password")) {
		_ = s.write(w, http.StatusUnauthorized, "signin.html", view{Title: "Sign in", Base: s.cfg.BasePath, Data: "That name and password do not go together."})
		return
	}
	http.Redirect(w, r, s.cfg.BasePath+"/incidents", http.StatusSeeOther)
}
