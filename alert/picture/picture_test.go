package picture_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert/picture"
	"github.com/tokenwatch/tokenwatch/schema"
)

// past is a history made up by rules.
type past struct {
	hours  []picture.Hour
	places []picture.Place
	err    error
}

func (p past) Hours(context.Context, schema.TokenID, time.Time, time.Time) ([]picture.Hour, error) {
	return p.hours, p.err
}

func (p past) Places(context.Context, schema.TokenID, time.Time, time.Time, time.Time) ([]picture.Place, error) {
	return p.places, p.err
}

func theft(t testing.TB) *schema.Incident {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return &schema.Incident{
		ID: "inc-1", Token: f.Token, TokenHint: f.TokenHint, Consumer: f.Consumer, Environment: f.Environment,
		Severity: f.Severity, Opened: f.Time, Updated: f.Time, Evidence: f.Evidence, Seen: f.Seen, Normal: f.Normal,
	}
}

// office is a token that is used on weekdays from 8 to 18 h, and then stolen.
func office(inc *schema.Incident, burst uint64) past {
	var p past
	end := inc.Updated.Truncate(time.Hour)
	seed := uint64(7)
	for at := end.Add(-24 * 24 * time.Hour); at.Before(end.Add(-time.Hour)); at = at.Add(time.Hour) {
		seed = seed*6364136223846793005 + 1442695040888963407
		day := at.Weekday() != time.Saturday && at.Weekday() != time.Sunday
		if h := at.Hour(); day && h >= 7 && h < 18 {
			shape := math.Sin(float64(h-6) / 12 * math.Pi)
			p.hours = append(p.hours, picture.Hour{At: at, Requests: uint64(30+60*shape) + seed>>59})
		}
	}
	p.hours = append(p.hours, picture.Hour{At: end.Add(-time.Hour), Requests: burst / 4}, picture.Hour{At: end, Requests: burst})
	p.places = []picture.Place{
		{Name: "Berlin, DE", Before: 17_800}, {Name: "Paris, FR", Before: 540}, {Name: "São Paulo, BR", Since: 1204},
		{Name: "Frankfurt am Main, DE", Before: 12, Since: 3},
	}
	return p
}

func paint(t testing.TB, inc *schema.Incident, p past) image.Image {
	t.Helper()
	data, err := picture.Painter{History: p}.Paint(t.Context(), inc)
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("PICTURES"); dir != "" {
		name := strings.NewReplacer("/", "-").Replace(t.Name()) + ".png"
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// count is how many pixels of a part of the picture have a colour.
func count(img image.Image, part image.Rectangle, want color.NRGBA) int {
	n := 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if color.NRGBAModel.Convert(img.At(x, y)) == want {
				n++
			}
		}
	}
	return n
}

var (
	red   = color.NRGBA{0xd1, 0x24, 0x2f, 0xff}
	blue  = color.NRGBA{0x1f, 0x6f, 0xc5, 0xff}
	light = color.NRGBA{0xc4, 0xdd, 0xf7, 0xff}
)

func TestTheft(t *testing.T) {
	inc := theft(t)
	img := paint(t, inc, office(inc, 1204))
	if w := img.Bounds().Dx(); w != 1080 {
		t.Errorf("%d pixels wide, want a telephone's 1080", w)
	}
	if h := img.Bounds().Dy(); h < 1080 || h > 1920 {
		t.Errorf("%d pixels high", h)
	}
	requests, week := image.Rect(100, 220, 1050, 580), image.Rect(100, 720, 1050, 1080)
	for _, c := range []struct {
		what  string
		part  image.Rectangle
		color color.NRGBA
	}{
		{"bars of what was normal", requests, blue}, {"the band of what was expected", requests, light},
		{"bars of the incident", requests, red}, {"the incident's hours of the week", week, red},
	} {
		if n := count(img, c.part, c.color); n < 100 {
			t.Errorf("%s: %d pixels", c.what, n)
		}
	}
	// It began an hour before the end of seven days: left of there, nothing of it.
	if n := count(img, image.Rect(100, 440, 700, 580), red); n != 0 {
		t.Errorf("%d red pixels in the days before", n)
	}
}

// Whatever happened, the picture is drawn: without a history, around the clock, for weeks, with texts of any length.
func TestOddIncidents(t *testing.T) {
	for name, change := range map[string]func(*schema.Incident, *past){
		"no history": func(_ *schema.Incident, p *past) { p.hours, p.places = nil, nil },
		"nothing known": func(inc *schema.Incident, p *past) {
			*inc, *p = schema.Incident{Token: schema.TokenID{0xab}}, past{}
		},
		"like always": func(inc *schema.Incident, p *past) { *p = office(inc, 90) },
		"huge":        func(inc *schema.Incident, p *past) { *p = office(inc, 1<<62) },
		"weeks long": func(inc *schema.Incident, p *past) {
			inc.Seen.Since = inc.Updated.Add(-30 * 24 * time.Hour)
		},
		"ends before it begins": func(inc *schema.Incident, p *past) { inc.Seen.Since = inc.Updated.Add(time.Hour) },
		"from everywhere": func(inc *schema.Incident, p *past) {
			for i := range 1000 {
				p.places = append(p.places, picture.Place{Name: strings.Repeat("💥Ünïcode & <b>", 1+i%50), Since: uint64(i)})
			}
			inc.TokenHint, inc.Consumer = strings.Repeat("W", 100_000), strings.Repeat("漢字", 50_000)
			for i := range 100 {
				e := inc.Evidence[i%5]
				e.Detector, e.Time = strings.Repeat("x", i), e.Time.Add(-time.Duration(i)*time.Hour)
				inc.Evidence = append(inc.Evidence, e)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inc := theft(t)
			p := office(inc, 1204)
			change(inc, &p)
			if img := paint(t, inc, p); img.Bounds().Dx() != 1080 || img.Bounds().Dy() > 1920 {
				t.Errorf("%v", img.Bounds())
			}
		})
	}
}

func TestFailures(t *testing.T) {
	inc, cause := theft(t), errors.New("clickhouse is away")
	if _, err := (picture.Painter{History: past{err: cause}}).Paint(t.Context(), inc); !errors.Is(err, cause) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (picture.Painter{History: past{}}).Paint(ctx, inc); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
