package simulate_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/simulate"
)

// life is what one pass over a history tells of how tokens are used.
type life struct {
	tokens []simulate.Token
	clocks map[simulate.Class]*clock
	awake  [24]map[int]bool              // people seen in each UTC hour
	from   map[int]map[netip.Addr]bool   // addresses by token
	nets   map[int]map[netip.Prefix]bool // and the networks around them
	odd    int                           // records that are shorter or longer than their format's
}

// clock counts a class's requests by local hour and by day of the week.
type clock struct {
	hours    [24]int
	weekdays [7]int
	total    int
}

func (c *clock) share(hours ...int) float64 {
	n := 0
	for _, h := range hours {
		n += c.hours[h]
	}
	return float64(n) / float64(c.total)
}

func observe(t *testing.T, f *simulate.Fleet) *life {
	t.Helper()
	l := &life{tokens: f.Tokens(), clocks: map[simulate.Class]*clock{}, from: map[int]map[netip.Addr]bool{}, nets: map[int]map[netip.Prefix]bool{}}
	for _, class := range simulate.Classes() {
		l.clocks[class] = &clock{}
	}
	for hour := range l.awake {
		l.awake[hour] = map[int]bool{}
	}
	zones := make([]*time.Location, len(l.tokens))
	for i, token := range l.tokens {
		zone, err := time.LoadLocation(token.Zone)
		if err != nil {
			t.Fatal(err)
		}
		zones[i], l.from[i], l.nets[i] = zone, map[netip.Addr]bool{}, map[netip.Prefix]bool{}
	}
	for r := range f.History() {
		l.note(t, r, zones[r.Token])
	}
	return l
}

func (l *life) note(t *testing.T, r simulate.Record, zone *time.Location) {
	t.Helper()
	token, local := l.tokens[r.Token], r.Time.In(zone)
	if r.Time.Before(token.Since) {
		t.Fatalf("token %d is used at %v, before it was made at %v", r.Token, r.Time, token.Since)
	}
	c := l.clocks[token.Class]
	c.hours[local.Hour()]++
	c.weekdays[local.Weekday()]++
	c.total++
	if token.Class == simulate.Person {
		l.awake[r.Time.Hour()][r.Token] = true
	}
	low, high := 480, 950
	if token.Gateway == "kong" {
		low, high = 1000, 2100
	}
	if size := len(r.Value); size < low || size > high {
		l.odd++
	}
	a := address(t, r)
	network, err := a.Prefix(12)
	if err != nil {
		t.Fatal(err)
	}
	l.from[r.Token][a], l.nets[r.Token][network] = true, true
}

func TestLife(t *testing.T) {
	l := observe(t, fleet(t, config(1)))
	t.Run("it has its size", l.size)
	t.Run("people sleep", l.peopleSleep)
	t.Run("at any hour somebody is awake", l.somebodyIsAwake)
	t.Run("travellers travel", l.travellersTravel)
	t.Run("addresses change", l.addressesChange)
	t.Run("some tokens are new", l.someAreNew)
}

func (l *life) size(t *testing.T) {
	all, silent := 0, 0
	for _, c := range l.clocks {
		all += c.total
	}
	for _, seen := range l.from {
		if len(seen) == 0 {
			silent++
		}
	}
	if all < 600_000 || all > 1_050_000 || silent > 25 || l.odd > all/100 {
		t.Errorf("%d records, %d of unusual length, %d tokens never used", all, l.odd, silent)
	}
	for class, share := range map[simulate.Class][2]float64{
		simulate.Person: {.15, .4}, simulate.Traveller: {.01, .06}, simulate.Server: {.3, .65}, simulate.Cron: {.05, .2},
		simulate.Batch: {.03, .2}, simulate.CI: {.02, .12}, simulate.Sparse: {.0002, .005},
	} {
		if part := float64(l.clocks[class].total) / float64(all); part < share[0] || part > share[1] {
			t.Errorf("%s makes %.4f of the records, not %v", class, part, share)
		}
	}
}

func (l *life) peopleSleep(t *testing.T) {
	people, servers := l.clocks[simulate.Person], l.clocks[simulate.Server]
	if night := people.share(2, 3, 4); night > 0.02 || night == 0 {
		t.Errorf("people make %.3f of their requests from 2 to 5 at night", night)
	}
	if lunch, morning := people.share(13), people.share(11); lunch > 0.92*morning {
		t.Errorf("no lunch: %.3f at 13, %.3f at 11", lunch, morning)
	}
	if work := people.share(9, 10, 11, 12, 13, 14, 15, 16, 17); work < 0.6 {
		t.Errorf("people make %.2f of their requests from 9 to 18", work)
	}
	if off := float64(people.weekdays[0]+people.weekdays[6]) / float64(people.total); off > 0.15 || off < 0.01 {
		t.Errorf("%.3f of people's requests fall on Saturday and Sunday", off)
	}
	if night := servers.share(2, 3, 4); night < 0.05 {
		t.Errorf("servers make %.3f of their requests from 2 to 5 at night", night)
	}
}

func (l *life) somebodyIsAwake(t *testing.T) {
	for hour, seen := range l.awake {
		if len(seen) < 25 || len(seen) > 260 {
			t.Errorf("at %d UTC %d people were awake in some week", hour, len(seen))
		}
	}
}

func (l *life) travellersTravel(t *testing.T) {
	moved := 0
	for index, networks := range l.nets {
		if l.tokens[index].Class == simulate.Traveller && len(networks) >= 3 {
			moved++
		}
	}
	if moved < 20 {
		t.Errorf("only %d travellers were seen in three networks", moved)
	}
}

func (l *life) addressesChange(t *testing.T) {
	sums, counts := map[simulate.Class]int{}, map[simulate.Class]int{}
	for index, seen := range l.from {
		sums[l.tokens[index].Class] += len(seen)
		counts[l.tokens[index].Class]++
	}
	for class, bounds := range map[simulate.Class][2]float64{
		simulate.Person: {2, 15}, simulate.Cron: {0.9, 2}, simulate.CI: {40, 600}, simulate.Server: {1.5, 60},
	} {
		if mean := float64(sums[class]) / float64(counts[class]); mean < bounds[0] || mean > bounds[1] {
			t.Errorf("a %s has %.1f addresses in three weeks, not %v", class, mean, bounds)
		}
	}
}

func (l *life) someAreNew(t *testing.T) {
	fresh := 0
	for _, token := range l.tokens {
		if token.Since.After(end.Add(-9 * 24 * time.Hour)) {
			fresh++
		}
	}
	if fresh < 8 || fresh > 50 {
		t.Errorf("%d of %d tokens are new", fresh, len(l.tokens))
	}
}
