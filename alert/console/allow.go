package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// allowStore is what these pages ask the store.
type allowStore interface {
	AllowList(ctx context.Context, limit, skip int) ([]schema.Allowance, error)
	AllowHistory(ctx context.Context, id string, limit, skip int) ([]schema.Allowance, error)
	InsertAllowances(ctx context.Context, changes []schema.Allowance) error
}

func (s *Server) allowRoutes() {
	s.route("GET /allow", signin.Viewer, s.allowPage)
	s.route("GET /allow/history", signin.Viewer, s.allowHistory)
	s.route("POST /allow", signin.Admin, s.allowAdd)
	s.route("GET /allow/{id}", signin.Viewer, s.allowEntry)
	s.route("POST /allow/{id}/remove", signin.Admin, s.allowRemove)
}

// allowShown is how many entries, or changes, a page has.
const allowShown = 100

// allowData is what the page shows.
type allowData struct {
	List       []schema.Allowance
	Configured []schema.Allowance
	Form       allowForm
	Detectors  []string
	Kinds      []allowKind
	Pages      turning
}

// turning leads from a page of a long list to those beside it.
type turning struct{ Here, Before, Next int } // 0: there is none

// turn cuts a list that was asked for with one more than a page has.
func turn[T any](list []T, page, size int) ([]T, turning) {
	t := turning{Here: page, Before: page - 1}
	if len(list) > size {
		list, t.Next = list[:size], page+1
	}
	return list, t
}

// pageOf is the number of the page that is asked for, from 1.
func pageOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("page")
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 10_000 {
		return 0, refused("There is no page "+clip(text, 20)+" of this.", "Pages have numbers from 1.")
	}
	return n, nil
}

func (s *Server) allowPage(w http.ResponseWriter, r *http.Request) error {
	return s.showAllow(w, r, http.StatusOK, readAllowForm(r.URL.Query()))
}

func (s *Server) showAllow(w http.ResponseWriter, r *http.Request, status int, form allowForm) error {
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	list, err := s.parts.Store.AllowList(r.Context(), allowShown+1, (page-1)*allowShown)
	if err != nil {
		return err
	}
	data := allowData{Form: form, Configured: s.vitals().Allowed(), Detectors: s.vitals().Detectors(), Kinds: allowKinds}
	data.List, data.Pages = turn(list, page, allowShown)
	return s.showAs(w, r, status, "allow.html", view{Title: "Allow-list", Section: "allow", Data: data})
}

func (s *Server) allowAdd(w http.ResponseWriter, r *http.Request) error {
	form := readAllowForm(r.PostForm)
	entry, ok := form.allowance(s.vitals().Detectors(), sessionOf(r).Person.Name, time.Now())
	if !ok {
		return s.showAllow(w, r, http.StatusBadRequest, form)
	}
	if err := s.note(r, "allow.add", string(entry.Kind)+" "+entry.Value, entry.ID+", owner "+entry.Owner+": "+entry.Reason); err != nil {
		return err
	}
	if err := s.parts.Store.InsertAllowances(r.Context(), []schema.Allowance{entry}); err != nil {
		return err
	}
	return s.back(w, r, "/allow", string(entry.Kind)+" "+clip(entry.Value, 100)+" is allowed, for what comes in from now on.")
}

// allowHistoryData is what the page of changes shows.
type allowHistoryData struct {
	ID      string // of one entry alone
	Holds   bool   // the entry
	Entry   schema.Allowance
	Changes []schema.Allowance
	Pages   turning
	Wrong   string
	Typed   string
}

func (s *Server) allowHistory(w http.ResponseWriter, r *http.Request) error {
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	list, err := s.parts.Store.AllowHistory(r.Context(), "", allowShown+1, (page-1)*allowShown)
	if err != nil {
		return err
	}
	data := allowHistoryData{}
	data.Changes, data.Pages = turn(list, page, allowShown)
	return s.show(w, r, "allow_history.html", view{Title: "Changes of the allow-list", Section: "allow", Data: data})
}

// allowEntry shows one entry with its changes, and how it is taken away.
func (s *Server) allowEntry(w http.ResponseWriter, r *http.Request) error {
	data, err := s.entryOf(r)
	if err != nil {
		return err
	}
	return s.show(w, r, "allow_entry.html", view{Title: "Allowed: " + string(data.Entry.Kind) + " " + clip(data.Entry.Value, 60), Section: "allow", Data: data})
}

func (s *Server) entryOf(r *http.Request) (allowHistoryData, error) {
	data := allowHistoryData{ID: r.PathValue("id")}
	var err error
	if data.Changes, err = s.parts.Store.AllowHistory(r.Context(), data.ID, allowShown, 0); err != nil {
		return data, err
	}
	if len(data.Changes) == 0 {
		return data, absent("The allow-list never had an entry "+clip(data.ID, 60)+".", "The page Allow-list names those that hold, its history all there ever were.")
	}
	data.Entry = data.Changes[0]
	inOrder := slices.Clone(data.Changes)
	slices.Reverse(inOrder)
	data.Holds = len(schema.Holding(inOrder, time.Now())) > 0
	return data, nil
}

func (s *Server) allowRemove(w http.ResponseWriter, r *http.Request) error {
	data, err := s.entryOf(r)
	if err != nil {
		return err
	}
	if !data.Holds {
		return s.back(w, r, "/allow", clip(data.ID, 60)+" does not hold any more: it was removed, or is over.")
	}
	reason := strings.TrimSpace(r.PostFormValue("reason"))
	if problem := badText("reason", reason); reason == "" || problem != "" {
		data.Typed, data.Wrong = clip(reason, mostTyped), problem
		if reason == "" {
			data.Wrong = "Say why: it is what the next reader of the list has."
		}
		return s.showAs(w, r, http.StatusBadRequest, "allow_entry.html", view{Title: "Allowed: " + clip(data.Entry.Value, 60), Section: "allow", Data: data})
	}
	change := data.Entry.Removed(time.Now(), sessionOf(r).Person.Name, reason)
	if err := s.note(r, "allow.remove", string(change.Kind)+" "+change.Value, change.ID+": "+reason); err != nil {
		return err
	}
	if err := s.parts.Store.InsertAllowances(r.Context(), []schema.Allowance{change}); err != nil {
		return err
	}
	return s.back(w, r, "/allow", string(change.Kind)+" "+clip(change.Value, 100)+" is not allowed any more.")
}
