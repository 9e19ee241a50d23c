package ingest_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/ingest/format"
	"github.com/tokenwatch/tokenwatch/schema"
)

// TestRememberingChangesNothing: a Decoder that has seen thousands of records makes the same
// of a record as one that sees its first.
func TestRememberingChangesNothing(t *testing.T) {
	for _, name := range append(format.Names(), format.Auto) {
		of := name
		if name == format.Auto {
			of = "nginx"
		}
		records := corpus(t, of, "*")
		seasoned := newDecoder(t, name)
		for range 2 {
			for _, record := range records[:4000] {
				decode(seasoned, string(record))
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 60 {
			record := string(records[random.IntN(4000)])
			have, want := decode(seasoned, record), decode(newDecoder(t, name), record)
			have.Texts, want.Texts = schema.Texts{}, schema.Texts{} // the memory of what was made anew
			if !reflect.DeepEqual(have, want) {
				t.Fatalf("%s: %s\nhave %+v\nwant %+v", name, record, have, want)
			}
		}
	}
}

// TestSecretsBesideRememberedTexts: the same path, client and consumer come again and again,
// and then with a credential that stands in one of them.
func TestSecretsBesideRememberedTexts(t *testing.T) {
	const token = "plainword"
	d := newDecoder(t, "tokenwatch")
	record := func(token string) string {
		return `{"time":"2026-11-21T21:11:12Z","token":"` + token + `","consumer":"team-plainword","uri":"/v1/plainword/list","user_agent":"plainword/1.0"}`
	}
	for range 4 {
		e := decode(d, record("another-token")).Events[0]
		if e.Path != "/v1/plainword/list" || e.Consumer != "team-plainword" || e.UserAgent != "plainword/1.0" {
			t.Fatalf("%+v", e)
		}
	}
	for range 4 {
		e := decode(d, record(token)).Events[0]
		if bytes.Contains(fmt.Appendf(nil, "%+v", e), []byte(token)) {
			t.Fatalf("the token stands in %+v", e)
		}
	}
	if e := decode(d, record("another-token")).Events[0]; e.Path != "/v1/plainword/list" || e.Client != "plainword/1" {
		t.Fatalf("what was blanked for one token stays blanked for others: %+v", e)
	}
}

// TestRememberedPathAsksForItsRouteAgain: a template that had no room has some later, also
// for a path that has been seen since.
func TestRememberedPathAsksForItsRouteAgain(t *testing.T) {
	d := newDecoder(t, "tokenwatch")
	route := func(path string, at time.Time) string {
		var b schema.Block
		pos := position()
		pos.At = at
		d.Decode(&b, []byte(`{"time":"2026-11-21T21:11:12Z","consumer":"x","uri":"`+path+`"}`), pos)
		return b.Events[0].Route
	}
	letters := func(i int) string { return string([]byte{byte('a' + i/26/26), byte('a' + i/26%26), byte('a' + i%26)}) }
	for i := range 2000 {
		route("/full/"+letters(i), at())
	}
	for range 4 {
		if have := route("/full/late", at()); have != "/full/{other}" {
			t.Fatal(have)
		}
	}
	if have := route("/full/late", at().Add(25*time.Hour)); have != "/full/late" {
		t.Fatal(have)
	}
}

// TestIdentitiesAreBounded: whoever sends ever new tokens is not remembered for long, and does not
// make anybody forget a token that is in use.
func TestIdentitiesAreBounded(t *testing.T) {
	known := ingest.NewIdentities()
	_, most := known.Size()
	mine, missed := []byte("hf_mine"), 0
	for i := range 20 * most {
		known.Find('t', "nginx", fmt.Appendf(nil, "hf_%d", i))
		if i%16 == 0 && !known.Find('t', "nginx", mine) {
			missed++
		}
	}
	if now, _ := known.Size(); now != most {
		t.Errorf("%d places, want %d", now, most)
	}
	if missed > 20*most/16/100 {
		t.Errorf("a token that is in use was forgotten %d times", missed)
	}
	if known.Find('c', "nginx", mine) || known.Find('t', "kong", mine) || !known.Find('t', "nginx", mine) {
		t.Error("kinds and formats are not kept apart")
	}
}

// TestSipHash compares with the vectors that its authors published for 128 bits.
func TestSipHash(t *testing.T) {
	input := make([]byte, 9)
	for i := range input {
		input[i] = byte(i)
	}
	for n, want := range map[int]string{
		0: "a3817f04ba25a8e66df67214c7550293", 1: "da87c1d86b99af44347659119b22fc45", 8: "3b62a9ba6258f5610f83e264f31497b4",
	} {
		var have []byte
		for _, word := range ingest.SipHash([2]uint64{0x0706050403020100, 0x0f0e0d0c0b0a0908}, input[:n]) {
			for i := range 8 {
				have = append(have, byte(word>>(8*i)))
			}
		}
		if hex.EncodeToString(have) != want {
			t.Errorf("%d bytes: have %x, want %s", n, have, want)
		}
	}
}
