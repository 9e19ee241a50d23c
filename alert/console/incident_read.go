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
	g := &caseReader{ctx: ctx, cases: c, incident: p.Inc.ID, oneToken: p.OneToken()}
	g.SetLimit(panelsAtOnce)
	askToken(g, &p.Requests, func(ctx context.Context) (board.Answer[board.CaseRequest], error) {
		return store.CaseRequests(ctx, cs, p.Filter.asked())
	})
	askToken(g, &p.Sum, func(ctx context.Context) (board.Answer[board.CaseSum], error) { return store.CaseSum(ctx, cs) })
	askToken(g, &p.Hours, func(ctx context.Context) (board.Answer[board.CaseHour], error) { return store.CaseHours(ctx, cs) })
	askToken(g, &p.Minutes, func(ctx context.Context) (board.Answer[board.CaseMinute], error) {
		return store.CaseMinutes(ctx, cs, p.MinutesFrom, p.MinutesUntil)
	})
	askToken(g, &p.Week, func(ctx context.Context) (board.Answer[board.CaseWeek], error) { return store.CaseWeek(ctx, cs) })
	askToken(g, &p.Places, func(ctx context.Context) (board.Answer[board.CasePlace], error) { return store.CasePlaces(ctx, cs) })
	askToken(g, &p.Networks, func(ctx context.Context) (board.Answer[board.CaseNetwork], error) { return store.CaseNetworks(ctx, cs) })
	askToken(g, &p.Clients, func(ctx context.Context) (board.Answer[board.CaseClient], error) { return store.CaseClients(ctx, cs) })
	askToken(g, &p.Routes, func(ctx context.Context) (board.Answer[board.CaseRoute], error) { return store.CaseRoutes(ctx, cs) })
	askToken(g, &p.Addresses, func(ctx context.Context) (board.Answer[board.CaseAddress], error) {
		return store.CaseAddresses(ctx, cs)
	})
	askCase(g, &p.Deliveries, func(ctx context.Context) (board.Answer[board.CaseDelivery], error) {
		return store.CaseDeliveries(ctx, cs)
	})
	askCase(g, &p.Verdicts, func(ctx context.Context) (board.Answer[schema.Verdict], error) { return store.CaseVerdicts(ctx, cs) })
	askCase(g, &p.Steps, func(ctx context.Context) (board.Answer[schema.RevocationStep], error) {
		return store.CaseSteps(ctx, cs)
	})
	if len(cs.Findings) > 0 {
		askCase(g, &p.Findings, func(ctx context.Context) (board.Answer[board.CaseFinding], error) { return store.CaseFindings(ctx, cs) })
	}
	_ = g.Wait() // what went wrong stands in the panels
	if rows := p.Requests.Rows; len(rows) > requestsAPage {
		p.Requests.Rows = rows[:requestsAPage]
		p.Older = p.Filter.older(rows[requestsAPage-1])
	}
}

// reader asks several questions at a time.
type caseReader struct {
	errgroup.Group
	ctx      context.Context
	cases    *cases
	incident string
	oneToken bool
}

// ofToken asks what makes sense for a single token only.
func askToken[T any](g *caseReader, into *casePanel[T], question func(context.Context) (board.Answer[T], error)) {
	if g.oneToken {
		askCase(g, into, question)
	}
}

func askCase[T any](g *caseReader, into *casePanel[T], question func(context.Context) (board.Answer[T], error)) {
	g.Go(func() error {
		ctx, cancel := context.WithTimeout(g.ctx, panelPatience)
		defer cancel()
		var err error
		into.Answer, err = question(ctx)
		if err == nil {
			return nil
		}
		into.Rows, into.Fault = nil, "This could not be read from ClickHouse; reload in a moment. The log of tokenwatch says why."
		if errors.Is(err, context.DeadlineExceeded) {
			into.Fault = "This could not be read: ClickHouse did not answer in time. Reload in a moment, or ask the query below yourself."
		}
		if g.ctx.Err() == nil || !errors.Is(g.ctx.Err(), context.Canceled) { // else whoever asked has gone
			g.cases.parts.Log.Warn("console: a panel could not be read", "incident", g.incident, "error", err)
		}
		return nil
	})
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
