package console

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// incidentsStore is what these pages ask the store.
type incidentsStore interface {
	IncidentPage(ctx context.Context, f board.IncidentFilter, cut board.IncidentCut) (board.IncidentPage, error)
	IncidentChoices(ctx context.Context) (board.IncidentChoices, error)
	Sparks(ctx context.Context, tokens []schema.TokenID, now time.Time) (map[schema.TokenID]board.Spark, error)
	Incident(ctx context.Context, id string) (inc schema.Incident, found bool, err error)
}

// inboxSize is how many incidents a page shows.
const inboxSize = 50

func (s *Server) incidentsRoutes() {
	s.route("GET /incidents", signin.Viewer, s.inbox)
	s.route("POST /incidents/acknowledge", signin.Responder, s.acknowledge)
	s.route("GET /incidents/revoke", signin.Responder, s.confirmRevoke)
	s.route("POST /incidents/revoke", signin.Responder, s.revoke)
}

// inbox is the list of incidents.
func (s *Server) inbox(w http.ResponseWriter, r *http.Request) error {
	now := time.Now()
	want, err := parseWish(r.URL.Query(), now)
	if err != nil {
		return err
	}
	var (
		page    board.IncidentPage
		choices board.IncidentChoices
		sparks  map[schema.TokenID]board.Spark
	)
	all, ctx := errgroup.WithContext(r.Context())
	all.Go(func() (err error) {
		if page, err = s.parts.Store.IncidentPage(ctx, want.filter, want.cut()); err == nil {
			sparks, err = s.parts.Store.Sparks(ctx, tokensOf(page.Lines), now)
		}
		return err
	})
	all.Go(func() (err error) {
		choices, err = s.parts.Store.IncidentChoices(ctx)
		return err
	})
	if err := all.Wait(); err != nil {
		return err
	}
	session := sessionOf(r)
	list := &inboxPage{wish: want, Page: page, Choices: choices, MayAct: session.Person.May(signin.Responder), Base: s.cfg.BasePath}
	for _, l := range page.Lines {
		list.Rows = append(list.Rows, rowOf(l, sparks[l.Token], now))
	}
	return s.show(w, r, "incidents.html", view{Title: list.Title(), Section: "incidents", Data: list})
}

// tokensOf names each token once.
func tokensOf(lines []board.IncidentLine) (list []schema.TokenID) {
	met := make(map[schema.TokenID]bool, len(lines)) // at most a page of them
	for _, l := range lines {
		if !met[l.Token] {
			met[l.Token] = true
			list = append(list, l.Token)
		}
	}
	return list
}
