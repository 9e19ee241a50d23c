package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/schema/clickhouse"
)

// Only what two looks have in common is a gap.
func TestCommonGaps(t *testing.T) {
	r := func(pairs ...int64) (list []clickhouse.Range) {
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, clickhouse.Range{First: pairs[i], Last: pairs[i+1]})
		}
		return list
	}
	for _, c := range []struct{ a, b, want []clickhouse.Range }{
		{nil, nil, nil},
		{r(1, 5), nil, nil},
		{r(1, 5), r(1, 5), r(1, 5)},
		{r(1, 5), r(3, 9), r(3, 5)},
		{r(1, 2, 8, 9), r(3, 7), nil},
		{r(1, 9), r(2, 3, 5, 6, 9, 12), r(2, 3, 5, 6, 9, 9)},
		{r(1, 3, 5, 7), r(3, 5), r(3, 3, 5, 5)},
	} {
		if have := common(c.a, c.b); !reflect.DeepEqual(have, c.want) {
			t.Errorf("%v and %v: %v, want %v", c.a, c.b, have, c.want)
		}
		if have := common(c.b, c.a); !reflect.DeepEqual(have, c.want) {
			t.Errorf("%v and %v: %v, want %v", c.b, c.a, have, c.want)
		}
	}
	for next, want := range map[int64]int64{-1: 0, 3: 0, 5: 2, 7: 3, 100: 13, 1000: 24} {
		if have := before(r(3, 5, 90, 110), next); have != want {
			t.Errorf("before %d: %d, want %d", next, have, want)
		}
	}
}

// auditOf runs the command beside a program that is at work.
func auditOf(t *testing.T, dir string, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr strings.Builder
	p := &process{ctx: t.Context(), environ: []string{"TOKENWATCH_DATA_DIR=" + dir}, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
	code = p.main(append([]string{"audit", "--patient=1s"}, args...))
	return code, stdout.String(), stderr.String()
}

// The audit of a program that is running: nothing to complain about, then a row that is
// taken away and one that is doubled, in the command, and in the metrics.
func TestAudit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := quick(dir)
	cfg.Audit.Every = time.Second
	p := start(t, cfg)
	if code, out, said := auditOf(t, dir); code != 0 || out != "Nothing was stored in that time.\n" || said != "" {
		t.Errorf("of nothing: code %d: %s%s", code, out, said)
	}
	if code, out, _ := auditOf(t, dir, "--json"); code != 0 || out != "[]\n" {
		t.Errorf("of nothing: code %d: %s", code, out)
	}
	for i := range 10 { // one by one: each keeps its offset
		value := ownRecord(time.Now(), "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7")
		switch i {
		case 4:
			value = "no JSON"
		case 7:
			value = "[" + value + "," + value + "]"
		}
		p.produce(t, value)
	}
	p.settled(t, 10)
	code, out, said := auditOf(t, dir)
	if lines := strings.Split(out, "\n"); code != 0 || len(lines) != 3 || strings.Join(strings.Fields(lines[1]), " ") != "gateway.access 0 0 9 10 1 10 9 1 0 0 0 0" {
		t.Errorf("code %d: %s%s", code, out, said)
	}
	eventually(t, 30*time.Second, "the metrics are there", func() bool {
		_, page := get(t, p.url("/metrics"))
		return strings.Contains(page, `tokenwatch_gaps{partition="0",topic="gateway.access"} 0`) && strings.Contains(page, `tokenwatch_repeats{partition="0",topic="gateway.access"} 0`)
	})

	for _, statement := range []string{
		"INSERT INTO events SELECT * FROM events WHERE offset = 6",
		"ALTER TABLE events DELETE WHERE offset IN (1, 2) SETTINGS mutations_sync = 2",
		"ALTER TABLE dead_letters DELETE WHERE offset = 4 SETTINGS mutations_sync = 2",
	} {
		if err := p.engines.db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	code, _, said = auditOf(t, dir)
	want := "gateway.access/0: in neither events nor dead_letters, for no known reason: offsets 1-2, 4\n" +
		"gateway.access/0: stored more than once: offsets 6\n"
	if code != 1 || said != want {
		t.Errorf("code %d, it says\n%swant\n%s", code, said, want)
	}
	code, out, _ = auditOf(t, dir, "--json", "--since=1h")
	var list []clickhouse.Audit
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 1 || len(list) != 1 {
		t.Fatalf("code %d: %s: %v", code, out, err)
	}
	if a := list[0]; fmt.Sprint(a.Gaps, a.Repeats, a.Repeated, a.Offsets) != "[{1 2} {4 4}] 1 [{6 6}] 7" {
		t.Errorf("%+v", a)
	}
	eventually(t, 30*time.Second, "the metrics tell", func() bool {
		_, page := get(t, p.url("/metrics"))
		return metric(page, "tokenwatch_gaps") == 3 && metric(page, "tokenwatch_repeats") == 1
	})
}
