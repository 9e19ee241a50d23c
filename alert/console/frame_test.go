package console_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
)

// logged is a log that a test reads.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func withLog(l *logged) func(*console.Config, *console.Parts) {
	return func(_ *console.Config, p *console.Parts) { p.Log = slog.New(slog.NewTextHandler(l, nil)) }
}

func withUsers(c *console.Config, _ *console.Parts) {
	c.Users = map[string]signin.User{"vic": {Role: signin.Viewer, Password: "of vic"}, "rea": {Role: signin.Responder, Password: "of rea"}}
}

// formToken is the token of the rig's session.
func (r *rig) formToken() string {
	_, page := r.get("/audit")
	return regexp.MustCompile(`<meta name="csrf" content="([^"]+)"`).FindStringSubmatch(page)[1]
}

// acting has a POST at a path, which counts how often it was done.
func (r *rig) acting(path string, role signin.Role) *int {
	done := new(int)
	r.console.Route("POST "+path, role, func(w http.ResponseWriter, request *http.Request) error {
		if err := r.console.Note(request, "try", request.PostFormValue("subject"), request.PostFormValue("detail")); err != nil {
			return err
		}
		*done++
		return r.console.Back(w, request, "/audit", "It was done.")
	})
	return done
}

func TestForgedForms(t *testing.T) {
	r := newRig(t, withUsers)
	done := r.acting("/act", signin.Responder)
	token := r.formToken()
	for what, c := range map[string]struct {
		body    string
		headers []string
		want    int
	}{
		"without a token":        {"subject=a", nil, http.StatusForbidden},
		"another token":          {"csrf=" + token + "0", nil, http.StatusForbidden},
		"from another site":      {"csrf=" + token, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"another site's origin":  {"csrf=" + token, []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		"the token in a header":  {"subject=a", []string{"X-Csrf-Token", token}, http.StatusOK},
		"the token in the form":  {"subject=a&csrf=" + token, []string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		"what cannot be decoded": {"csrf=%zz", nil, http.StatusBadRequest},
		"too much":               {"csrf=" + token + "&x=" + strings.Repeat("x", 2<<20), nil, http.StatusRequestEntityTooLarge},
	} {
		before := *done
		answer, page := r.send(r.client, "POST", "/act", c.body, c.headers...)
		if answer.StatusCode != c.want || (*done > before) != (c.want == http.StatusOK) {
			t.Errorf("%s: %d, done %v\n%.300s", what, answer.StatusCode, *done > before, page)
		}
	}
	r.client = r.signIn("vic", "of vic", "")
	_, page := r.get("/nowhere")
	token = regexp.MustCompile(`<meta name="csrf" content="([^"]+)"`).FindStringSubmatch(page)[1]
	before := *done
	if answer, page := r.send(r.client, "POST", "/act", "csrf="+token); answer.StatusCode != http.StatusForbidden || *done > before || !strings.Contains(page, "takes the role responder; yours is viewer") {
		t.Errorf("a viewer acts: %d", answer.StatusCode)
	}
	if answer, _ := r.send(stranger(t), "POST", "/act", "csrf="+token, "Referer", r.server.URL+"/audit?person=vic"); answer.Header.Get("Location") != "/sign-in?to="+url.QueryEscape("/audit?person=vic") || *done > before {
		t.Errorf("nobody acts: %d %s", answer.StatusCode, answer.Header.Get("Location"))
	}
}

func TestMethods(t *testing.T) {
	r := newRig(t)
	r.page("/seen", signin.Viewer)
	r.acting("/seen", signin.Viewer)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"DELETE", "/seen", 405, "GET, HEAD, POST"},
		{"PUT", "/sign-out", 405, "POST"},
		{"GET", "/sign-out", 405, "POST"},
		{"POST", "/audit", 405, "GET, HEAD"},
		{"BREW", "/audit", 405, "GET, HEAD"},
		{"POST", "/nowhere", 404, ""},
		{"GET", "/nowhere", 404, ""},
		{"HEAD", "/seen", 200, ""},
		{"HEAD", "/nowhere", 404, ""},
	} {
		answer, page := r.send(r.client, c.method, c.path, "")
		if answer.StatusCode != c.status || answer.Header.Get("Allow") != c.allow || c.method != "HEAD" && !strings.Contains(page, "<h1>") || c.method == "HEAD" && page != "" {
			t.Errorf("%s %s: %d, Allow %q\n%.200s", c.method, c.path, answer.StatusCode, answer.Header.Get("Allow"), page)
		}
	}
}

// Of many people who look, one has a page that breaks; it is told, logged, written down, and the rest go on.
func TestPanics(t *testing.T) {
	log := &logged{}
	r := newRig(t, withLog(log))
	broken := func(http.ResponseWriter, *http.Request) error { panic("a <b>bug</b>") }
	r.console.Route("GET /broken", signin.Viewer, broken)
	r.console.Route("POST /broken", signin.Viewer, broken)
	r.console.Route("GET /half", signin.Viewer, func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write(bytes.Repeat([]byte("half a page "), 10_000))
		panic("in the middle")
	})
	status, page := r.get("/broken")
	if status != http.StatusInternalServerError || !strings.Contains(page, "went wrong in tokenwatch") || strings.Contains(page, "bug") {
		t.Errorf("%d\n%s", status, page)
	}
	if !strings.Contains(log.String(), "a <b>bug</b>") || !strings.Contains(log.String(), "frame_test.go") {
		t.Errorf("the log:\n%s", log)
	}
	if status, _ = r.post("/broken", url.Values{}); status != http.StatusInternalServerError {
		t.Errorf("an act: %d", status)
	}
	if _, page = r.get("/audit"); !strings.Contains(page, "POST /broken") || !strings.Contains(page, "failed") {
		t.Errorf("the audit:\n%s", page)
	}
	answer, err := r.client.Get(r.server.URL + "/half")
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		_ = answer.Body.Close()
	}
	if err == nil {
		t.Error("half a page looks like a whole one")
	}
}

