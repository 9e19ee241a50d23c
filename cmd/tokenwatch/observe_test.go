package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// TestObservedMetricsExist holds every metric and label that a dashboard or an alert rule names to what the program exports:
// the registry behind /metrics, filled by a program at work.
func TestObservedMetricsExist(t *testing.T) {
	p := start(t, quick(t.TempDir()))
	p.produce(t, `{"time":"`+"2026-11-21T20:15:00Z"+`","token":"hf_notARealTokenJustAnExample00001","peer_ip":"81.2.69.142","method":"GET","uri":"/v1/models","status":200}`, "{broken")
	p.settled(t, 2)
	page, ok := fetch(p.url("/metrics"))
	if !ok {
		t.Fatal("/metrics does not answer")
	}
	exported := described(p.metrics.registry)
	for expr, where := range observed(t) {
		for name, labels := range metricsOf(expr) {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if _, is := exported[strings.TrimSuffix(name, suffix)]; is && strings.HasSuffix(name, suffix) {
					base = strings.TrimSuffix(name, suffix)
				}
			}
			have, known := exported[base]
			switch {
			case name == "up" || name == "ALERTS":
				continue
			case strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "go_"):
				known = strings.Contains(page, "\n"+name+" ")
			case !strings.HasPrefix(name, "tokenwatch_"):
				known = false
			}
			if !known {
				t.Errorf("%s: %s is exported by nobody: %s", where, name, expr)
			}
			for _, label := range labels {
				if !slices.Contains(append(have, "le", "job", "instance"), label) {
					t.Errorf("%s: %s has no label %s, but %v: %s", where, name, label, have, expr)
				}
			}
		}
	}
	for _, name := range []string{"tokenwatch_lag", "tokenwatch_rows_total", "tokenwatch_dead_letters_total", "tokenwatch_insert_seconds_bucket"} {
		if !strings.Contains(page, "\n"+name+"{") {
			t.Errorf("/metrics of a program at work lacks %s", name)
		}
	}
}

var descriptor = regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([^}]*)\}`)

// described are the names of a registry's metrics, with their labels.
func described(registry *prometheus.Registry) map[string][]string {
	all := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(all)
		close(all)
	}()
	names := map[string][]string{}
	for d := range all {
		if m := descriptor.FindStringSubmatch(d.String()); m != nil {
			names[m[1]] = strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return names
}

// observed are all PromQL expressions, and where each stands.
func observed(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	files, err := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		var d struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(contents(t, file), &d); err != nil {
			t.Fatal(err)
		}
		for _, panel := range d.Panels {
			for _, target := range panel.Targets {
				if target.Expr != "" {
					found[target.Expr] = filepath.Base(file) + ", " + panel.Title
				}
			}
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(contents(t, "../../deploy/prometheus/tokenwatch.rules.yml"), &rules); err != nil {
		t.Fatal(err)
	}
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			found[rule.Expr] = rule.Alert
		}
	}
	if len(found) < 40 {
		t.Fatalf("only %d expressions were found", len(found))
	}
	return found
}

func contents(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

var (
	promText     = regexp.MustCompile(`"[^"]*"`)
	promRange    = regexp.MustCompile(`\[[^\]]*\]|\boffset\s+\w+`)
	promBy       = regexp.MustCompile(`\b(?:by|without|on|ignoring)\s*\(([^)]*)\)`)
	promSelector = regexp.MustCompile(`([a-zA-Z_]\w*)\s*(\{[^}]*\})?(\s*\()?`)
	promLabel    = regexp.MustCompile(`(\w+)\s*[=!]`)
	promWord     = regexp.MustCompile(`^\w+$`)
)

// metricsOf are the metrics of an expression, with the labels that it asks of each: those of its selector, and those that the
// expression groups by.
func metricsOf(expr string) map[string][]string {
	expr = promRange.ReplaceAllString(promText.ReplaceAllString(expr, `""`), "")
	var grouped []string
	for _, m := range promBy.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(m[1], ",") {
			if label = strings.TrimSpace(label); promWord.MatchString(label) {
				grouped = append(grouped, label)
			}
		}
	}
	metrics := map[string][]string{}
	for _, m := range promSelector.FindAllStringSubmatch(promBy.ReplaceAllString(expr, " "), -1) {
		if m[3] != "" || slices.Contains([]string{"and", "or", "unless", "bool", "sum", "max", "min", "count", "avg", "group_left", "group_right"}, m[1]) {
			continue // a function or an operator
		}
		labels := slices.Clone(grouped)
		for _, l := range promLabel.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		metrics[m[1]] = labels
	}
	return metrics
}

func TestMetricsOf(t *testing.T) {
	for expr, want := range map[string]string{
		`sum by (topic) (rate(a_total{kind="x y{"}[5m] offset 1d)) > 0 and b == 3`:   "map[a_total:[topic kind] b:[topic]]",
		`histogram_quantile(0.9, sum by (le, d) (rate(c_bucket[$__rate_interval])))`: "map[c_bucket:[le d]]",
		`absent(up{job="x"} == 1)`: "map[up:[job]]",
		`5 + 2 * sum(e) / 1000`:    "map[e:[]]",
	} {
		if got := fmt.Sprint(metricsOf(expr)); got != want {
			t.Errorf("%s: have %s, want %s", expr, got, want)
		}
	}
}

// TestPromtool has Prometheus's own tool check the rules, and play the cases in which they must and must not fire.
func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: promtool is missing; Debian's package prometheus has it\n", t.Name())
		t.Skip("NOT TESTED, no promtool:", err)
	}
	for _, arguments := range [][]string{
		{"check", "config", "prometheus.yml"}, {"check", "rules", "tokenwatch.rules.yml"}, {"test", "rules", "tokenwatch.rules.test.yml"},
	} {
		command := exec.Command(tool, arguments...)
		command.Dir = "../../deploy/prometheus"
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
	}
}

// TestComposeStaysSmall: what is for watching tokenwatch itself comes on demand only, and what it mounts is there.
func TestComposeStaysSmall(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Profiles []string
			Volumes  []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(contents(t, "../../docker-compose.yml"), &compose); err != nil {
		t.Fatal(err)
	}
	for name, service := range compose.Services {
		watching := slices.Contains([]string{"analyst", "prometheus", "grafana"}, name)
		if watching != slices.Contains(service.Profiles, "observe") {
			t.Errorf("%s: profiles %v", name, service.Profiles)
		}
		for _, volume := range service.Volumes {
			from, _, _ := strings.Cut(volume, ":")
			if _, err := os.Stat(filepath.Join("../..", from)); strings.HasPrefix(from, ".") && err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
			if _, named := compose.Volumes[from]; !strings.HasPrefix(from, ".") && !named {
				t.Errorf("%s mounts the volume %s, which is not declared", name, from)
			}
		}
	}
}
