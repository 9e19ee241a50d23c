package console

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

func (s *Server) auditRoutes() {
	s.route("GET /audit", signin.Admin, s.auditPage)
}

// auditPerPage is how many acts stand on a page.
const auditPerPage = 100

// audited is the page's own.
type audited struct {
	Acts   []schema.Act
	Person string // only this person's; empty: everybody's
	Action string
	Older  string // where the next page begins; empty: this is the last
	Past   bool   // some are newer than those here
}

// auditPage shows what people did here.
func (s *Server) auditPage(w http.ResponseWriter, r *http.Request) error {
	q := schema.ActQuery{Person: clip(r.FormValue("person"), 100), Action: clip(r.FormValue("action"), 60), Limit: auditPerPage + 1}
	before := r.FormValue("before")
	if before != "" {
		at, id, _ := strings.Cut(before, "-")
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil || ms <= 0 || len(id) > 64 {
			return refused("There is no such place in the audit.", "Begin with the newest page of it.")
		}
		q.Before, q.BeforeID = time.UnixMilli(ms), id
	}
	acts, err := s.parts.Store.Acts(r.Context(), q)
	if err != nil {
		return err
	}
	page := audited{Acts: acts, Person: q.Person, Action: q.Action, Past: before != ""}
	if len(acts) > auditPerPage {
		page.Acts = acts[:auditPerPage]
		last := page.Acts[auditPerPage-1]
		page.Older = strconv.FormatInt(last.At.UnixMilli(), 10) + "-" + last.ID
	}
	return s.show(w, r, "audit.html", view{Title: "Audit", Section: "audit", Data: page})
}
