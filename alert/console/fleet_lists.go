package console

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// fleetLists say what the lists are.
var fleetLists = map[board.FleetList]string{
	board.FleetRisk:     "Tokens with an incident that is not resolved, then those whose incidents of the last 7 days are. The worst first.",
	board.FleetUnused:   "Tokens that nobody has used for %d days. What is not used can be revoked before it is stolen. The longest silent first.",
	board.FleetOld:      "Tokens that were first seen 90 days ago or earlier and are still in use: never rotated. The oldest first.",
	board.FleetLearning: "Tokens with too little history for a profile of their own: they are judged with the help of tokens like them. The last changed first.",
	board.FleetActive:   "Tokens by requests a day over their lives. The most first.",
}

// fleetOrders name what a list can be sorted by.
var fleetOrders = map[board.FleetOrder]string{board.FleetByFirst: "first seen", board.FleetByLast: "last seen", board.FleetByRequests: "requests"}

// fleetURL is the address of a page of a list.
func fleetURL(base string, ask board.FleetAsk, page int) string {
	q := url.Values{"list": {string(ask.List)}}
	if ask.List == board.FleetUnused && ask.Days != 30 {
		q.Set("days", strconv.Itoa(ask.Days))
	}
	if ask.Order != board.FleetByDefault {
		q.Set("sort", string(ask.Order))
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	return base + "/fleet?" + q.Encode() + "#tokens"
}

// link fills in where one can go from a page.
func (v *fleetView) link(base string, ask board.FleetAsk) {
	unused := map[int]uint64{7: v.Counts.Unused7, 30: v.Counts.Unused30, 90: v.Counts.Unused90}[ask.Days]
	for _, tab := range []struct {
		list    board.FleetList
		name    string
		count   uint64
		counted bool
	}{
		{board.FleetRisk, "At risk", v.Counts.Risk, true}, {board.FleetUnused, fmt.Sprintf("Unused for %d days", ask.Days), unused, true}, {board.FleetOld, "Never rotated", v.Counts.Old, true},
		{board.FleetLearning, "Learning", v.Counts.Learning, true}, {board.FleetActive, "Most active", 0, false},
	} {
		v.Tabs = append(v.Tabs, fleetTab{tab.name, tab.count, tab.counted, fleetURL(base, board.FleetAsk{List: tab.list, Days: ask.Days}, 1), tab.list == ask.List})
	}
	if v.Says = fleetLists[ask.List]; ask.List == board.FleetUnused {
		v.Says = fmt.Sprintf(v.Says, ask.Days)
		for _, days := range []int{7, 30, 90} {
			v.Orders = append(v.Orders, fleetLink{fmt.Sprintf("%d days", days), fleetURL(base, board.FleetAsk{List: ask.List, Days: days, Order: ask.Order}, 1), days == ask.Days})
		}
	}
	for _, by := range sortable(ask.List) {
		name := "as said above"
		if by != board.FleetByDefault {
			name = "by " + fleetOrders[by]
		}
		sorted := ask
		sorted.Order = by
		v.Orders = append(v.Orders, fleetLink{name, fleetURL(base, sorted, 1), by == ask.Order})
	}
	if len(v.Tokens) > fleetLines {
		v.Tokens = v.Tokens[:fleetLines]
		if v.Page < fleetPages {
			v.After = fleetURL(base, ask, v.Page+1)
		}
	}
	if v.Page > 1 {
		v.Before = fleetURL(base, ask, v.Page-1)
	}
}

// sortable are the orders that make sense for a list.
func sortable(list board.FleetList) []board.FleetOrder {
	switch list {
	case board.FleetRisk:
		return []board.FleetOrder{board.FleetByDefault, board.FleetByLast}
	case board.FleetLearning:
		return []board.FleetOrder{board.FleetByDefault, board.FleetByRequests}
	}
	return []board.FleetOrder{board.FleetByDefault, board.FleetByFirst, board.FleetByLast, board.FleetByRequests}
}

// Upto is the number of the page's last line.
func (v *fleetView) Upto() int { return v.From + len(v.Tokens) - 1 }
