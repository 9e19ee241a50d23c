package console

import (
	"context"
	"errors"
	"html/template"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// panel is a part of the page that stands or fails by itself.
type casePanel[T any] struct {
	board.Answer[T]
	Fault string // why there is nothing to be seen
}

// casePage is all that the page of an incident shows.
type casePage struct {
	caseWords
	Inc     *schema.Incident
	Case    board.Case
	Now     time.Time
	Message alert.Message
	Acts    caseActs
	Filter  caseFilter

	Sum        casePanel[board.CaseSum]
	Hours      casePanel[board.CaseHour]
	Minutes    casePanel[board.CaseMinute]
	Week       casePanel[board.CaseWeek]
	Places     casePanel[board.CasePlace]
	Networks   casePanel[board.CaseNetwork]
	Clients    casePanel[board.CaseClient]
	Routes     casePanel[board.CaseRoute]
	Addresses  casePanel[board.CaseAddress]
	Requests   casePanel[board.CaseRequest]
	Deliveries casePanel[board.CaseDelivery]
	Verdicts   casePanel[schema.Verdict]
	Steps      casePanel[schema.RevocationStep]
	Findings   casePanel[board.CaseFinding]

	MinutesFrom, MinutesUntil time.Time
	ByHour, ByMinute          *caseChart
	Heat                      *weekHeat
	Map                       *worldMap
	Older                     template.URL // query of the next page of requests
}

// OneToken reports whether the incident is about one token rather than a campaign.
func (p *casePage) OneToken() bool { return p.Inc.Kind == schema.FindingToken && !p.Inc.Token.IsZero() }

// read asks for every panel. What fails is said in its panel, and the rest of the page stands.
func (c *cases) read(ctx context.Context, p *casePage) {
	names := []schema.TokenID{p.Inc.Token}
	if p.OneToken() {
		if more, err := c.parts.Store.CaseNames(ctx, p.Inc.Token); err == nil {
			names = more
		} else {
			c.parts.Log.Warn("console: the names of a token could not be read; its page shows what it did under one", "incident", p.Inc.ID, "error", err)
		}
	}
	p.Case = caseOf(p.Inc, names, p.Now)
	p.MinutesFrom, p.MinutesUntil = minutesOf(p.Case)
	store, cs := c.parts.Store, p.Case
	g := &caseReader{ctx: ctx, cases: c, incident: p.Inc.ID}
	g.SetLimit(panelsAtOnce)
	if p.OneToken() {
		g.token(store, p)
	}
	ask(g, &p.Deliveries, func(ctx context.Context) (board.Answer[board.CaseDelivery], error) {
		return store.CaseDeliveries(ctx, cs)
	})
	ask(g, &p.Verdicts, func(ctx context.Context) (board.Answer[schema.Verdict], error) { return store.CaseVerdicts(ctx, cs) })
	ask(g, &p.Steps, func(ctx context.Context) (board.Answer[schema.RevocationStep], error) {
		return store.CaseSteps(ctx, cs)
	})
	if len(cs.Findings) > 0 {
		ask(g, &p.Findings, func(ctx context.Context) (board.Answer[board.CaseFinding], error) { return store.CaseFindings(ctx, cs) })
	}
	_ = g.Wait() // what went wrong stands in the panels
	if rows := p.Requests.Rows; len(rows) > requestsAPage {
		p.Requests.Rows = rows[:requestsAPage]
		p.Older = p.Filter.older(rows[requestsAPage-1])
	}
}

// caseReader asks several questions at a time.
type caseReader struct {
	errgroup.Group
	ctx      context.Context
	cases    *cases
	incident string
}

// token asks what makes sense for a single token only, what takes longest first.
func (g *caseReader) token(store incidentStore, p *casePage) {
	cs := p.Case
	g.ask(func(ctx context.Context) error {
		d, err := store.CaseDetail(ctx, cs)
		fault := caseFault(err)
		p.Routes, p.Addresses = casePanelOf(d.Routes, fault), casePanelOf(d.Addresses, fault)
		return err
	})
	g.ask(func(ctx context.Context) error {
		h, err := store.CaseHistory(ctx, cs)
		fault := caseFault(err)
		p.Sum, p.Hours, p.Week = casePanelOf(h.Sum, fault), casePanelOf(h.Hours, fault), casePanelOf(h.Week, fault)
		p.Places, p.Networks, p.Clients = casePanelOf(h.Places, fault), casePanelOf(h.Networks, fault), casePanelOf(h.Clients, fault)
		return err
	})
	ask(g, &p.Requests, func(ctx context.Context) (board.Answer[board.CaseRequest], error) {
		return store.CaseRequests(ctx, cs, p.Filter.asked())
	})
	ask(g, &p.Minutes, func(ctx context.Context) (board.Answer[board.CaseMinute], error) {
		return store.CaseMinutes(ctx, cs, p.MinutesFrom, p.MinutesUntil)
	})
}

// ask asks for one panel.
func ask[T any](g *caseReader, into *casePanel[T], question func(context.Context) (board.Answer[T], error)) {
	g.ask(func(ctx context.Context) error {
		answer, err := question(ctx)
		*into = casePanelOf(answer, caseFault(err))
		return err
	})
}

func (g *caseReader) ask(question func(context.Context) error) {
	g.Go(func() error {
		ctx, cancel := context.WithTimeout(g.ctx, panelPatience)
		defer cancel()
		err := question(ctx)
		if gone := errors.Is(g.ctx.Err(), context.Canceled); err != nil && !gone {
			g.cases.parts.Log.Warn("console: a panel could not be read", "incident", g.incident, "error", err)
		}
		return nil
	})
}

// caseFault says in the panel why there is nothing to be seen.
func caseFault(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "This could not be read: ClickHouse did not answer in time. Reload in a moment, or ask the query below yourself."
	}
	return "This could not be read from ClickHouse; reload in a moment. The log of tokenwatch says why."
}

func casePanelOf[T any](answer board.Answer[T], fault string) casePanel[T] {
	if fault != "" {
		answer.Rows = nil
	}
	return casePanel[T]{Answer: answer, Fault: fault}
}

// minutesOf is the time around the first evidence, which is shown by the minute.
func minutesOf(c board.Case) (from, until time.Time) {
	from = c.Began.Add(-minutesBefore).Truncate(time.Minute)
	until = c.Began.Add(minutesAfter).Truncate(time.Minute)
	if c.DetailUntil.Before(until) {
		until = c.DetailUntil.Truncate(time.Minute).Add(time.Minute)
	}
	return from, until
}
