package alert

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema"
)

// stronger orders evidence by ratio, and equal ratios by name so that the order never
// depends on a map.
func stronger(a, b schema.Evidence) int {
	return cmp.Or(
		cmp.Compare(b.LLR, a.LLR),
		strings.Compare(a.Detector, b.Detector),
		strings.Compare(a.Key, b.Key),
	)
}

func boundedEvidence(e schema.Evidence) schema.Evidence {
	e.Detector = clean(e.Detector, maxText)
	e.Key = clean(e.Key, maxText)
	e.Seen = clean(e.Seen, maxText)
	e.Normal = clean(e.Normal, maxText)
	e.Attack = clean(e.Attack, maxText)
	return e
}

func boundedSeen(s schema.Seen) schema.Seen {
	s.Places = boundedNames(s.Places)
	s.Networks = boundedNames(s.Networks)
	s.Clients = boundedNames(s.Clients)
	return s
}

func boundedNormal(n schema.Normal) schema.Normal {
	n.Places = boundedShares(n.Places)
	n.Networks = boundedShares(n.Networks)
	n.Clients = boundedShares(n.Clients)
	return n
}

func boundedNames(names []string) []string {
	bounded := slices.Clone(names[:min(len(names), maxNames)])
	for i, name := range bounded {
		bounded[i] = clean(name, maxText)
	}
	return bounded
}

func boundedShares(shares []schema.Share) []schema.Share {
	bounded := slices.Clone(shares[:min(len(shares), maxNames)])
	for i := range bounded {
		bounded[i].Name = clean(bounded[i].Name, maxText)
	}
	return bounded
}

// mergeSeen keeps the newer lists and the larger counts. A count that was once true
// stays true, while a later finding may have begun to count later.
func mergeSeen(old, more schema.Seen, newest bool) schema.Seen {
	merged := old
	if newest {
		merged.Places, merged.Networks, merged.Clients = more.Places, more.Networks, more.Clients
	}
	if old.Since.IsZero() || (!more.Since.IsZero() && more.Since.Before(old.Since)) {
		merged.Since = more.Since
	}
	merged.Requests = max(old.Requests, more.Requests)
	merged.BytesOut = max(old.BytesOut, more.BytesOut)
	merged.CostUSD = max(old.CostUSD, more.CostUSD)
	merged.Addresses = max(old.Addresses, more.Addresses)
	merged.PeakMinute = max(old.PeakMinute, more.PeakMinute)
	return merged
}
