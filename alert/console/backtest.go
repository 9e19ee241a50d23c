package console

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema/board"
)

// backtestStore is what these pages ask the store: nothing, history is read by the Backtester.
type backtestStore interface{}

// Backtester plays stored history through detection with other settings, one run at a time, beside all other work.
type Backtester interface {
	Offer() board.BacktestOffer
	// Start begins a run and returns its name. An error that wraps ErrBacktest is meant for the person.
	Start(by string, order board.BacktestOrder) (id string, err error)
	// Cancel ends a run; false: it is not running.
	Cancel(id string) bool
	// Runs are the last few, the newest first.
	Runs() []board.BacktestRun
}

// ErrBacktest says that a run cannot be begun as it was asked for: its text is meant for the person.
var ErrBacktest = errors.New("not run")

func (s *Server) backtestRoutes() {
	s.route("GET /backtest", signin.Viewer, s.backtestPage)
	s.route("GET /backtest/{id}", signin.Viewer, s.backtestPage)
	s.route("POST /backtest", signin.Admin, s.backtestStart)
	s.route("POST /backtest/{id}/cancel", signin.Admin, s.backtestCancel)
}

// backtestView is the page of backtests.
type backtestView struct {
	figures
	Offer   board.BacktestOffer
	Form    board.BacktestOrder // what the form begins with
	Running *board.BacktestRun
	Run     *board.BacktestRun // that is shown; nil: none
	Runs    []board.BacktestRun
	Off     bool // there is nothing to run with
	Names   severityNames
}

func (s *Server) backtestPage(w http.ResponseWriter, r *http.Request) error {
	if s.parts.Backtest == nil {
		return s.show(w, r, "backtest.html", view{Title: "Backtest", Section: "backtest", Data: &backtestView{Off: true}})
	}
	v := &backtestView{Offer: s.parts.Backtest.Offer(), Runs: s.parts.Backtest.Runs()}
	v.Form = v.Offer.Current
	if at := slices.IndexFunc(v.Runs, func(run board.BacktestRun) bool { return run.State == board.BacktestRunning }); at >= 0 {
		v.Running = &v.Runs[at]
		w.Header().Set("Refresh", "3") // until it is done
	}
	if id := r.PathValue("id"); id != "" {
		at := slices.IndexFunc(v.Runs, func(run board.BacktestRun) bool { return run.ID == id })
		if at < 0 {
			w.Header().Del("Refresh")
			return absent("There is no such backtest any more.", "The last few are kept until tokenwatch is restarted; run it again.")
		}
		v.Run = &v.Runs[at]
		v.Form = v.Run.Order
	} else if len(v.Runs) > 0 {
		v.Run = &v.Runs[0]
	}
	return s.show(w, r, "backtest.html", view{Title: "Backtest", Section: "backtest", Data: v})
}

func (s *Server) backtestStart(w http.ResponseWriter, r *http.Request) error {
	if s.parts.Backtest == nil {
		return refused("This process cannot run a backtest.", "`tokenwatch backtest --clickhouse` does, anywhere that reaches ClickHouse.")
	}
	order, err := backtestOrder(r)
	if err != nil {
		return err
	}
	v := &backtestView{Offer: s.parts.Backtest.Offer()}
	if err := s.note(r, "backtest", "", fmt.Sprintf("%d days, trying %s", order.Days, v.Tried(order))); err != nil {
		return err
	}
	id, err := s.parts.Backtest.Start(sessionOf(r).Person.Name, order)
	if errors.Is(err, ErrBacktest) {
		return refused(clip(err.Error(), 300), "Go back and change it.")
	}
	if err != nil {
		return err
	}
	return s.back(w, r, "/backtest/"+id, "The backtest runs. This page follows it.")
}

func (s *Server) backtestCancel(w http.ResponseWriter, r *http.Request) error {
	said := "It was not running any more."
	if err := s.note(r, "backtest-cancel", clip(r.PathValue("id"), 40), ""); err != nil {
		return err
	}
	if s.parts.Backtest != nil && s.parts.Backtest.Cancel(r.PathValue("id")) {
		said = "The backtest is cancelled."
	}
	return s.back(w, r, "/backtest", said)
}
