package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/console"
	"github.com/tokenwatch/tokenwatch/alert/console/signin"
	"github.com/tokenwatch/tokenwatch/schema"
	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

const (
	wantPage      = 200 * time.Millisecond
	openIncidents = 10_000
)

// pages measures how long the console takes to answer over what is stored, with ten thousand open incidents.
func (b *bench) pages(db *clickhouse.DB, out *strings.Builder) (all []time.Duration) {
	b.Helper()
	_, tokens, err := db.Query(b.Context(), fmt.Sprintf("SELECT lower(hex(token)) FROM (SELECT DISTINCT token FROM activity_hours) ORDER BY sipHash64(token) LIMIT %d", openIncidents))
	if err != nil || len(tokens) == 0 {
		b.Fatalf("%d tokens, %v", len(tokens), err)
	}
	ids := b.incidents(db, tokens)
	door, err := signin.New(signin.Config{Password: "of the bench", SessionTTL: time.Hour, SessionIdle: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	served, err := console.New(console.DefaultConfig(), console.Parts{
		Store: db, Desk: &alert.Clerk{Registry: db}, Door: door, Log: quietly(), Explain: explainer{DefaultConfig().Detect, db},
	})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(served)
	defer server.Close()
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	get := func(answer *http.Response, err error) {
		if err != nil {
			b.Fatal(err)
		}
		defer answer.Body.Close()
		if page, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
			b.Fatalf("%s: %d %v\n%s", answer.Request.URL, answer.StatusCode, err, page)
		}
	}
	get(client.PostForm(server.URL+"/sign-in", url.Values{"name": {"admin"}, "password": {"of the bench"}}))
	for _, page := range []struct{ words, path string }{
		{"incidents", "/incidents"}, {"incidents, searched", "/incidents?q=place+number+77"}, {"an incident", "/incidents/" + "%[1]s"}, {"a token", "/tokens/%[2]s"},
		{"tokens, searched", "/tokens?q=consumer-7"}, {"fleet", "/fleet"}, {"silences", "/silences"}, {"allow-list", "/allow"}, {"system", "/system"}, {"audit", "/audit"},
	} {
		var took []time.Duration
		engine, rounds := processorTime(b, b.server.PID()), max(3, *queryRounds/4)
		for round := range rounds {
			n := round * 37 % len(ids)
			path := strings.NewReplacer("%[1]s", ids[n], "%[2]s", tokens[n][0]).Replace(page.path)
			began := time.Now()
			get(client.Get(server.URL + path))
			took = append(took, time.Since(began))
		}
		all = append(all, took...)
		slices.Sort(took)
		engine = (processorTime(b, b.server.PID()) - engine) / time.Duration(rounds)
		fmt.Fprintf(out, "  %-26s p50 %6s  p95 %6s  max %6s  ClickHouse's processor time %6s\n", page.words, at(took, 0.5), at(took, 0.95), at(took, 1), engine.Round(time.Millisecond))
	}
	return all
}

// incidents stores an open incident of each token, at the end of what is stored of it.
func (b *bench) incidents(db *clickhouse.DB, tokens [][]string) (ids []string) {
	b.Helper()
	end := time.Date(2026, 10, 30, 12, 0, 0, 0, time.UTC)
	var list []schema.Incident
	for n, row := range tokens {
		id, err := schema.ParseTokenID(row[0])
		if err != nil {
			b.Fatal(err)
		}
		f := schema.Finding{
			Token: id, KeyID: 7, TokenHint: fmt.Sprintf("hf_…%04d", n%10_000), Consumer: fmt.Sprintf("consumer-%d", n%900), Environment: "prod", Source: "nginx", Time: end.Add(time.Duration(n) * time.Second),
			Ingested: end.Add(time.Duration(n) * time.Second), Score: 1.1 + float64(n%30)/10, Severity: schema.SeverityMedium + schema.Severity(n%3), Summary: fmt.Sprintf("Used from a new place, number %d", n),
			Evidence: []schema.Evidence{{Detector: "new_geo", Key: "country:BR", Time: end, LLR: 7, Seen: "BR", Normal: "DE 100 %"}},
			Seen:     schema.Seen{Since: end.Add(-time.Hour), Requests: 12, Places: []string{"BR"}},
		}
		copy(f.ID[:], fmt.Sprintf("%08d%08d", n, n))
		list = append(list, alert.Open(&f))
		ids = append(ids, list[n].ID)
	}
	if err := db.SaveIncidents(b.Context(), list); err != nil {
		b.Fatal(err)
	}
	return ids
}
