package ingest_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

// trap is a Locator with a fault of its own about one address.
type trap struct{ what any }

var trapped = netip.MustParseAddr("203.0.113.66")

func (t trap) Locate(ip netip.Addr) schema.Place {
	if ip == trapped {
		if t.what != nil {
			panic(t.what)
		}
		var none []schema.Place
		return none[len(ip.Zone())]
	}
	return schema.Place{Country: "DE"}
}

func trapDecoder(t *testing.T, what any) *ingest.Decoder {
	t.Helper()
	cfg := ingest.DefaultDecodeConfig()
	cfg.Format = "tokenwatch"
	d, err := ingest.NewDecoder(cfg, pepper(t), trap{what})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func from(ip string) string {
	return fmt.Sprintf(`{"time":1795295472,"token":"hf_notARealTokenJustAnExample00001","client_ip":%q,"status":200}`, ip)
}

// A record that decoding panics over becomes a dead letter as a whole, and those beside it are as they would be without it.
func TestPanicBecomesADeadLetter(t *testing.T) {
	d := trapDecoder(t, nil)
	var b schema.Block
	for i, record := range []string{
		from("198.51.100.1"), from("203.0.113.66"), "[" + from("198.51.100.2") + "," + from("203.0.113.66") + "]", from("198.51.100.3"), "{",
	} {
		pos := position()
		pos.Offset = int64(i)
		d.Decode(&b, []byte(record), pos)
	}
	var events, letters []string
	for i := range b.Events {
		events = append(events, fmt.Sprint(b.Events[i].Offset, " ", b.Events[i].IP, " ", b.Events[i].Country))
	}
	for i := range b.DeadLetters {
		l := &b.DeadLetters[i]
		letters = append(letters, fmt.Sprint(l.Offset, " ", l.Reason))
		if l.Reason != ingest.ReasonInternal {
			continue
		}
		if l.Payload != "" || l.Size == 0 || l.Source != "tokenwatch" || l.Topic == "" {
			t.Errorf("%+v", l)
		}
		if !strings.Contains(l.Detail, "trap.Locate:") || !strings.Contains(l.Detail, "index out of range") {
			t.Errorf("the detail does not say what and where: %s", l.Detail)
		}
	}
	if have, want := strings.Join(events, ", "), "0 198.51.100.1 DE, 3 198.51.100.3 DE"; have != want {
		t.Errorf("events %s, want %s", have, want)
	}
	if have, want := strings.Join(letters, ", "), "1 internal_error, 2 internal_error, 4 bad_json"; have != want {
		t.Errorf("dead letters %s, want %s", have, want)
	}
}

// What somebody's code says when it panics may hold what it was given.
func TestPanicSaysNothingOfTheRecord(t *testing.T) {
	got := letter(t, trapDecoder(t, "cannot place hf_notARealTokenJustAnExample00001"), from("203.0.113.66"))
	if got.Reason != ingest.ReasonInternal || strings.Contains(got.Detail, "hf_") || !strings.Contains(got.Detail, "a panic with a string") {
		t.Errorf("%s: %s", got.Reason, got.Detail)
	}
}

func TestRereadSurvivesAPanic(t *testing.T) {
	entries := trapDecoder(t, nil).Reread([]byte(from("203.0.113.66")), position())
	if len(entries) != 1 || entries[0].Letter == nil || entries[0].Letter.Reason != ingest.ReasonInternal {
		t.Errorf("%+v", entries)
	}
}

func TestSurvived(t *testing.T) {
	var none []int
	if ingest.Survived(func() { none[len(none)]++ }) || !ingest.Survived(func() {}) {
		t.Error("want false of what panics, and true of what returns")
	}
}
