package console_test

import (
	"math"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
)

// themes are the colours of console.css by name, of the light and the dark theme.
func themes(t *testing.T) (light, dark map[string]string) {
	t.Helper()
	css, err := os.ReadFile("static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(string(css), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d themes", len(blocks))
	}
	read := func(block string) map[string]string {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(block, -1) {
			colours[m[1]] = m[2]
		}
		return colours
	}
	return read(blocks[0][1]), read(blocks[1][1])
}

// luminance is WCAG's relative luminance.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.
	for i, weight := range []float64{.2126, .7152, .0722} {
		v, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(v) / 255
		if c <= .03928 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+.055)/1.055, 2.4)
		}
	}
	return sum
}

// Words can be read in both themes, on every ground that they stand on.
func TestContrast(t *testing.T) {
	light, dark := themes(t)
	for name, theme := range map[string]map[string]string{"light": light, "dark": dark} {
		pairs := [][2]string{{"on-first", "first"}}
		for _, text := range []string{"text", "faint", "link", "low", "medium", "high", "critical", "good"} {
			for _, ground := range []string{"back", "panel", "raised"} {
				pairs = append(pairs, [2]string{text, ground})
			}
		}
		for _, p := range pairs {
			if theme[p[0]] == "" || theme[p[1]] == "" {
				t.Fatalf("%s lacks %v", name, p)
			}
			a, b := luminance(t, theme[p[0]]), luminance(t, theme[p[1]])
			if contrast := (max(a, b) + .05) / (min(a, b) + .05); contrast < 4.5 {
				t.Errorf("%s: --%s on --%s: %.2f, want 4.5", name, p[0], p[1], contrast)
			}
		}
	}
}

// The frame's own pages fit a phone without being pushed sideways, and the menu's links are all there.
func TestFrameFits(t *testing.T) {
	r := newRig(t, withUsers, func(c *console.Config, _ *console.Parts) {
		c.OIDC.Issuer, c.OIDC.ClientID, c.OIDC.DefaultRole = "https://login.a-rather-long-name.example.org", "tw", signin.Viewer
	})
	r.acting("/act", signin.Viewer)
	r.post("/act", url.Values{"subject": {"01JD2V6F9GZ3"}, "detail": {"theft: confirmed by the owner on the phone"}})
	long := strings.Repeat("W", 100)
	if err := r.db.InsertActs(t.Context(), []schema.Act{
		{ID: "a", At: time.Now().Add(-time.Minute), Person: long, Address: "2001:db8:1111:2222:3333:4444:5555:6666", Action: "sign in", Outcome: schema.ActRefused, Reason: "That name and password do not go together."},
		{ID: "b", At: time.Now().Add(-time.Hour), Person: "rea", Role: "responder", Via: "oidc", Address: "192.0.2.9", Action: "revoke", Subject: long + long, Detail: long, Outcome: schema.ActFailed, Reason: "the gateway did not answer"},
	}); err != nil {
		t.Fatal(err)
	}
	ctx := r.browse(t, 1200, 900)
	signedOut := false
	for _, c := range []struct {
		name, path, theme string
		width, height     int64
	}{
		{"audit-wide", "/audit", "light", 1280, 800}, {"audit-dark", "/audit", "dark", 1280, 800}, {"audit-phone", "/audit", "light", 390, 844}, {"audit-phone-dark", "/audit", "dark", 390, 844},
		{"fault-wide", "/nowhere/" + long, "light", 1280, 800}, {"fault-phone", "/nowhere/" + long, "dark", 390, 844},
		{"signin-wide", "/sign-in", "light", 1280, 800}, {"signin-dark", "/sign-in", "dark", 1280, 800}, {"signin-phone", "/sign-in", "light", 390, 844},
	} {
		actions := []chromedp.Action[chromedp.Void]{appear(c.theme), chromedp.EmulateViewport(c.width, c.height)}
		if c.path == "/sign-in" && !signedOut {
			signedOut = true
			actions = append(actions, chromedp.Submit("form.who"), chromedp.WaitVisible(".enter"))
		}
		if err := chromedp.Do(ctx, append(actions, chromedp.Navigate(r.server.URL+c.path), chromedp.WaitVisible("h1"))...); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if wide := evaluate[int64](t, ctx, "document.documentElement.scrollWidth"); wide > c.width {
			t.Errorf("%s: the page is %d wide, the screen %d", c.name, wide, c.width)
		}
		shoot(t, ctx, "frame-"+c.name+".png")
	}
}
