package sql_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/sql"
)

type target struct {
	RawSQL     string `json:"rawSql"`
	Expr       string `json:"expr"`
	QueryType  string `json:"queryType"`
	Datasource struct{ UID string }
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Targets     []target
}

type dashboard struct {
	UID        string
	Title      string
	Panels     []panel
	Templating struct {
		List []struct{ Name, Query string }
	}
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("../grafana/dashboards/*.json")
	if err != nil || len(files) < 3 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = d
	}
	return all
}

// Every panel says what it shows, asks one of the two data sources that are provisioned, and lies on no other.
func TestDashboardsAreInOrder(t *testing.T) {
	provisioned, err := os.ReadFile("../grafana/provisioning/datasources/tokenwatch.yaml")
	if err != nil {
		t.Fatal(err)
	}
	uids := map[string]bool{}
	for name, d := range dashboards(t) {
		if d.UID != "tokenwatch-"+strings.TrimSuffix(name, ".json") || uids[d.UID] {
			t.Errorf("%s: its uid is %q", name, d.UID)
		}
		uids[d.UID] = true
		taken, ids := map[[2]int]int{}, map[int]bool{}
		for _, p := range d.Panels {
			if p.Title == "" || ids[p.ID] || p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
				t.Errorf("%s: panel %d %q: a title, a description, an id of its own and a query are wanted", name, p.ID, p.Title)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other, lies := taken[[2]int{x, y}]; lies || x > 23 {
						t.Fatalf("%s: panel %d lies on panel %d, or beyond the edge", name, p.ID, other)
					}
					taken[[2]int{x, y}] = p.ID
				}
			}
			for _, target := range p.Targets {
				if !strings.Contains(string(provisioned), "uid: "+target.Datasource.UID+"\n") || (target.RawSQL == "") == (target.Expr == "") {
					t.Errorf("%s: %q asks %q, which is not provisioned", name, p.Title, target.Datasource.UID)
				}
			}
		}
	}
}

var (
	timeFilter   = regexp.MustCompile(`\$__timeFilter\(((?:[^()]|\([^()]*\))*)\)`)
	timeInterval = regexp.MustCompile(`\$__timeInterval\(((?:[^()]|\([^()]*\))*)\)`)
	variable     = regexp.MustCompile(`\$\{(\w+):sqlstring\}`)
)

// grafana replaces macros and variables as Grafana and its ClickHouse plugin do.
func grafana(query string, from, to time.Time, variables map[string]string) string {
	query = timeFilter.ReplaceAllString(query, fmt.Sprintf("$1 >= toDateTime(%d) AND $1 <= toDateTime(%d)", from.Unix(), to.Unix()))
	query = timeInterval.ReplaceAllString(query, "toStartOfInterval(toDateTime($1), INTERVAL 3600 second)")
	return variable.ReplaceAllStringFunc(query, func(found string) string {
		value, known := variables[variable.FindStringSubmatch(found)[1]]
		if !known {
			return found
		}
		return "'" + strings.ReplaceAll(value, "'", "''") + "'"
	})
}

// quiet panels show nothing when all is well, or in a world without what they show.
var quiet = map[string]bool{"Alerts today, for 1,000 tokens": true, "Findings today": true, "New places today": true}

// TestDashboardQueries runs the query of every panel and variable, as an analyst, on the world in which something is found.
func TestDashboardQueries(t *testing.T) {
	s, w := analyst(t), newWorld()
	from, to := w.now.Add(-35*24*time.Hour), w.now.Add(time.Hour)
	variables := map[string]string{"token": token(29).String()}
	ran := 0
	for name, d := range dashboards(t) {
		for _, v := range d.Templating.List {
			rows := s.answer(t, sql.Question{SQL: grafana(v.Query, from, to, variables)})
			if len(rows) == 0 || rows[0]["__value"] == "" || rows[0]["__text"] == "" {
				t.Errorf("%s: variable %s offers %v", name, v.Name, rows)
			}
		}
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				if target.RawSQL == "" {
					continue
				}
				ran++
				query := grafana(target.RawSQL, from, to, variables)
				if strings.Contains(query, "$") {
					t.Errorf("%s: %s: nobody replaces the $ in %s", name, p.Title, query)
					continue
				}
				rows := s.answer(t, sql.Question{SQL: query})
				if len(rows) == 0 && !quiet[p.Title] {
					t.Errorf("%s: %s shows nothing: %s", name, p.Title, query)
				}
				if len(rows) > 0 && target.QueryType == "timeseries" && rows[0]["time"] == "" {
					t.Errorf("%s: %s: a time series without a time: %v", name, p.Title, rows[0])
				}
				if strings.Contains(query, "token_hint,") && rows != nil && rows[0]["token_hex"] == "" {
					t.Errorf("%s: %s: hints that lead nowhere", name, p.Title)
				}
			}
		}
	}
	if ran < 30 {
		t.Errorf("only %d queries were found", ran)
	}
}

// A token that somebody writes into the address stays a text.
func TestDashboardVariableIsText(t *testing.T) {
	s := analyst(t)
	for _, text := range []string{"x') OR 1=1 --", "''", "<script>", "", "zz"} {
		query := grafana("SELECT consumer FROM token_profile WHERE token = unhex(${token:sqlstring})", time.Time{}, time.Time{}, map[string]string{"token": text})
		if rows := s.answer(t, sql.Question{SQL: query}); len(rows) != 0 {
			t.Errorf("%q gives %v", text, rows)
		}
	}
}
