package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// fleetStore is what these pages ask the store.
type fleetStore interface {
	// BoardFleet is a page of a list of tokens, with one line more than the limit when there are more.
	BoardFleet(ctx context.Context, ask board.FleetAsk) ([]board.FleetToken, error)
	BoardFleetCounts(ctx context.Context) (board.FleetCounts, error)
	BoardFleetDays(ctx context.Context, days int) ([]board.FleetDay, error)
	BoardFleetDetectors(ctx context.Context, days int) ([]board.FleetDetector, error)
}

func (s *Server) fleetRoutes() {
	sums := &fleetSums{store: s.parts.Store}
	s.route("GET /fleet", signin.Viewer, func(w http.ResponseWriter, r *http.Request) error { return s.fleetPage(w, r, sums) })
}

const (
	fleetLines = 50  // of a page
	fleetPages = 200 // that are offered: who needs more asks in SQL
	fleetDays  = 30
)

// fleetView is the page of all tokens.
type fleetView struct {
	figures
	Counts    board.FleetCounts
	Alerts    alertChart
	Detectors []detectorLine
	Tabs      []fleetTab
	List      board.FleetList
	Says      string // what the list is
	Days      int
	Tokens    []board.FleetToken
	Orders    []fleetLink
	Page      int
	From      int
	Before    string // link to the page before; empty: there is none
	After     string
}

// fleetTab is a list to choose.
type fleetTab struct {
	Name    string
	Count   uint64
	Counted bool
	URL     string
	Chosen  bool
}

// fleetLink is a way to sort a list, or a number of days.
type fleetLink struct {
	Name   string
	URL    string
	Chosen bool
}

func (s *Server) fleetPage(w http.ResponseWriter, r *http.Request, sums *fleetSums) error {
	ask, page, err := fleetAsk(r.URL.Query())
	if err != nil {
		return err
	}
	v := &fleetView{List: ask.List, Days: ask.Days, Page: page, From: ask.Offset + 1}
	var all fleetSum
	group, ctx := errgroup.WithContext(r.Context())
	group.Go(func() (err error) { v.Tokens, err = s.parts.Store.BoardFleet(ctx, ask); return err })
	group.Go(func() (err error) { all, err = sums.get(ctx); return err })
	if err := group.Wait(); err != nil {
		return err
	}
	budget := 0.
	if s.parts.Backtest != nil {
		budget = s.parts.Backtest.Offer().Current.Budget
	}
	v.Counts, v.Alerts, v.Detectors = all.counts, chartAlerts(all.days, budget), detectorLines(all.detectors)
	v.link(s.cfg.BasePath, ask)
	return s.show(w, r, "fleet.html", view{Title: "Fleet", Section: "fleet", Data: v})
}

// fleetAsk reads which list is wanted. What makes no sense is refused, so that a link that is wrong is known to be.
func fleetAsk(q url.Values) (ask board.FleetAsk, page int, err error) {
	ask = board.FleetAsk{List: board.FleetRisk, Days: 30, Limit: fleetLines}
	if list := q.Get("list"); list != "" {
		ask.List = board.FleetList(list)
	}
	if _, known := fleetLists[ask.List]; !known {
		return ask, 0, refused("There is no such list of tokens.", "The lists are risk, unused, old, learning and active.")
	}
	switch days := q.Get("days"); days {
	case "", "30":
	case "7", "90":
		ask.Days, _ = strconv.Atoi(days)
	default:
		return ask, 0, refused("Unused for how long?", "days is 7, 30 or 90.")
	}
	ask.Order = board.FleetOrder(q.Get("sort"))
	if ask.Order != board.FleetByDefault && fleetOrders[ask.Order] == "" {
		return ask, 0, refused("A list cannot be sorted by that.", "sort is first, last or requests.")
	}
	page = 1
	if text := q.Get("page"); text != "" {
		if page, err = strconv.Atoi(text); err != nil || page < 1 || page > fleetPages {
			return ask, 0, refused("There is no such page.", "Pages go from 1 to "+strconv.Itoa(fleetPages)+"; the view token_profile has all tokens.")
		}
	}
	ask.Offset = (page - 1) * fleetLines
	return ask, page, nil
}
