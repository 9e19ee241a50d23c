package picture

import (
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// The colours tell seen from normal without red and green having to be told apart.
var (
	paper  = rgb(0xff, 0xff, 0xff)
	frame  = rgb(0xd0, 0xd7, 0xde)
	ink    = rgb(0x1f, 0x23, 0x28)
	faint  = rgb(0x59, 0x63, 0x6e)
	grid   = rgb(0xe7, 0xea, 0xee)
	empty  = rgb(0xf3, 0xf5, 0xf7)
	normal = rgb(0x1f, 0x6f, 0xc5)
	likely = rgb(0xc4, 0xdd, 0xf7)
	edge   = rgb(0x7d, 0xb3, 0xec)
	odd    = rgb(0xd1, 0x24, 0x2f)
	oddBg  = rgb(0xfd, 0xe8, 0xe9)
)

func rgb(r, g, b uint8) color.NRGBA { return color.NRGBA{R: r, G: g, B: b, A: 0xff} }

// The paper, in points of two pixels.
const (
	width  = 540
	dpi    = 144
	margin = 18
)

// pen draws on the paper, with y counted from its top.
type pen struct {
	canvas *vgimg.Canvas
	draw   draw.Canvas
	height float64
}

func newPen(height float64) *pen {
	c := vgimg.NewWith(vgimg.UseWH(width, vg.Length(height)), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper))
	return &pen{canvas: c, draw: draw.New(c), height: height}
}

func (p *pen) png(w io.Writer) error {
	_, err := vgimg.PngCanvas{Canvas: p.canvas}.WriteTo(w)
	return err
}

func (p *pen) at(x, y float64) vg.Point {
	return vg.Point{X: vg.Length(x), Y: vg.Length(p.height - y)}
}

func (p *pen) fill(c color.Color, x, y, w, h float64) {
	p.shape(c, p.at(x, y), p.at(x+w, y), p.at(x+w, y+h), p.at(x, y+h))
}

func (p *pen) shape(c color.Color, points ...vg.Point) { p.draw.FillPolygon(c, points) }

func (p *pen) outline(c color.Color, thick, x, y, w, h float64) {
	p.stroke(c, thick, p.at(x, y), p.at(x+w, y), p.at(x+w, y+h), p.at(x, y+h), p.at(x, y), p.at(x+w/2, y)) // once more, so that the corner is closed
}

func (p *pen) line(c color.Color, thick, x1, y1, x2, y2 float64) {
	p.stroke(c, thick, p.at(x1, y1), p.at(x2, y2))
}

func (p *pen) stroke(c color.Color, thick float64, points ...vg.Point) {
	p.draw.StrokeLines(draw.LineStyle{Color: c, Width: vg.Length(thick)}, points)
}

// style is how a text looks.
type style struct {
	color color.Color
	size  float64
	bold  bool
	align float64 // where x is: 0 at its beginning, -1 at its end, -0.5 in the middle
}

// bold is what x/image/font calls WeightBold.
const bold = 3

func (s style) text() draw.TextStyle {
	f := font.Font{Typeface: plot.DefaultFont.Typeface, Variant: "Sans", Size: vg.Length(s.size)}
	if s.bold {
		f.Weight = bold
	}
	return draw.TextStyle{
		Color: s.color, Font: f, XAlign: text.XAlignment(s.align), YAlign: text.YTop,
		Handler: text.Plain{Fonts: font.DefaultCache},
	}
}

// write puts a text with its top at y.
func (p *pen) write(s style, x, y float64, words string) {
	p.draw.FillText(s.text(), p.at(x, y), words)
}

// breadth is how much room a text takes.
func breadth(s style, words string) float64 { return float64(s.text().Width(words)) }

// cut shortens a text so that it takes no more room than there is.
func cut(s style, words string, room float64) string {
	words = drawable(words)
	if breadth(s, words) <= room {
		return words
	}
	runes := []rune(words)
	for n := min(len(runes), int(room)); n > 0; n-- {
		if short := strings.TrimRight(string(runes[:n]), " ·,") + "…"; breadth(s, short) <= room {
			return short
		}
	}
	return "…"
}

// drawable leaves out what the font has no shape for (emoji, most of all).
func drawable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ', r > 0x2fff:
			return -1
		}
		return r
	}, s)
}
