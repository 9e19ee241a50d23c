package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// question is one that an analyst asks, in words and in SQL.
type question struct{ words, sql string }

// demoQuestions are asked at the end of the demo. They name the first incident's token.
func demoQuestions(token string) []question {
	t := "unhex('" + token + "')"
	return []question{
		{"Which tokens are in trouble, and why?",
			"SELECT severity, token_hint, consumer, opened, summary\nFROM incidents FINAL\nORDER BY score DESC\nLIMIT 6"},
		{"Who is the first of them, and what has it done in all?",
			"SELECT consumer, active_days, requests_per_active_day, countries, networks, clients\nFROM token_profile\nWHERE token = " + t},
		{"Where has it been used, and since when?",
			"SELECT country, city, as_org, network, requests, first_seen\nFROM token_places\nWHERE token = " + t + "\nORDER BY first_seen DESC\nLIMIT 6"},
		{"What did it do last?",
			"SELECT ts, ip, country, method, route, status, client\nFROM events\nWHERE token = " + t + "\nORDER BY ts DESC\nLIMIT 6"},
		{"Is every record there, once?",
			"SELECT topic, `partition`, min_offset, max_offset, entries, gaps, repeats\nFROM ingest_audit\nORDER BY `partition`"},
	}
}

// questions asks and prints them.
func (d *demo) questions(ctx context.Context) error {
	_, rows, err := d.app.engines.db.Query(ctx, "SELECT lower(hex(token)) FROM incidents FINAL ORDER BY score DESC LIMIT 1")
	if err != nil {
		return fmt.Errorf("looking for the first incident: %w", err)
	}
	if len(rows) == 0 {
		return nil // nothing was found: there is nothing to ask about
	}
	d.say("Five questions in SQL, and their answers")
	for i, q := range demoQuestions(rows[0][0]) {
		columns, rows, err := d.app.engines.db.Query(ctx, q.sql)
		if err != nil {
			return fmt.Errorf("%s: %w", q.words, err)
		}
		fmt.Fprintf(d.out, "\n   %d. %s\n\n", i+1, q.words)
		for _, line := range strings.Split(q.sql, "\n") {
			fmt.Fprintln(d.out, "      "+line)
		}
		fmt.Fprintln(d.out)
		d.table(columns, rows)
	}
	return nil
}

const maxCell = 44 // wider cells are cut, so that a row stays on a line

func (d *demo) table(columns []string, rows [][]string) {
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "      "+strings.Join(columns, "\t"))
	for _, row := range rows {
		for i := range row {
			row[i] = cut(row[i], maxCell)
		}
		fmt.Fprintln(w, "      "+strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

func cut(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes-1]) + "…"
}

// invite says how to look around in the demo that is kept running.
func (d *demo) invite() {
	child := d.app.engines.child
	d.say("Still running; Ctrl-C ends it")
	fmt.Fprintf(d.out, `   Console      %s (admin, %s)
   Kafka        %s, topic %s
   ClickHouse   http://%s (user tokenwatch), native %s
   Metrics      http://%s/metrics

   curl -s -u "tokenwatch:$(cat %s/clickhouse/password)" 'http://%s/' -d 'SELECT count() FROM events'
`, d.app.console.url(), d.app.console.cfg.Password.Reveal(), strings.Join(d.app.engines.kafka.Brokers, ", "), d.app.engines.kafka.Topic, child.HTTPAddress(), child.TCPAddress(),
		d.app.listener.Addr(), d.app.cfg.DataDir, child.HTTPAddress())
}
