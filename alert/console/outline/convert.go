//go:build ignore

// Convert draws the outline of the land once, as the data of an SVG path in tenths of a degree (equirectangular: x is
// 1800 + 10·longitude, y is 900 − 10·latitude), from Natural Earth's 1:110m land (public domain) as the npm package
// world-atlas (ISC) has it in TopoJSON:
//
//	go run alert/console/outline/convert.go < land-110m.json > alert/console/outline/land.path
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"math"
	"os"
)

// tolerance is how far, in degrees, a line may stray from the coast; smallest is the extent of the least island kept.
const (
	tolerance = 0.12
	smallest  = 0.8
)

type point struct{ x, y float64 }

type topology struct {
	Transform struct{ Scale, Translate [2]float64 }
	Arcs      [][][2]float64
	Objects   map[string]struct {
		Geometries []struct{ Arcs [][][]int }
	}
}

func main() {
	var t topology
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		log.Fatal("reading TopoJSON from standard input: ", err)
	}
	out := bufio.NewWriter(os.Stdout)
	for _, g := range t.Objects["land"].Geometries {
		for _, polygon := range g.Arcs {
			for _, ring := range polygon {
				for _, piece := range unrolled(t.ring(ring)) {
					write(out, simplify(piece))
				}
			}
		}
	}
	if err := out.Flush(); err != nil {
		log.Fatal(err)
	}
}

// ring joins the arcs of a ring; a negative number is an arc walked backwards.
func (t *topology) ring(arcs []int) (ring []point) {
	for _, n := range arcs {
		var arc []point
		back := n < 0
		if back {
			n = ^n
		}
		x, y := 0.0, 0.0
		for _, step := range t.Arcs[n] {
			x, y = x+step[0], y+step[1]
			arc = append(arc, point{x*t.Transform.Scale[0] + t.Transform.Translate[0], y*t.Transform.Scale[1] + t.Transform.Translate[1]})
		}
		if back {
			for i, j := 0, len(arc)-1; i < j; i, j = i+1, j-1 {
				arc[i], arc[j] = arc[j], arc[i]
			}
		}
		ring = append(ring, arc[min(len(ring), 1):]...) // the next arc begins where this one ends
	}
	return ring
}

// unrolled makes a ring that crosses the 180th meridian go on beyond it, and repeats it at the other side of the paper.
// What goes around the whole globe, Antarctica, is closed along the pole.
func unrolled(ring []point) [][]point {
	shift, low, high := 0.0, 0.0, 0.0
	flat := []point{ring[0]}
	for i := 1; i < len(ring); i++ {
		switch d := ring[i].x - ring[i-1].x; {
		case d > 180:
			shift -= 360
		case d < -180:
			shift += 360
		}
		flat = append(flat, point{ring[i].x + shift, ring[i].y})
		low, high = min(low, ring[i].x+shift), max(high, ring[i].x+shift)
	}
	if shift != 0 {
		flat = append(flat, point{flat[len(flat)-1].x, -90}, point{flat[0].x, -90}, flat[0])
	}
	pieces := [][]point{flat}
	if low < -180 {
		pieces = append(pieces, moved(flat, 360))
	}
	if high > 180 {
		pieces = append(pieces, moved(flat, -360))
	}
	return pieces
}

func moved(ring []point, by float64) []point {
	other := make([]point, len(ring))
	for i, p := range ring {
		other[i] = point{p.x + by, p.y}
	}
	return other
}

// simplify is Douglas and Peucker's: it leaves out what is nearly on the line between its neighbours.
func simplify(p []point) []point {
	if len(p) < 3 {
		return p
	}
	far, at := 0.0, 0
	for i := 1; i < len(p)-1; i++ {
		if d := distance(p[i], p[0], p[len(p)-1]); d > far {
			far, at = d, i
		}
	}
	if far <= tolerance {
		return []point{p[0], p[len(p)-1]}
	}
	return append(simplify(p[:at+1]), simplify(p[at:])[1:]...)
}

func distance(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	length := math.Hypot(dx, dy)
	if length == 0 {
		return math.Hypot(p.x-a.x, p.y-a.y)
	}
	return math.Abs(dy*p.x-dx*p.y+b.x*a.y-b.y*a.x) / length
}

func write(out *bufio.Writer, ring []point) {
	low, high := point{180, 90}, point{-180, -90}
	for _, p := range ring {
		low, high = point{min(low.x, p.x), min(low.y, p.y)}, point{max(high.x, p.x), max(high.y, p.y)}
	}
	if len(ring) < 4 || max(high.x-low.x, high.y-low.y) < smallest {
		return
	}
	px, py := 0, 0
	for i, p := range ring[:len(ring)-1] { // the last is the first, and z closes
		x, y := 1800+int(math.Round(10*p.x)), 900-int(math.Round(10*p.y))
		switch {
		case i == 0:
			fmt.Fprintf(out, "M%d %dl", x, y)
		case x == px && y == py:
			continue
		case y-py < 0:
			fmt.Fprintf(out, "%d%d ", x-px, y-py)
		default:
			fmt.Fprintf(out, "%d %d ", x-px, y-py)
		}
		px, py = x, y
	}
	fmt.Fprint(out, "z")
}
