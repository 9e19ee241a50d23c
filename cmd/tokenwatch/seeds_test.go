package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/local"
	"github.com/tokenwatch/tokenwatch/deploy/simulate"
	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/geo"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
)

// How many worlds TestWorlds looks at, and from which seed on. detect/EVALUATION.md has
// the command for many.
var (
	worlds     = flag.Int("worlds", 1, "worlds that TestWorlds looks at")
	firstWorld = flag.Uint64("first-world", 1001, "seed of the first of them")
	worldHours = flag.Int("world-hours", 1, "hours of the day at which TestWorlds looks at each of them")
	nats       = flag.Float64("alert-nats", detect.DefaultConfig().AlertNats, "detect.alert_nats of TestWorlds")
	everyday   = flag.Bool("everyday", false, "TestWorlds takes the history for the present, to count false alerts over weeks")
)

// world is the outcome of one seed at one time.
type world struct {
	seed     uint64
	end      time.Time         // of the history
	found    map[string]string // kind of theft to how it was found
	missed   []string
	falsely  []string
	history  int // tokens with a finding in the history
	tokenDay int // in the history
}

// TestWorlds plays the demo's fleets through decoder, databases and one engine a partition, without Kafka and ClickHouse
// in between, and holds what is found against the truth: all thefts, and no more than one false alert a world. The demo
// shows the same with everything in between.
func TestWorlds(t *testing.T) {
	notUnderRace(t)
	t.Parallel()
	places := placesOrSkip(t)
	thefts, missed, falsely, history, days, unseen := 0, 0, 0, 0, 0, 0
	for i := range *worlds * *worldHours {
		w := playWorld(t, places, *firstWorld+uint64(i / *worldHours), i%*worldHours)
		t.Log(w)
		thefts += len(w.found) + len(w.missed)
		missed += len(w.missed)
		falsely += len(w.falsely)
		history += w.history
		days += w.tokenDay
		if len(w.missed) > 0 {
			unseen++
		}
		if len(w.missed) > 0 || len(w.falsely) > 1 {
			t.Errorf("seed %d: missed %v, false alerts %v", w.seed, w.missed, w.falsely)
		}
	}
	t.Logf("%d worlds, %d of them with a theft unseen: %d of %d thefts found, %d false alerts in the live hours; in the history %d tokens with findings, %.2f per 1,000 token-days",
		*worlds**worldHours, unseen, thefts-missed, thefts, falsely, history, 1000*float64(history)/float64(max(days, 1)))
}

func placesOrSkip(t testing.TB) *geo.Locator {
	t.Helper()
	assets, err := local.FindAssets()
	if assets.CityIPv4 == "" || assets.ASN == "" {
		fmt.Fprintln(os.Stderr, "SKIPPED: the address databases are missing:", err)
		t.Skip(err)
	}
	cfg := geo.DefaultConfig()
	cfg.City, cfg.ASN = []string{assets.CityIPv4, assets.CityIPv6}, []string{assets.ASN}
	places, err := geo.Open(cfg, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = places.Close() })
	return places
}

func playWorld(t *testing.T, places *geo.Locator, seed uint64, hour int) world {
	t.Helper()
	// Another hour of the week for every seed, and others if it is looked at more than once: somebody else is asleep.
	end := time.Date(2026, 11, 2, 0, 30, 0, 0, time.UTC).Add(time.Duration(seed*5) % (7 * 24) * time.Hour)
	end = end.Add(time.Duration(hour) * 24 * time.Hour / time.Duration(*worldHours))
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.End, cfg.Locate = seed, end, locateWith(places)
	fleet, err := simulate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := newTopic(t, places, end.Add(cfg.Live))
	w := world{seed: seed, end: end, found: map[string]string{}}
	early := map[schema.TokenID]bool{}
	for r := range fleet.History() {
		if f := p.play(t, r); f != nil {
			early[f.Token] = true
		}
	}
	w.history = len(early)
	for _, e := range p.engines {
		for _, s := range e.Snapshot() {
			w.tokenDay += int(s.Days)
		}
	}
	w.score(fleet, p, t)
	return w
}

// topic is a player of records that Kafka spreads over the demo's partitions, each with its engine: they learn from as
// many tokens as each of the demo's.
type topic struct {
	*player
	engines [demoPartitions]*detect.Engine
}

