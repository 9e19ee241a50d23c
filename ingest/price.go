package ingest

import (
	"fmt"
	pathpkg "path"
)

// Price is what LLM tokens cost on a route, for gateways that log how many there were but not what they
// cost.
type Price struct {
	// Route is a template as in events.route; * stands for anything within a segment, as in
	// /v1/models/*/completions. Empty: every route.
	Route string `yaml:"route"`
	// Input and Output are US dollars a million tokens of the prompt and of the answer.
	Input  float64 `yaml:"input"`
	Output float64 `yaml:"output"`
}

// maxPrice is more than any million tokens cost: what is above it is a price of something else.
const maxPrice = 1e5

func (p Price) validate() error {
	if _, err := pathpkg.Match(p.Route, ""); err != nil {
		return fmt.Errorf("route %q: %w", p.Route, err)
	}
	if !(0 <= p.Input && p.Input <= maxPrice && 0 <= p.Output && p.Output <= maxPrice) {
		return fmt.Errorf("route %q: want input and output from 0 to %g US dollars a million tokens", p.Route, maxPrice)
	}
	return nil
}

// prices finds the price of a route: the first that matches. It remembers, since the same few routes come again.
type prices struct {
	list  []Price
	known map[string]Price
}

func newPrices(list []Price) prices { return prices{list: list, known: map[string]Price{}} }

// cost is what the tokens of a request cost, in US dollars; 0 without a price.
func (p prices) cost(route string, in, out uint32) float64 {
	if len(p.list) == 0 || in == 0 && out == 0 {
		return 0
	}
	price, ok := p.known[route]
	if !ok {
		price = p.find(route)
		remember(p.known, route, price)
	}
	return (float64(in)*price.Input + float64(out)*price.Output) / 1e6
}

func (p prices) find(route string) Price {
	for _, price := range p.list {
		if match, err := pathpkg.Match(price.Route, route); price.Route == "" || match && err == nil {
			return price
		}
	}
	return Price{}
}
