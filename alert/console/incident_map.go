package console

import (
	"cmp"
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tokenwatch/tokenwatch/schema/board"
)

// land is the outline of the land in tenths of a degree: Natural Earth 1:110m, public domain, made by outline/convert.go.
//
//go:embed outline/land.path
var landOutline string

// worldMap is where the token was used from: tenths of a degree, x from the 180th meridian and y from the north pole.
type worldMap struct {
	Land        string
	Left, Up    float64 // the part that is shown
	Wide, High  float64
	Unit        float64 // what is a point of the paper, within that part
	Dots        []mapDot
	Ways        []string
	Grid        []string
	Unplaced    int // places without coordinates
	Description string
}

// dot is a place: a circle for what was before, a diamond for what came since, both where it was both.
type mapDot struct {
	X, Y          float64
	Circle        float64 // radius; 0: none
	Diamond       string  // path; empty: none
	Name, Title   string
	NameX, NameY  float64
	End           bool // the name stands at its left
	New           bool
	Before, Since uint64
}

const (
	mapLeastWide = 700.0 // tenths of a degree: a continent around a place
	mapNames     = 6
	mapPaper     = 900.0 // points that the part shown is drawn on
	waySteps     = 48
	mostWays     = 12
)

func mapOf(rows []board.CasePlace) *worldMap {
	m := &worldMap{Land: landOutline}
	var most uint64
	var placed []board.CasePlace
	for _, p := range rows {
		if p.Lat == 0 && p.Lon == 0 || math.Abs(float64(p.Lat)) > 90 || math.Abs(float64(p.Lon)) > 180 || p.Lat != p.Lat || p.Lon != p.Lon {
			m.Unplaced++
			continue
		}
		placed = append(placed, p)
		most = max(most, p.Before, p.Since)
	}
	if len(placed) == 0 {
		return m
	}
	m.frame(placed)
	slices.SortStableFunc(placed, func(a, b board.CasePlace) int { return cmp.Compare(b.Before+b.Since, a.Before+a.Since) })
	for _, p := range placed { // the large ones first, so that the small ones stand on them
		m.Dots = append(m.Dots, m.mapDot(p, most))
	}
	m.name()
	m.ways(placed)
	return m
}

func onPaper(lat, lon float32) (x, y float64) { return 1800 + 10*float64(lon), 900 - 10*float64(lat) }

// frame chooses the part of the world that is shown: all places, and enough around them to know where they are.
func (m *worldMap) frame(places []board.CasePlace) {
	low, high := [2]float64{3600, 1800}, [2]float64{0, 0}
	for _, p := range places {
		x, y := onPaper(p.Lat, p.Lon)
		low, high = [2]float64{min(low[0], x), min(low[1], y)}, [2]float64{max(high[0], x), max(high[1], y)}
	}
	m.Wide = min(3600, max(mapLeastWide, (high[0]-low[0])*1.35, (high[1]-low[1])*1.5*2))
	m.High = m.Wide / 2
	m.Left = min(max((low[0]+high[0]-m.Wide)/2, 0), 3600-m.Wide)
	m.Up = min(max((low[1]+high[1]-m.High)/2, 0), 1800-m.High)
	m.Left, m.Up, m.Wide, m.High = math.Round(m.Left), math.Round(m.Up), math.Round(m.Wide), math.Round(m.High)
	m.Unit = m.Wide / mapPaper
	for deg := 0.0; deg <= 3600; deg += 300 {
		if deg > m.Left && deg < m.Left+m.Wide {
			m.Grid = append(m.Grid, fmt.Sprintf("M%g %gv%g", deg, m.Up, m.High))
		}
		if deg > m.Up && deg < m.Up+m.High {
			m.Grid = append(m.Grid, fmt.Sprintf("M%g %gh%g", m.Left, deg, m.Wide))
		}
	}
}

