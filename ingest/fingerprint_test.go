package ingest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
	"github.com/tokenwatch/tokenwatch/schema"
)

const raw = "hf_EXAMPLEexampleEXAMPLEexample0001"

func TestOneTokenOneFingerprint(t *testing.T) {
	f := ingest.NewFingerprinter(pepper(t))
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	cases := map[string][]string{
		raw: {
			raw, " " + raw + "\r\n", `"` + raw + `"`, "Bearer " + raw, "bearer  " + raw, "BEARER " + raw + " ",
			`Bearer "` + raw + `"`, "Bearer token=" + raw, "Bearer  " + raw, "Bearer " + raw + "\r\n", "Token " + raw, "token " + raw, "ApiKey " + raw, "Api-Key " + raw,
			`Token token="` + raw + `"`, basic(raw + ":"), basic(":" + raw), "Basic " + base64.RawStdEncoding.EncodeToString([]byte(raw+":")),
		},
		"user:password":           {basic("user:password"), "basic " + base64.StdEncoding.EncodeToString([]byte("user:password"))},
		"not base64!":             {"Basic not base64!"},
		"AKIAIOSFODNN7EXAMPLE":    {"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261121/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00ff", "AKIAIOSFODNN7EXAMPLE"},
		"Custom scheme is kept":   {" Custom scheme is kept "},
		"eyJhbGciOi.eyJzdWI.c2ln": {"Bearer eyJhbGciOi.eyJzdWI.c2ln"},
		"tk_1":                    {"Bearer tk_1", "bearer tk_1"},
		"two words":               {"Bearer two words", "Bearer  two words "},
	}
	for want, ways := range cases {
		for _, way := range ways {
			if f.Token([]byte(way)) != f.Token([]byte(want)) {
				t.Errorf("%q and %q have different fingerprints", way, want)
			}
		}
	}
	if f.Token([]byte(raw)) == f.Token([]byte(strings.ToLower(raw))) {
		t.Error("case does not matter, but it does in a token")
	}
}

// TestFingerprintIsStable holds the fingerprint itself: changing how it is made would cut
// every token off from its history.
func TestFingerprintIsStable(t *testing.T) {
	f := ingest.NewFingerprinter(pepper(t))
	for want, id := range map[string]schema.TokenID{
		"8204456340a76fb2ce1487bb7cdb560c": f.Token([]byte(raw)),
		"48612a821646a286189dec8b878952ee": f.Credential("kong", []byte("c62c1455-9b1d-4f2d-8797-509ba83b8ae8")),
		"547ed4744aa1f1b09d2ee549607508a5": f.Consumer([]byte("acme")),
		"b489abe6d4c8c97a972ba506b4a9ac3a": f.For("litellm", []byte(raw)),
	} {
		if id.String() != want {
			t.Errorf("have %s, want %s", id, want)
		}
	}
	if f.KeyID() != 8654 {
		t.Errorf("key id %d", f.KeyID())
	}
}

func TestFingerprintsOfDifferentKindsDiffer(t *testing.T) {
	f := ingest.NewFingerprinter(pepper(t))
	seen := map[schema.TokenID]string{}
	for name, id := range map[string]schema.TokenID{
		"token": f.Token([]byte("acme")), "consumer": f.Consumer([]byte("acme")), "credential": f.Credential("", []byte("acme")),
		"kong": f.Credential("kong", []byte("acme")), "format glued to id": f.Credential("kongac", []byte("me")),
		"token that names a consumer": f.Token([]byte("n\x00acme")), "consumer:": f.Token([]byte("consumer:acme")),
	} {
		if other, ok := seen[id]; ok {
			t.Errorf("%s and %s have the same fingerprint", name, other)
		}
		seen[id] = name
	}
}

func TestPepperKeysTheFingerprint(t *testing.T) {
	other, err := ingest.ParsePepper("another pepper, long enough")
	if err != nil {
		t.Fatal(err)
	}
	a, b := ingest.NewFingerprinter(pepper(t)), ingest.NewFingerprinter(other)
	if a.Token([]byte(raw)) == b.Token([]byte(raw)) || a.KeyID() == b.KeyID() {
		t.Error("two peppers, one fingerprint or one key id")
	}
	if a.KeyID() != ingest.NewFingerprinter(pepper(t)).KeyID() || a.KeyID() == 0 {
		t.Error("a pepper's key id is not its own")
	}
}

