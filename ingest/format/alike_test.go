package format_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest/format"
)

// TestAlike: records whose keys are alike, in testdata/alike/FORMAT_name.rec, are what their want.json says, whether the
// format is bound or has to be recognised.
func TestAlike(t *testing.T) {
	files, err := filepath.Glob("testdata/alike/*.rec")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d records, %v", len(files), err)
	}
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), "_")
		t.Run(filepath.Base(file), func(t *testing.T) {
			auto := lookup(t, format.Auto)
			golden(t, auto, file)
			if got := auto.Name(); got != name {
				t.Errorf("taken for %s", got)
			}
			bound := lookup(t, name)
			recognised, _ := decode(t, auto, read(t, file))
			entries, _ := decode(t, bound, read(t, file))
			for i := range recognised {
				if recognised[i].Err == "" && (i >= len(entries) || jsonOf(t, entries[i]) != jsonOf(t, recognised[i])) {
					t.Errorf("bound to %s\n%v\nrecognised\n%v", name, entries, recognised)
				}
			}
		})
	}
}

// TestAlikeLeavesAlone: what is somebody else's address, a header that only looks like another, and logs of no requests.
func TestAlikeLeavesAlone(t *testing.T) {
	const rest = `"@timestamp":"2026-11-22T20:00:00Z","http":{"request":{"method":"GET"},"response":{"status_code":200}},"url":{"path":"/a"},"user":{"name":"acme"}`
	f := lookup(t, format.Auto)
	for _, others := range []string{
		`"destination":{"ip":"192.0.2.1"}`, `"host":{"ip":["192.0.2.1"]}`, `"server.ip":"192.0.2.1"`, `"host":"192.0.2.1","protocol":"HTTP/1.1"`,
		`"request":{"host":"192.0.2.1"},"code":200,"size":1`, `"upstream":{"remote_addr":"192.0.2.1"}`, `"res":{"headers":{"x-forwarded-for":"192.0.2.1"}}`, `"http.response.headers.x-forwarded-for":"192.0.2.1"`,
	} {
		got := one(t, f, `{`+rest+`,`+others+`}`)
		if got.Err != "" || got.Peer+got.Client+got.ForwardedFor != "" || got.Consumer != "acme" {
			t.Errorf("%s: %+v", others, got)
		}
	}
	got := one(t, f, `{"@timestamp":"2026-11-22T20:00:00Z","source":{"ip":"203.0.113.7"},"http":{"request":{"method":"GET","headers":{"X-Api-Key":"key-of-acme","xapikey":"x","X.Api.Key":"y"}},"response":{"status_code":200,"headers":{"authorization":"z"}}},"url":{"path":"/a"}}`)
	if got.Token != "key-of-acme" || len(got.Secrets) != 1 {
		t.Errorf("%+v", got)
	}
	for _, record := range []string{
		`{"@timestamp":"2026-11-22T20:00:00Z","event":{"dataset":"system.auth"},"source":{"ip":"203.0.113.7"},"user":{"name":"bob"}}`,
		`{"time":"2026-11-22T20:00:00Z","level":"info","user":"bob","path":"/tmp/x","status":"ok"}`,
		`{"kind":"Event","requestURI":"/api","verb":"get","user":{"username":"bob"},"sourceIPs":["10.0.0.1"]}`,
	} {
		if got := one(t, f, record); got.Err == "" {
			t.Errorf("%s: taken for a request: %+v", record, got)
		}
	}
}

// TestAlikeIsNotForEverybody: formats whose authors chose the keys, and those that are declared, know their own to the letter.
func TestAlikeIsNotForEverybody(t *testing.T) {
	const record = `{"@timestamp":"2026-11-22T20:00:00Z","http.request.method":"GET","http.response.status_code":200,"url.path":"/a","source.ip":"203.0.113.7","user.name":"acme"}`
	for _, name := range []string{"kong", "traefik", "caddy", "cloudflare", "litellm"} {
		if got := one(t, lookup(t, name), record); got.Err == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	own, err := format.Open("own", format.Config{Custom: map[string]format.Custom{"own": {Token: format.Fields{"key"}, Time: format.Fields{"@timestamp"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := one(t, own, record); got.Err == "" {
		t.Errorf("declared: %+v", got)
	}
}

// TestAlikeObeysTheConfiguration: fields that are named hold for names that are alike as well.
func TestAlikeObeysTheConfiguration(t *testing.T) {
	const record = `{"@timestamp":"2026-11-22T20:00:00Z","http.request.method":"GET","http.response.status_code":200,"url.path":"/a","source.ip":"203.0.113.7","user.name":"acme","labels.team-name":"search","http.request.headers.x-team-key":"key-of-search","http.request.headers.authorization":"Bearer other"}`
	for _, c := range []struct {
		cfg             format.Config
		token, consumer string
	}{
		{format.Config{}, "Bearer other", "acme"},
		{format.Config{Token: []string{"http.request.headers.x-team-key"}}, "key-of-search", "acme"},
		{format.Config{Consumer: []string{`labels\.team-name`}}, "Bearer other", "search"},
		{format.Config{Consumer: []string{"absent"}}, "Bearer other", ""},
	} {
		f, err := format.Open(format.Auto, c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		got := one(t, f, record)
		if got.Token != c.token || got.Consumer != c.consumer || len(got.Secrets) == 0 {
			t.Errorf("%+v: %+v", c.cfg, got)
		}
	}
}

// TestAlikeDependsOnTheRecordAlone: what came before does not change what a record becomes.
func TestAlikeDependsOnTheRecordAlone(t *testing.T) {
	records := []string{
		`{"time":"2026-11-22T20:00:00Z","consumer":"acme","method":"GET","uri":"/a","client":"203.0.113.7","response_code":200}`,
		`{"time":"2026-11-22T20:00:00Z","consumer":"acme","method":"GET","uri":"/a","peer_ip":"203.0.113.7","status":200}`,
		`{"remote_addr":"203.0.113.7","msec":"1795377600","consumer":"acme","verb":"GET","request":"/a","response":"200"}`,
	}
	for _, record := range records {
		f := lookup(t, format.Auto)
		want := one(t, f, record)
		as := f.Name()
		for _, before := range records {
			_ = one(t, f, before)
			for range 2 {
				if got := one(t, f, record); jsonOf(t, got) != jsonOf(t, want) || f.Name() != as {
					t.Errorf("%s\nafter %s\n%s, %s; want %s, %s", record, before, f.Name(), jsonOf(t, got), as, jsonOf(t, want))
				}
			}
		}
	}
}