// Below a path: whether the proxy in front passes it on or strips it, everything the browser gets leads back below it.
func TestBelowAPath(t *testing.T) {
	const base = "/soc/tw"
	r := newRig(t, func(c *console.Config, _ *console.Parts) { c.PublicURL = "https://soc.example.org" + base + "/" })
	r.page("/seen/{id}", signin.Viewer)
	plain := "http://" + r.server.Listener.Addr().String()
	for name, prefix := range map[string]string{"passed on": base, "stripped": ""} {
		t.Run(name, func(t *testing.T) {
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			for path, want := range map[string]string{
				"/": base + "/incidents", "/seen/1": base + "/sign-in?to=" + url.QueryEscape("/seen/1"), "/seen//1": base + "/seen/1", "/favicon.ico": base + "/static/favicon.svg?v=",
			} {
				answer, err := client.Get(plain + prefix + path)
				if err != nil {
					t.Fatal(err)
				}
				_ = answer.Body.Close()
				if got := answer.Header.Get("Location"); !strings.HasPrefix(got, want) {
					t.Errorf("%s leads to %q, want %s", path, got, want)
				}
			}
			answer, err := client.PostForm(plain+prefix+"/sign-in", url.Values{"name": {"admin"}, "password": {password}, "to": {"/seen/1"}})
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			set := answer.Header.Get("Set-Cookie")
			if answer.Header.Get("Location") != base+"/seen/1" || !strings.HasPrefix(set, "__Secure-tokenwatch=") || !strings.Contains(set, "Path="+base+"/;") || !strings.Contains(set, "; Secure") {
				t.Errorf("%d %s, %s", answer.StatusCode, answer.Header.Get("Location"), set)
			}
			request, _ := http.NewRequest("GET", plain+prefix+"/nowhere", nil)
			request.AddCookie(answer.Cookies()[0])
			answer, err = client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			status, page := read(t, answer)
			if status != http.StatusNotFound {
				t.Errorf("signed in: %d", status)
			}
			for _, link := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
				if !strings.HasPrefix(link[1], base+"/") && !strings.HasPrefix(link[1], "https://") && !strings.HasPrefix(link[1], "#") {
					t.Errorf("a page links to %s", link[1])
				}
				if !strings.Contains(link[1], "/static/") {
					continue
				}
				file, err := client.Get(plain + prefix + strings.TrimPrefix(link[1], base))
				if err != nil {
					t.Fatal(err)
				}
				if status, _ := read(t, file); status != http.StatusOK || !strings.Contains(file.Header.Get("Cache-Control"), "immutable") {
					t.Errorf("%s: %d, %s", link[1], status, file.Header.Get("Cache-Control"))
				}
			}
		})
	}
	if answer, err := http.Get(plain + base); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("without a slash at its end: %v %v", answer, err)
	}
}

func TestBasePathIsNoPage(t *testing.T) {
	for _, base := range []string{"/audit", "/static/x", "/sign-in"} {
		cfg := console.DefaultConfig()
		cfg.BasePath = base
		door, err := signin.New(cfg.Config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = console.New(cfg, console.Parts{Door: door, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.HasPrefix(err.Error(), "console.base_path: ") {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/audit", "/nowhere", "/sign-in", "/"} {
		answer, page := r.send(r.client, "GET", path, "")
		for name, want := range map[string]string{"Cache-Control": "no-store", "Vary": "Cookie", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"} {
			if got := answer.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s: %q", path, name, got)
			}
		}
		if found := regexp.MustCompile(`(?i)<style|style=|<script>|\son[a-z]+=`).FindString(page); found != "" {
			t.Errorf("%s: the policy forbids %q", path, found)
		}
	}
}

func TestStaticFiles(t *testing.T) {
	r := newRig(t)
	_, page := r.get("/sign-in")
	at := regexp.MustCompile(`/static/console\.css\?v=[0-9a-f]+`).FindString(page)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	answer, plain := r.send(client, "GET", at, "")
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || answer.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	packed, text := r.send(client, "GET", at, "", "Accept-Encoding", "gzip")
	unpacked, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(unpacked); err != nil || string(content) != plain || packed.Header.Get("Vary") != "Accept-Encoding" || len(text) > len(plain)/2 {
		t.Errorf("packed: %v, %d of %d bytes", err, len(text), len(plain))
	}
	if answer, _ := r.send(client, "GET", at, "", "If-None-Match", answer.Header.Get("ETag")); answer.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", answer.StatusCode)
	}
	if answer, _ := r.send(client, "GET", "/static/console.css?v=old", ""); answer.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("an old version: %s", answer.Header.Get("Cache-Control"))
	}
	for _, path := range []string{"/static/", "/static/nothing.js", "/static/../server.go", "/static/%2e%2e/templates/layout.html"} {
		if answer, body := r.send(client, "GET", path, ""); answer.StatusCode == http.StatusOK && !strings.Contains(body, "<h1>Sign in") {
			t.Errorf("%s: %d %.80s", path, answer.StatusCode, body)
		}
	}
}

// A recorder knows no deadlines, and a page is made all the same.
func TestWithoutAConnection(t *testing.T) {
	r := newRig(t)
	w := httptest.NewRecorder()
	r.console.ServeHTTP(w, httptest.NewRequest("POST", "/sign-in", strings.NewReader("name=a")))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("%d", w.Code)
	}
}