func (m *worldMap) mapDot(p board.CasePlace, most uint64) mapDot {
	x, y := onPaper(p.Lat, p.Lon)
	words := caseWords{}
	d := mapDot{X: tenth(x), Y: tenth(y), Name: words.Place(p.City, p.Country), New: p.New(), Before: p.Before, Since: p.Since}
	d.Title = fmt.Sprintf("%s: %s requests before, %s since", d.Name, words.Number(p.Before), words.Number(p.Since))
	if p.Before > 0 {
		d.Circle = tenth(m.Unit * dotRadius(p.Before, most))
	}
	if p.Since > 0 {
		r := tenth(m.Unit * dotRadius(p.Since, most) * 1.15)
		d.Diamond = fmt.Sprintf("M%g %gl%g %gl%g %gl%g %gz", d.X, tenth(d.Y-r), r, r, -r, r, -r, -r)
	}
	return d
}

// radius grows with the root, as areas do, from what can still be seen.
func dotRadius(n, most uint64) float64 {
	return 5 + 13*math.Sqrt(float64(n)/float64(max(most, 1)))
}

// name writes the names of the new places and of the most used, where they do not cover another.
func (m *worldMap) name() {
	order := make([]int, len(m.Dots))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(-cmp.Compare(dotRank(m.Dots[a]), dotRank(m.Dots[b])), cmp.Compare(a, b))
	})
	var taken [][2]float64
	named := 0
	for _, i := range order {
		d := &m.Dots[i]
		free := !slices.ContainsFunc(taken, func(t [2]float64) bool {
			return math.Abs(t[1]-d.Y) < 20*m.Unit && math.Abs(t[0]-d.X) < 190*m.Unit
		})
		if named == mapNames || !free {
			d.Name = ""
			continue
		}
		named++
		taken = append(taken, [2]float64{d.X, d.Y})
		side := tenth(m.Unit * 24)
		d.End = d.X > m.Left+m.Wide*0.7
		d.NameX, d.NameY = tenth(d.X+side), tenth(d.Y+5*m.Unit)
		if d.End {
			d.NameX = tenth(d.X - side)
		}
	}
}

func dotRank(d mapDot) uint64 {
	if d.New {
		return math.MaxUint64
	}
	return d.Before + d.Since
}

// ways are the shortest ways over the globe from the owner's usual place to the new ones.
func (m *worldMap) ways(places []board.CasePlace) {
	home := slices.MaxFunc(places, func(a, b board.CasePlace) int { return cmp.Compare(a.Before, b.Before) })
	if home.Before == 0 {
		return
	}
	for _, p := range places {
		if p.New() && len(m.Ways) < mostWays {
			m.Ways = append(m.Ways, mapWay(home, p))
		}
	}
}

// way is a great circle, cut where it leaves the paper at one side and comes back at the other.
func mapWay(a, b board.CasePlace) string {
	from, to := onGlobe(a), onGlobe(b)
	angle := math.Acos(min(1, max(-1, from[0]*to[0]+from[1]*to[1]+from[2]*to[2])))
	var path strings.Builder
	last := math.Inf(1)
	for i := range waySteps + 1 {
		t := float64(i) / waySteps
		p := from
		if s := math.Sin(angle); s > 1e-6 {
			ka, kb := math.Sin((1-t)*angle)/s, math.Sin(t*angle)/s
			for k := range p {
				p[k] = ka*from[k] + kb*to[k]
			}
		}
		lat, lon := math.Atan2(p[2], math.Hypot(p[0], p[1])), math.Atan2(p[1], p[0])
		x, y := 1800+lon*1800/math.Pi, 900-lat*1800/math.Pi
		step := "L"
		if math.Abs(x-last) > 1800 {
			step = "M"
		}
		last = x
		fmt.Fprintf(&path, "%s%.0f %.0f", step, x, y)
	}
	return path.String()
}

func onGlobe(p board.CasePlace) [3]float64 {
	lat, lon := float64(p.Lat)*math.Pi/180, float64(p.Lon)*math.Pi/180
	return [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
}
