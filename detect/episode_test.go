package detect_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// scene is one token's life, written event by event.
type scene struct {
	t      *testing.T
	engine *detect.Engine
	at     time.Time
	offset int64
	late   time.Duration // how long after it happened an event is taken in
	found  []schema.Finding
}

var (
	berlin = schema.Place{Country: "DE", City: "Berlin", Lat: 52.5, Lon: 13.4, AccuracyKM: 50, ASN: 3320, ASOrg: "Deutsche Telekom AG", Network: schema.NetworkResidential}
	lagos  = schema.Place{Country: "NG", City: "Lagos", Lat: 6.5, Lon: 3.4, AccuracyKM: 50, ASN: 37282, ASOrg: "MainOne", Network: schema.NetworkHosting}
	quito  = schema.Place{Country: "EC", City: "Quito", Lat: -0.2, Lon: -78.5, AccuracyKM: 50, ASN: 14061, ASOrg: "DigitalOcean, LLC", Network: schema.NetworkHosting}
)

func newScene(t *testing.T) *scene {
	s := &scene{t: t, engine: detect.New(detect.DefaultConfig(), "t", 0), at: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	s.work(20)
	if len(s.found) > 0 {
		t.Fatalf("a working life is suspicious: %s", s.found[0].Summary)
	}
	return s
}

// work lets the owner work for some days, nine to five.
func (s *scene) work(days int) {
	for range days {
		for hour := range 8 {
			s.request(time.Duration(hour)*time.Hour, berlin, "python-requests/2")
		}
		s.at = s.at.AddDate(0, 0, 1)
	}
}

// request makes one request some time after the scene's clock, which stays.
func (s *scene) request(after time.Duration, place schema.Place, client string) *schema.Finding {
	at := s.at.Add(after)
	ev := schema.Event{
		Time: at, Ingested: at.Add(s.late), Token: tokenOf("ann"), KeyID: 7, TokenHint: "hf_…nnnn", Consumer: "acme", Environment: "prod",
		IP: netip.AddrFrom4([4]byte{81, 2, byte(place.ASN), 1}), Place: place, Client: client, UserAgent: client + ".31",
		BytesOut: 1000, CostUSD: 0.01, Topic: "t", Offset: s.offset,
	}
	s.offset++
	f := s.engine.Process(&ev)
	if f != nil {
		s.found = append(s.found, *f)
	}
	return f
}

// TestFindingSaysWhatAPersonNeeds: everything that a message shows is in the finding.
func TestFindingSaysWhatAPersonNeeds(t *testing.T) {
	s := newScene(t)
	f := s.request(17*time.Hour, lagos, "curl/8")
	if f == nil {
		t.Fatal("a stranger at 2 h from Lagos is nothing to this engine")
	}
	if f.Token != tokenOf("ann") || f.KeyID != 7 || f.TokenHint != "hf_…nnnn" || f.Consumer != "acme" || f.Environment != "prod" {
		t.Errorf("whose it is: %+v", f)
	}
	if f.Score < 1 || f.Severity < schema.SeverityMedium || !f.Time.Equal(s.at.Add(17*time.Hour)) {
		t.Errorf("score %.2f %s at %s", f.Score, f.Severity, f.Time)
	}
	for _, part := range []string{"new place", "new client", "odd hour", "Lagos, NG", "AS37282 MainOne (hosting)", "DE 100 %"} {
		if !strings.Contains(f.Summary, part) {
			t.Errorf("the sentence lacks %q: %s", part, f.Summary)
		}
	}
	seen := f.Seen
	if seen.Requests != 1 || seen.Addresses != 1 || seen.BytesOut != 1000 || seen.CostUSD != 0.01 || !seen.Since.Equal(f.Time) {
		t.Errorf("seen %+v", seen)
	}
	if fmt.Sprint(seen.Places, seen.Networks, seen.Clients) != "[Lagos, NG] [AS37282 MainOne (hosting)] [curl/8]" {
		t.Errorf("seen %v %v %v", seen.Places, seen.Networks, seen.Clients)
	}
	checkNormal(t, f.Normal, s.at)
	for i, e := range f.Evidence {
		if e.Attack != "T1550.001" || e.Seen == "" || e.Normal == "" || e.Key == "" || i > 0 && e.LLR > f.Evidence[i-1].LLR {
			t.Errorf("evidence %d: %+v", i, e)
		}
	}
}

func checkNormal(t *testing.T, n schema.Normal, now time.Time) {
	t.Helper()
	sum := 0.0
	for hour, share := range n.Hours {
		sum += share
		if (share > 0) != (hour >= 9 && hour <= 16) {
			t.Errorf("share of hour %d is %.3f", hour, share)
		}
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("hours add up to %f", sum)
	}
	if n.State != schema.ProfileActive || n.Events != 160 || n.Days != 20 || n.PeakMinute != 1 || n.PeakHour != 1 {
		t.Errorf("normal %+v", n)
	}
	if len(n.Places) != 1 || n.Places[0] != (schema.Share{Name: "Berlin, DE", Share: 1}) {
		t.Errorf("places %v", n.Places)
	}
	if len(n.Networks) != 1 || n.Networks[0].Name != "AS3320 Deutsche Telekom AG (residential)" {
		t.Errorf("networks %v", n.Networks)
	}
	if want := now.AddDate(0, 0, -1).Add(7 * time.Hour); !n.LastSeen.Equal(want) {
		t.Errorf("last seen %s, want %s", n.LastSeen, want)
	}
}

// TestAlertedPlaceIsNotLearnt: what was alerted stays strange while it goes on, and is
// learnt when a week brought no verdict against it.
func TestAlertedPlaceIsNotLearnt(t *testing.T) {
	s := newScene(t)
	for day := range 5 {
		if f := s.request(17*time.Hour, lagos, "curl/8"); f == nil {
			t.Fatalf("on day %d the thief belongs to the family", day)
		}
		s.at = s.at.AddDate(0, 0, 1)
	}
	for range 10 {
		s.request(17*time.Hour, lagos, "curl/8")
		s.at = s.at.AddDate(0, 0, 1)
	}
	if f := s.request(17*time.Hour, lagos, "curl/8"); f != nil {
		t.Errorf("after more than a week without a verdict: %s", f.Summary)
	}
}

// TestHistoryIsLearnt: what is loaded to learn from is the owner's, also where it looks
// strange, since nobody could say otherwise. The finding is made all the same.
func TestHistoryIsLearnt(t *testing.T) {
	s := newScene(t)
	s.late = 7 * 24 * time.Hour
	for range 3 {
		s.request(17*time.Hour, lagos, "curl/8")
		s.at = s.at.AddDate(0, 0, 1)
	}
	if len(s.found) == 0 {
		t.Error("the history had nothing to tell")
	}
	s.late = 0
	if f := s.request(17*time.Hour, lagos, "curl/8"); f != nil {
		t.Errorf("three days of history were not learnt: %s", f.Summary)
	}
}

// TestWeakEvidenceStaysQuietAndIsLearnt: a new home network is no alert, and after its
// probation no evidence either.
func TestWeakEvidenceStaysQuietAndIsLearnt(t *testing.T) {
	s := newScene(t)
	moved := berlin
	moved.ASN, moved.ASOrg = 8881, "1&1 Versatel"
	for range 4 {
		if f := s.request(time.Hour, moved, "python-requests/2"); f != nil {
			t.Fatalf("a new provider at home: %s", f.Summary)
		}
		s.at = s.at.AddDate(0, 0, 1)
	}
}

// TestEpisode: one story is told once, again when it gets worse, and every while as it
// goes on; when it has been quiet for long, the next one begins anew.
func TestEpisode(t *testing.T) {
	s := newScene(t)
	first := s.request(3*time.Hour, lagos, "python-requests/2") // by the owner's program: barely enough
	if first == nil {
		t.Fatal("no finding")
	}
	for i := range 5 {
		if f := s.request(3*time.Hour+time.Duration(i+1)*10*time.Second, lagos, "python-requests/2"); f != nil {
			t.Fatalf("told again after %d s with nothing new: %s", 10*(i+1), f.Summary)
		}
	}
	worse := s.request(3*time.Hour+5*time.Minute, quito, "okhttp/4")
	if worse == nil || worse.Severity <= first.Severity && len(worse.Evidence) <= len(first.Evidence) {
		t.Fatalf("a second stranger: %+v", worse)
	}
	if worse.Seen.Requests != 7 || len(worse.Seen.Places) != 2 || !worse.Seen.Since.Equal(first.Time) {
		t.Errorf("seen %+v", worse.Seen)
	}
	again := s.request(3*time.Hour+20*time.Minute, lagos, "python-requests/2")
	if again == nil || again.ID == worse.ID || again.ID == first.ID {
		t.Errorf("a quarter of an hour later: %+v", again)
	}
	s.at = s.at.AddDate(0, 0, 3)
	later := s.request(3*time.Hour, quito, "okhttp/4")
	if later == nil || later.Seen.Requests != 1 || !later.Seen.Since.Equal(later.Time) {
		t.Errorf("days later: %+v", later)
	}
}

// TestVisitsDoNotPileUp: a thousand addresses are one thief, not a thousand proofs.
func TestVisitsDoNotPileUp(t *testing.T) {
	s := newScene(t)
	for i := range 1000 {
		place := quito
		place.ASN = 60_000 + uint32(i)
		place.Country = string([]byte{'A' + byte(i/26%26), 'A' + byte(i%26)})
		s.request(time.Hour+time.Duration(i)*time.Second, place, "curl/8")
	}
	last := s.found[len(s.found)-1]
	if last.Score > 8 {
		t.Errorf("a score of %.1f", last.Score)
	}
	if len(last.Evidence) > 25 || len(last.Seen.Places) > 8 || len(last.Seen.Networks) > 8 || last.Seen.Addresses > 256 {
		t.Errorf("%d pieces of evidence, %d places, %d networks, %d addresses", len(last.Evidence), len(last.Seen.Places), len(last.Seen.Networks), last.Seen.Addresses)
	}
}

// TestProfileIsSmall measures the stored state of typical tokens.
func TestProfileIsSmall(t *testing.T) {
	e := detect.New(detect.DefaultConfig(), "t", 0)
	findings(e, stream(11, 200, 28))
	total, tokens := 0, 0
	for _, p := range e.Snapshot() {
		if !p.Token.IsZero() {
			total, tokens = total+len(p.State), tokens+1
		}
	}
	if mean := total / tokens; mean > 1024 {
		t.Errorf("a profile takes %d bytes", mean)
	} else {
		t.Logf("%d bytes a profile", mean)
	}
}

// FuzzProcess feeds events made of arbitrary bytes. Whatever comes out must be fit to be
// stored: finite, bounded, and JSON.
func FuzzProcess(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog, and then does so again and again"), int64(1_770_000_000))
	f.Add([]byte{0, 255, 1, 254, 2, 253, 3, 252, 4, 251, 5, 250}, int64(-1))
	f.Fuzz(func(t *testing.T, data []byte, start int64) {
		cfg := detect.DefaultConfig()
		cfg.AlertNats = 1
		e := detect.New(cfg, "t", 0)
		at := time.Unix(start%(1<<33), 0)
		for i := 0; i+8 <= len(data); i += 8 {
			b := data[i : i+8]
			at = at.Add(time.Duration(int8(b[0])) * time.Hour)
			ev := schema.Event{
				Time: at, Ingested: at, Token: schema.TokenID{b[1]%4 + 1}, Offset: int64(i), Client: string(b[2:4]), UserAgent: string(b[2:5]),
				Place: schema.Place{Country: string(b[3:5]), City: string(b[4:6]), Lat: float32(int8(b[5])) * 0.7, Lon: float32(int8(b[6])) * 1.4,
					ASN: uint32(b[6]), Network: schema.Network(b[7] % 7)},
			}
			for range 1 + int(b[7])%5 {
				if f := e.Process(&ev); f != nil {
					if _, err := json.Marshal(f); err != nil {
						t.Fatalf("%v: %+v", err, f)
					}
				}
			}
		}
		again := detect.New(cfg, "t", 0)
		if err := again.Restore(e.Snapshot()); err != nil {
			t.Fatalf("the engine does not know its own state: %v", err)
		}
	})
}