// TestCommandFindsWhatIngestStored is what `tokenwatch fingerprint` is for: from a raw
// token to its events.
func TestCommandFindsWhatIngestStored(t *testing.T) {
	f := ingest.NewFingerprinter(pepper(t))
	sum := sha256.Sum256([]byte(raw))
	hash := hex.EncodeToString(sum[:])
	cases := map[string]struct{ format, record string }{
		"litellm raw":      {"litellm", `{"startTime":1795295472.5,"metadata":{"user_api_key_hash":"` + raw + `"}}`},
		"nginx header":     {"nginx", `{"msec":1795295472,"http_authorization":"Bearer ` + raw + `"}`},
		"nginx query":      {"nginx", `{"msec":1795295472,"request_uri":"/v1?x=1&Api_Key=hf%5fEXAMPLEexampleEXAMPLEexample0001#x"}`},
		"kong":             {"kong", `{"started_at":1795295472000,"request":{"headers":{"apikey":"` + raw + `"}}}`},
		"kong query":       {"kong", `{"started_at":1795295472000,"request":{"querystring":{"apikey":"` + raw + `"}}}`},
		"tokenwatch":       {"tokenwatch", `{"time":1795295472,"token":"` + raw + `"}`},
		"litellm hash":     {"litellm", `{"startTime":1795295472.5,"metadata":{"user_api_key_hash":"` + hash + `"}}`},
		"redacted and key": {"nginx", `{"msec":1795295472,"http_authorization":"REDACTED","http_x_api_key":"` + raw + `"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := decode(newDecoder(t, c.format), c.record).Events[0]
			if want := f.For(c.format, []byte(raw)); e.Token != want || e.KeyID != f.KeyID() {
				t.Errorf("stored as %s with key %d, the command says %s", e.Token, e.KeyID, want)
			}
		})
	}
}

func TestIdentityPrecedence(t *testing.T) {
	f := ingest.NewFingerprinter(pepper(t))
	cases := map[string]schema.TokenID{
		`"token_id":"id-1","token":"` + raw + `","consumer":"acme"`:       f.Credential("tokenwatch", []byte("id-1")),
		`"token":"` + raw + `","consumer":"acme","uri":"/?api_key=other"`: f.Token([]byte(raw)),
		`"consumer":"acme","uri":"/?api_key=other"`:                       f.Token([]byte("other")),
		`"consumer":"acme"`:                      f.Consumer([]byte("acme")),
		`"consumer":"acme","token":"Basic Og=="`: f.Consumer([]byte("acme")),
	}
	for fields, want := range cases {
		if got := decode(newDecoder(t, "tokenwatch"), `{"time":1795295472,`+fields+`}`).Events[0].Token; got != want {
			t.Errorf("%s: have %s, want %s", fields, got, want)
		}
	}
}

func TestHints(t *testing.T) {
	cases := map[string]string{
		raw: "hf_…0001", "Bearer " + raw: "hf_…0001", "sk-proj-EXAMPLEexampleEXAMPLE01": "sk-proj-…LE01", "github_pat_EXAMPLEexample01234567": "github_pat_…4567",
		"AKIAIOSFODNN7EXAMPLE": "AKIA…MPLE", "xoxb-000000000000-EXAMPLEexample": "xoxb-…mple", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "eyJ…dXJl",
		"acme_EXAMPLEexampleEXAMPLE0001": "acme_…0001", "EXAMPLEexampleEXAMPLE0001": "…0001", "c62c1455-9b1d-4f2d-8797-509ba83b8ae8": "…8ae8",
		"elevenchars_EXAMPLEexample": "…mple", "abc_defghijklmnopqrs": "abc_…pqrs", "abcd_efghijklmnopqrs": "…pqrs",
		"hf_short": "", "nineteen-characters": "", "user:a long pass phrase": "", "ünïcödé-token-of-some-length": "", "": "",
	}
	for token, want := range cases {
		if got := ingest.Hint([]byte(token)); got != want {
			t.Errorf("%q: have %q, want %q", token, got, want)
		}
	}
	if got := event(t, `"token_id":"c62c1455-9b1d-4f2d-8797-509ba83b8ae8"`).TokenHint; got != "…8ae8" {
		t.Errorf("hint of an id: %q", got)
	}
}

func TestPepperForms(t *testing.T) {
	same := []string{"000102030405060708090a0b0c0d0e0f", " 000102030405060708090A0B0C0D0E0F\n", "AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0ODw"}
	for _, text := range same {
		p, err := ingest.ParsePepper(text)
		if err != nil {
			t.Fatal(err)
		}
		if ingest.NewFingerprinter(p).KeyID() != ingest.NewFingerprinter(pepper(t)).KeyID() {
			t.Errorf("%q is another pepper", text)
		}
	}
	for _, text := range []string{"", "short", "fifteen bytes!!", "              padded              "} {
		if _, err := ingest.ParsePepper(text); err == nil || strings.Contains(err.Error(), "fifteen") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPepperFiles(t *testing.T) {
	dir := t.TempDir()
	if _, err := ingest.ReadPepper(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "pepper_file: open") {
		t.Errorf("no file: %v", err)
	}
	weak := filepath.Join(dir, "weak")
	if err := os.WriteFile(weak, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ingest.OpenPepper(weak); err == nil || !strings.Contains(err.Error(), "pepper_file: "+weak+": a pepper needs at least 16 bytes, this one has 6") {
		t.Errorf("a weak one: %v", err)
	}
	path := filepath.Join(dir, "pepper")
	first, err := ingest.OpenPepper(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ingest.OpenPepper(path)
	if err != nil || first != again || first.IsZero() {
		t.Errorf("the pepper did not last: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := ingest.OpenPepper(filepath.Join(dir, "none", "pepper")); err == nil || !strings.Contains(err.Error(), "pepper_file") {
		t.Errorf("no folder: %v", err)
	}
}

func TestPepperIsNeverPrinted(t *testing.T) {
	p, err := ingest.ParsePepper("a pepper that shows")
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "pepper", p, "in", struct{ P ingest.Pepper }{p})
	text, _ := p.MarshalText()
	for _, printed := range []string{logged.String(), string(text), fmt.Sprint(p), fmt.Sprintf("%v %+v %#v %s %q %x %d", p, p, p, p, p, p, p), fmt.Sprintf("%+v %#v", []ingest.Pepper{p}, &p)} {
		if strings.Contains(printed, "shows") || strings.Contains(printed, "73686f7773") || !strings.Contains(printed, "***") {
			t.Errorf("printed %s", printed)
		}
	}
}

func TestFingerprintAllocatesNothing(t *testing.T) {
	f, token := ingest.NewFingerprinter(pepper(t)), []byte("Bearer "+raw)
	if n := testing.AllocsPerRun(100, func() { f.Token(token) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	f, token := ingest.NewFingerprinter(pepper(b)), []byte("Bearer "+raw)
	b.ReportAllocs()
	for b.Loop() {
		f.Token(token)
	}
}