func newTopic(t *testing.T, places *geo.Locator, at time.Time) *topic {
	p := &topic{player: newPlayer(t, places, at)}
	for i := range p.engines {
		p.engines[i] = detect.New(demoDetection(), "t", int32(i))
	}
	return p
}

func (p *topic) play(t *testing.T, r simulate.Record) *schema.Finding {
	p.engine = p.engines[kafka.PartitionOf(r.Key, demoPartitions)]
	return p.player.play(t, r)
}

func demoDetection() detect.Config {
	c := detect.DefaultConfig()
	c.AlertNats, c.BackfillAfter = *nats, demoBackfill
	return c
}

// player puts records through the decoder and the engine.
type player struct {
	decoder *ingest.Decoder
	engine  *detect.Engine
	at      time.Time
	block   schema.Block
	offset  int64
}

// testPepper makes the fingerprints of what is played.
const testPepper = "a pepper for tests only"

func newPlayer(t testing.TB, places *geo.Locator, at time.Time) *player {
	t.Helper()
	pepper, err := ingest.ParsePepper(testPepper)
	if err != nil {
		t.Fatal(err)
	}
	cfg := ingest.DefaultDecodeConfig()
	cfg.MaxAge = 60 * 24 * time.Hour
	decoder, err := ingest.NewDecoder(cfg, pepper, places)
	if err != nil {
		t.Fatal(err)
	}
	return &player{decoder: decoder, engine: detect.New(demoDetection(), "t", 0), at: at}
}

func (p *player) play(t *testing.T, r simulate.Record) *schema.Finding {
	p.block.Events, p.block.DeadLetters = p.block.Events[:0], p.block.DeadLetters[:0]
	at := p.at
	if *everyday {
		at = r.Time.Add(time.Second)
	}
	p.decoder.Decode(&p.block, r.Value, ingest.Position{Topic: "t", Offset: p.offset, At: at})
	p.offset++
	if len(p.block.Events) != 1 {
		t.Fatalf("a record of the fleet was refused: %+v\n%s", p.block.DeadLetters, r.Value)
	}
	return p.engine.Process(&p.block.Events[0])
}

// score plays the live hours and holds findings against stories. A gateway logs a request
// when it ends, so a finding may be a little older than its story's first record.
func (w *world) score(fleet *simulate.Fleet, p *topic, t *testing.T) {
	stories := fleet.Stories()
	blamed := map[int]bool{}
	for r := range fleet.Live() {
		f := p.play(t, r)
		if f == nil || f.Kind == schema.FindingFleet || blamed[r.Token] { // of a fleet event nobody is told
			continue
		}
		blamed[r.Token] = true
		i := slices.IndexFunc(stories, func(s simulate.Story) bool {
			return s.Theft && s.Index == r.Token && f.Time.After(s.Start.Add(-3*time.Minute))
		})
		if i < 0 {
			w.falsely = append(w.falsely, fmt.Sprintf("token %d (%s): %s", r.Token, fleet.Tokens()[r.Token].Class, f.Summary))
			continue
		}
		w.found[stories[i].Kind] = fmt.Sprintf("after %.0f s, score %.1f, %s", max(0, f.Time.Sub(stories[i].Start).Seconds()), f.Score, reasons(f))
	}
	for _, s := range stories {
		if _, found := w.found[s.Kind]; s.Theft && !found {
			w.missed = append(w.missed, s.Kind+": "+s.Title)
		}
	}
}

// reasons lists the evidence in short.
func reasons(f *schema.Finding) string {
	var list []string
	for _, e := range f.Evidence {
		list = append(list, fmt.Sprintf("%s %.1f", e.Key, e.LLR))
	}
	return "[" + strings.Join(list, ", ") + "]"
}

func (w world) String() string {
	var parts []string
	for kind, how := range w.found {
		parts = append(parts, kind+" "+how)
	}
	slices.Sort(parts)
	return fmt.Sprintf("seed %d, %s: %s; missed %d; false alerts %d %v; findings in the history: %d tokens",
		w.seed, w.end.Format("Mon 15:04"), strings.Join(parts, ", "), len(w.missed), len(w.falsely), w.falsely, w.history)
}
