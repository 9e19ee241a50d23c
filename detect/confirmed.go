package detect

import (
	"fmt"
	"slices"
	"strings"
)

// confirmedTheft finds requests like those of a theft that a person has confirmed: the token was not changed since, or
// not everywhere, and the thief is back.
//
// Model: a thief who was there before comes back the same way, an owner does not turn up where only the thief was:
// the very address, or the network, client and country that the token knows from the thief alone, each say so, in the
// order in which an owner is unlikely to share them by chance. What the owner has too was taken out of the pattern when
// the verdict was given. What matches is never learnt.
type confirmedTheft struct{}

const (
	confirmedName    = "confirmed_theft"
	confirmedAddress = 4.0
	confirmedNetwork = 2.0
	confirmedClient  = 1.5
	confirmedCountry = 1.0
)

func (confirmedTheft) name() string { return confirmedName }

func (confirmedTheft) phrase() string { return "as in a confirmed theft" }

func (confirmedTheft) look(l *look) {
	f := l.memory.filed(l.profile)
	if f == nil || f.theft.to == 0 {
		return
	}
	llr, again := f.theft.matches(l)
	if llr == 0 {
		return
	}
	l.confirmed = true
	l.found(confirmedName, llr, func() words {
		return words{
			key: "confirmed", seen: "again " + strings.Join(again, ", "),
			normal: "confirmed as theft before, never the owner's",
		}
	})
}

// matches weighs what an event has in common with a theft, and says what that is.
func (m *matter) matches(l *look) (llr float64, again []string) {
	ev := l.event
	if ev.IP.IsValid() && slices.Contains(m.addresses, addressHash(ev)) && l.group != home {
		llr += confirmedAddress
		again = append(again, "the same address")
	}
	if ev.ASN != 0 && slices.ContainsFunc(m.networks, func(n named) bool { return n.asn == ev.ASN }) {
		llr += confirmedNetwork
		again = append(again, networkName(ev.Place))
	}
	if used := product(ev.Client); used != "" && slices.ContainsFunc(m.clients, func(c string) bool { return product(c) == used }) {
		llr += confirmedClient
		again = append(again, clip(ev.Client))
	}
	if ev.Country != "" && slices.Contains(m.countries, ev.Country) {
		llr += confirmedCountry
		again = append(again, fmt.Sprintf("in %s", ev.Country))
	}
	return llr, again
}
