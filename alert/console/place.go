package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// frameRoutes are what is there before any page.
func (s *Server) frameRoutes() {
	s.mux.Handle("GET "+s.cfg.BasePath+"/static/", s.files)
	s.public("GET /favicon.ico", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, s.files.address("favicon.svg"), http.StatusFound)
		return nil
	})
	s.public("GET /{$}", func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, s.cfg.BasePath+"/incidents", http.StatusSeeOther)
		return nil
	})
	s.mux.HandleFunc("/", s.answer(patience, s.nowhere))
}

// below puts a request below the base path, where all routes are: a proxy in front may have stripped it.
func (s *Server) below(r *http.Request) *http.Request {
	base := s.cfg.BasePath
	if base == "" || strings.HasPrefix(r.URL.Path, base+"/") {
		return r
	}
	u := *r.URL
	if u.Path == base {
		u.Path = base + "/"
	} else {
		u.Path = base + u.Path
	}
	if u.RawPath != "" {
		u.RawPath = base + u.RawPath
	}
	below := *r
	below.URL = &u
	return &below
}

// checkBase refuses a base path that cannot be told from a page of ours whose proxy strips it.
func (s *Server) checkBase() error {
	base := s.cfg.BasePath
	if base == "" {
		return nil
	}
	first, _, _ := strings.Cut(base[1:], "/")
	for _, path := range []string{"/" + first, "/" + first + "/x"} {
		if len(s.methods(base+path)) > 0 {
			return fmt.Errorf("console.base_path: /%s is a page of the console; choose another path", first)
		}
	}
	return nil
}

// nowhere answers what no route does: there is no such page, or not for this method.
func (s *Server) nowhere(w http.ResponseWriter, r *http.Request) error {
	if allowed := s.methods(r.URL.Path); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return Fault{http.StatusMethodNotAllowed, "This page does not take " + clip(r.Method, 20) + ".", "It takes " + strings.Join(allowed, ", ") + "."}
	}
	if _, known := s.parts.Door.Who(r); !known {
		return s.askWho(w, r)
	}
	return absent("There is no page "+clip(r.URL.Path, 80)+".", "The menu above leads to those that there are.")
}

// methods lists what a path can be asked with.
func (s *Server) methods(path string) (allowed []string) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		_, pattern := s.mux.Handler(&http.Request{Method: method, Host: "console", URL: &url.URL{Path: path}})
		if pattern == "" || pattern == "/" {
			continue
		}
		if allowed = append(allowed, method); method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	return allowed
}

// ours gives the path of a page of this console, without its base path, as somebody asked for it; where it is anything
// else, a redirect there would lend our name to a stranger's page, and it gives "".
func (s *Server) ours(to string) string {
	if len(to) > mostTo || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return ""
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") {
		return ""
	}
	if strings.HasPrefix(u.Path, "/sign-") || strings.HasPrefix(u.Path, "/static/") {
		return ""
	}
	page := s.below(&http.Request{Method: http.MethodGet, Host: "console", URL: &url.URL{Path: u.Path, RawPath: u.RawPath}})
	_, pattern := s.mux.Handler(page)
	if pattern == "" || pattern == "/" {
		return ""
	}
	u.Fragment = ""
	return u.String()
}

// mostTo bounds the address of a page that somebody is brought back to.
const mostTo = 1000
