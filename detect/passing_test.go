package detect_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/detect"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Paths and ids of requests are valid only while an event is looked at: their memory is the next ones' then.
func TestPassingTexts(t *testing.T) {
	cfg := detect.DefaultConfig()
	cfg.AlertNats = 4
	random := rand.New(rand.NewPCG(3, 1))
	events := stream(3, 40, 25)
	for i := range events {
		e := &events[i]
		e.Path, e.RequestID = fmt.Sprintf("/v1/models/%d", random.IntN(500)), fmt.Sprint("request ", i)
		if e.Status = 200; random.IntN(30) == 0 || e.Place.Country == "BR" {
			e.Status = 404
		}
	}
	want := findings(detect.New(cfg, "t", 0), events)
	if len(want) == 0 {
		t.Fatal("a world without findings proves nothing")
	}

	var have []schema.Finding
	var texts schema.Texts
	engine, noise := detect.New(cfg, "t", 0), []byte(strings.Repeat("x", 60))
	for _, e := range events {
		e.Path, e.RequestID = texts.Copy([]byte(e.Path)), texts.Copy([]byte(e.RequestID))
		if f := engine.Process(&e); f != nil {
			have = append(have, *f)
		}
		texts.Reuse()
		texts.Copy(noise)
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("%d findings, want the %d of events whose texts stay", len(have), len(want))
	}
}
