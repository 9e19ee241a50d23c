package console

import (
	"context"
	"net/http"
	"sync"
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
}

// inboxSize is how many incidents a page shows.
const inboxSize = 50

func (s *Server) incidentsRoutes() {
	in := &inbox{Server: s}
	s.route("GET /incidents", signin.Viewer, in.page)
	s.route("POST /incidents/acknowledge", signin.Responder, s.acknowledge)
}

// inbox is the list of incidents.
type inbox struct {
	*Server
	choices remembered
}

// remembered are the choices of the form: what there is to filter by changes slowly, and is read once a minute for all
// who look rather than for each page.
type remembered struct {
	mu    sync.Mutex
	last  board.IncidentChoices
	until time.Time
}

// read asks the store where what is remembered is old, or nothing. Nobody waits for somebody else's question.
func (c *remembered) read(ctx context.Context, store incidentsStore, now time.Time) (board.IncidentChoices, error) {
	c.mu.Lock()
	last, fresh := c.last, now.Before(c.until)
	c.mu.Unlock()
	if fresh {
		return last, nil
	}
	choices, err := store.IncidentChoices(ctx)
	if err == nil && len(choices.Detectors) > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.last, c.until = choices, now.Add(time.Minute)
	}
	return choices, err
}

// page answers with a part of the list.
func (s *inbox) page(w http.ResponseWriter, r *http.Request) error {
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
		choices, err = s.choices.read(ctx, s.parts.Store, now)
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
