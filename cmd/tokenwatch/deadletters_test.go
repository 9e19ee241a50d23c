package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/replay"
	"github.com/tokenwatch/tokenwatch/schema"
)

// answer runs the command line against the engines of a program that is running.
func (p *program) answer(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokenwatch.yaml")
	text := fmt.Sprintf("data_dir: %s\nkafka: {port: %d}\ningest: {token_fields: [\"%s\"], max_record_bytes: %d}\n",
		p.cfg.DataDir, p.cfg.Kafka.Port, strings.Join(p.cfg.Ingest.TokenFields, `", "`), p.cfg.Ingest.MaxRecordBytes)
	if err := os.WriteFile(file, []byte(strings.Replace(text, `[""]`, "[]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	process := &process{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &errs}
	code = process.main(append([]string{"-c", file}, args...))
	return code, out.String(), errs.String()
}

// letters produces, one by one, a batch of which one entry is fine, one lacks what the next configuration will
// find, and one will never do; a record that is too long for now; one that nobody can read; a good one.
func letters(t *testing.T, p *program) (records int) {
	now := time.Now()
	good := ownRecord(now, "sk-live-QkZxWvTyRmPqLsNd", "203.0.113.7")
	other := strings.Replace(good, `"token":"sk-live-QkZxWvTyRmPqLsNd","consumer":"acme"`, `"team_key":"sk-team-QkZxWvTyRmPqLsNdBgHj"`, 1)
	long := strings.Replace(good, "/v1/me", "/v1/"+strings.Repeat("x", 5000), 1)
	for _, record := range []string{
		"[" + good + "," + other + "," + strings.Replace(good, ":200", ":4711", 1) + "]", long, "it is not JSON at all, sk-live-SecretWvTyRmPqLs", good, other,
	} {
		p.produce(t, record)
		records++
	}
	return records
}

func TestDeadLettersAreReplayed(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Kafka.Port = freePorts(t, 1)[0]
	cfg.Ingest.MaxRecordBytes = 2000
	p := start(t, cfg)
	records := letters(t, p)
	p.settled(t, records)
	code, out, errs := p.answer(t, "deadletters", "list")
	for _, want := range []string{"1        no_token    tokenwatch", "1        bad_status", "1        too_large", "1        bad_line", "gateway.access/0/1/0"} {
		if !strings.Contains(out, want) || code != 0 {
			t.Errorf("list (%d) lacks %q:\n%s%s", code, want, out, errs)
		}
	}
	code, out, errs = p.answer(t, "deadletters", "replay")
	if code != 0 || strings.Contains(out, "ready") || !strings.Contains(errs, "5 letters: 5 still refused.") {
		t.Errorf("with the old configuration (%d):\n%s%s", code, out, errs)
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}

	cfg.Ingest.MaxRecordBytes, cfg.Ingest.TokenFields = 1<<20, []string{"team_key", "token"}
	p = start(t, cfg)
	before := p.ask(t, "SELECT count() FROM events")
	code, out, errs = p.answer(t, "deadletters", "replay")
	for _, want := range []string{"ready     gateway.access/0/0/1  tokenwatch GET /v1/me 200", "by sk-…BgHj", "ready     gateway.access/0/1/0", "refused   gateway.access/0/2/0  bad_line", "refused   gateway.access/0/0/2  bad_status"} {
		if !strings.Contains(out, want) || code != 0 || !strings.Contains(errs, "3 would be sent, 2 still refused") {
			t.Errorf("dry run (%d) lacks %q:\n%s%s", code, want, out, errs)
		}
	}
	if have := p.ask(t, "SELECT count() FROM dead_letter_replays"); !slices.Equal(have, []string{"0"}) {
		t.Errorf("a dry run wrote %q lines into the book", have)
	}
	code, out, errs = p.answer(t, "deadletters", "replay", "--yes", "--reason", "no_token")
	if code != 0 || strings.Count(out, "sent      ") != 2 || !strings.Contains(errs, "2 letters: 2 sent.") {
		t.Errorf("replay of one reason (%d):\n%s%s", code, out, errs)
	}
	code, out, errs = p.answer(t, "deadletters", "replay", "--yes")
	if code != 0 || strings.Count(out, "sent      ") != 1 || !strings.Contains(errs, "3 letters: 1 sent, 2 still refused.") {
		t.Errorf("replay of all (%d):\n%s%s", code, out, errs)
	}
	p.settled(t, records+3)
	if have := p.ask(t, "SELECT count() FROM events"); before[0] != "2" || have[0] != "5" {
		t.Errorf("%q events, before the replay %q", have, before)
	}
	if have := p.ask(t, "SELECT item, token_hint, countIf(offset >= 5) FROM events WHERE token_hint = 'sk-…BgHj' GROUP BY ALL"); !slices.Equal(have, []string{"0 sk-…BgHj 2"}) {
		t.Errorf("the entries that were refused: %q", have)
	}
	code, out, errs = p.answer(t, "deadletters", "list")
	if code != 0 || strings.Contains(out, "no_token") || strings.Contains(out, "too_large") || !strings.Contains(out, "bad_line") || !strings.Contains(out, "bad_status") {
		t.Errorf("list afterwards (%d):\n%s%s", code, out, errs)
	}
	code, out, _ = p.answer(t, "deadletters", "replay", "--yes", "gateway.access/0/0/1", "gateway.access/0/1")
	if code != 0 || strings.Count(out, "done      ") != 2 {
		t.Errorf("replayed twice (%d):\n%s", code, out)
	}
	showsLetters(t, p)
	if have := p.ask(t, "SELECT gaps, repeats FROM ingest_audit"); !slices.Equal(have, []string{"0 0"}) {
		t.Errorf("audit: %q", have)
	}
}

func showsLetters(t *testing.T, p *program) {
	code, out, errs := p.answer(t, "deadletters", "show", "gateway.access/0/1", "gateway.access/0/2/0")
	for _, want := range []string{"replayed     on 20", ", as gateway.access/0/7", "what to do   keep bodies and prompts out of the log", "payload      it is not JSON at all, ***", "reason       bad_line"} {
		if !strings.Contains(out, want) || code != 0 {
			t.Errorf("show (%d) lacks %q:\n%s%s", code, want, out, errs)
		}
	}
	if strings.Contains(out, "SecretWv") {
		t.Error("show prints a token")
	}
	if code, _, errs = p.answer(t, "deadletters", "show", "gateway.access/0/99"); code != 1 || !strings.Contains(errs, "no dead letter gateway.access/0/99") {
		t.Errorf("a letter that is none (%d): %s", code, errs)
	}
	code, out, errs = p.answer(t, "deadletters", "list", "--each", "--all", "--json", "--limit", "3", "--since", "1h")
	if code != 0 || strings.Count(out, `"id":"gateway.access/0/`) != 3 || strings.Count(out, "\n") != 3 {
		t.Errorf("one by one (%d):\n%s%s", code, out, errs)
	}
	for args, want := range map[string]string{
		"list --reason nonsense": `--reason: "nonsense" is none of empty, `, "list --since yesterday": `--since: "yesterday" is neither`, "show x": `"x" names no dead letter: want topic/partition/offset`,
		"replay x/0/1 --reason empty": "give either letters or --reason", "list --limit 0": "--limit: want 1 or more", "replay gateway.access/0/99": "no dead letter gateway.access/0/99",
	} {
		if code, out, errs := p.answer(t, append([]string{"deadletters"}, strings.Fields(args)...)...); code != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s (%d): %s%s, want %s", args, code, out, errs, want)
		}
	}
}

// errKilled stands for the end of a run before its time.
var errKilled = errors.New("killed")

type cutLog struct {
	positions
	before, after bool // the append
}

func (l cutLog) Append(ctx context.Context, topic string, partition int32, records []replay.Record) (int64, error) {
	if l.before {
		return 0, errKilled
	}
	first, err := l.positions.Append(ctx, topic, partition, records)
	if l.after {
		err = errKilled
	}
	return first, err
}

func (l cutLog) Bounds(ctx context.Context, topic string, partition int32) (int64, int64, error) {
	return l.positions.Bounds(ctx, topic, partition)
}

// cutBook is killed when it is to write that something is done.
type cutBook struct{ replay.Book }

func (b cutBook) WriteReplays(ctx context.Context, lines []schema.Replay) error {
	if len(lines) > 0 && lines[0].State == schema.ReplayDone {
		return errKilled
	}
	return b.Book.WriteReplays(ctx, lines)
}

// A run is killed before its records are appended, after, or before that is written down; others run at the same
// time. Whatever happens, each letter is in the topic once at the end.
func TestLettersAreReplayedOnce(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Ingest.TokenFields = []string{"team_key"}
	p := start(t, cfg)
	const each = 30
	var values []string
	for i := range 4 * each {
		values = append(values, strings.Replace(ownRecord(time.Now(), fmt.Sprintf("sk-live-QkZxWvTyRmPqLs%03d", i), "203.0.113.7"), `"consumer":"acme",`, "", 1))
	}
	p.produce(t, values...)
	p.settled(t, len(values))
	if have := p.ask(t, "SELECT count() FROM dead_letters_waiting WHERE reason = 'no_token'"); !slices.Equal(have, []string{fmt.Sprint(len(values))}) {
		t.Fatalf("%q letters", have)
	}
	open := Config(cfg)
	open.Ingest.TokenFields = nil
	decoder, err := deadLettersReplay{}.decoder(open)
	if err != nil {
		t.Fatal(err)
	}
	open.Kafka.Brokers = p.engines.kafka.Brokers
	log, err := (&engines{kafka: p.engines.kafka}).positions(t.Context(), open)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	db := p.engines.db
	var all []schema.DeadLetter
	if err := db.DeadLetters(t.Context(), time.Time{}, func(d *schema.DeadLetter) error { all = append(all, *d); return nil }); err != nil {
		t.Fatal(err)
	}
	run := func(r *replay.Replayer, letters []schema.DeadLetter) (map[replay.Outcome]int, error) {
		results, err := r.Look(t.Context(), letters)
		if err != nil {
			t.Fatal(err)
		}
		err = r.Send(t.Context(), results)
		counts := map[replay.Outcome]int{}
		for i := range results {
			counts[results[i].Outcome]++
		}
		return counts, err
	}
	const long = time.Hour
	for i, r := range []*replay.Replayer{
		replay.New(cutLog{log, true, false}, db, decoder, long), replay.New(cutLog{log, false, true}, db, decoder, long), replay.New(log, cutBook{db}, decoder, long),
	} {
		counts, err := run(r, all[i*each:(i+1)*each])
		if killed := i != 1; errors.Is(err, errKilled) != killed {
			t.Errorf("run %d: %v %v", i, counts, err)
		}
	}
	counts, err := run(replay.New(log, db, decoder, long), all)
	if err != nil || counts[replay.Underway] != 2*each || counts[replay.Done] != each || counts[replay.Sent] != each {
		t.Errorf("while others may be at it: %v, %v", counts, err)
	}
	counts, err = run(replay.New(log, db, decoder, 0), all)
	// An append has to be answered in half of the time after which others take over: in none.
	if err == nil || counts[replay.Uncertain] != each || counts[replay.Done] != 3*each {
		t.Errorf("with no time to append: %v, %v", counts, err)
	}
	results := make(chan map[replay.Outcome]int, 4)
	for range cap(results) {
		go func() {
			counts, err := run(replay.New(log, db, decoder, 5*time.Second), all)
			if err != nil {
				t.Error(err)
			}
			results <- counts
		}()
	}
	for range cap(results) {
		<-results
	}
	eventually(t, time.Minute, "all letters are replayed", func() bool {
		counts, err = run(replay.New(log, db, decoder, 5*time.Second), all)
		return err == nil && counts[replay.Done] == len(all)
	})
	seen := map[string]int{}
	_, end, err := log.Bounds(t.Context(), cfg.Kafka.Topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Between(t.Context(), cfg.Kafka.Topic, 0, 0, end, func(r replay.Record) error {
		if origin := string(r.Headers[replay.Header]); origin != "" {
			seen[origin]++
		}
		if string(r.Key) != "one" {
			t.Errorf("offset %d has the key %q", r.Offset, r.Key)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if n := seen[all[i].Origin()]; n != 1 {
			t.Errorf("%s was appended %d times", all[i].ID(), n)
		}
	}
	if have := p.ask(t, "SELECT count() FROM dead_letters_waiting WHERE offset < "+fmt.Sprint(len(values))); !slices.Equal(have, []string{"0"}) {
		t.Errorf("%q letters wait", have)
	}
}

// Records that Kafka has deleted, and another topic's at their offsets, are said to be gone.
func TestLettersWithoutTheirRecords(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Kafka.Port = freePorts(t, 1)[0]
	p := start(t, cfg)
	p.produce(t, "one", "two", "three")
	p.settled(t, 3)
	if err := p.engines.broker.Trim(t.Context(), cfg.Kafka.Topic, 0, 2); err != nil {
		t.Fatal(err)
	}
	if err := p.engines.db.Exec(t.Context(), "ALTER TABLE dead_letters UPDATE size = 99 WHERE offset = 2 SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	code, out, errs := p.answer(t, "deadletters", "replay", "--yes")
	for _, want := range []string{"gone      gateway.access/0/0/0  Kafka has the record no more", "gone      gateway.access/0/1/0", "changed   gateway.access/0/2/0  the letter's record had 99 bytes, the one at its offset has 5"} {
		if !strings.Contains(out, want) || code != 0 {
			t.Errorf("replay (%d) lacks %q:\n%s%s", code, want, out, errs)
		}
	}
	if !strings.Contains(errs, "3 letters: 2 gone from Kafka, 1 of a topic that was made anew.") {
		t.Errorf("it sums up as %s", errs)
	}
}
