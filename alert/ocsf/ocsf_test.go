package ocsf_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/ocsf"
	"github.com/tokenwatch/tokenwatch/schema"
)

func theft(t testing.TB) schema.Finding {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func message(f schema.Finding) alert.Message {
	return alert.Compose(alert.Open(&f), func(schema.Delivery) string { return "" })
}

// topic remembers records.
type topic struct {
	keys   []string
	values []map[string]any
	err    error
}

func (w *topic) Write(_ context.Context, key, value []byte) error {
	if w.err != nil {
		return w.err
	}
	var v map[string]any
	err := json.Unmarshal(value, &v)
	w.keys, w.values = append(w.keys, string(key)), append(w.values, v)
	return err
}

// required are the attributes that OCSF 1.5.0 demands of a Detection Finding, and the enumerations of those that it
// recommends here, from the framework's dictionary.
func conforms(t *testing.T, f map[string]any) {
	t.Helper()
	for path, allowed := range map[string][]float64{
		"activity_id": {1, 2, 3}, "category_uid": {2}, "class_uid": {2004}, "severity_id": {1, 2, 3, 4, 5}, "status_id": {1, 2, 4},
		"time": nil, "type_uid": {200401, 200402, 200403},
	} {
		n, ok := f[path].(float64)
		found := allowed == nil && n > 1e12
		for _, a := range allowed {
			found = found || n == a
		}
		if !ok || !found {
			t.Errorf("%s is %v", path, f[path])
		}
	}
	if f["type_uid"].(float64) != f["class_uid"].(float64)*100+f["activity_id"].(float64) {
		t.Errorf("type_uid %v", f["type_uid"])
	}
	for _, path := range []string{"metadata.version", "metadata.product.name", "finding_info.uid", "finding_info.title"} {
		var at any = f
		for _, part := range strings.Split(path, ".") {
			at = at.(map[string]any)[part]
		}
		if s, ok := at.(string); !ok || s == "" {
			t.Errorf("%s is %v", path, at)
		}
	}
	for _, e := range f["evidences"].([]any) {
		if e.(map[string]any)["data"] == nil {
			t.Errorf("evidence %v has nothing of what it needs one of", e)
		}
	}
}

func TestLifeOfAnIncident(t *testing.T) {
	w := &topic{}
	cfg := ocsf.DefaultConfig()
	cfg.Topic = "security.ocsf"
	n, err := ocsf.NewTopic(cfg, "1.2.3", w)
	if err != nil {
		t.Fatal(err)
	}
	m := message(theft(t))
	for i, step := range []struct {
		state schema.IncidentState
		want  string
	}{
		{schema.IncidentOpen, "200401 New"}, {schema.IncidentOpen, "200402 New"},
		{schema.IncidentAcknowledged, "200402 In Progress"}, {schema.IncidentResolved, "200403 Resolved"},
	} {
		m.Incident.State, m.Incident.Revision = step.state, uint64(i+1)
		ref, err := n.Notify(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		m.Ref = ref
		f := w.values[i]
		conforms(t, f)
		if have := fmt.Sprintf("%.0f %s", f["type_uid"], f["status"]); have != step.want {
			t.Errorf("have %s, want %s", have, step.want)
		}
		if w.keys[i] != m.Incident.Token.String() || f["metadata"].(map[string]any)["uid"] != fmt.Sprintf("%s-%d", m.Incident.ID, i+1) {
			t.Errorf("key %s, metadata %v", w.keys[i], f["metadata"])
		}
	}
	info := w.values[0]["finding_info"].(map[string]any)
	if info["analytic"].(map[string]any)["uid"] != "new_geo" || len(info["related_analytics"].([]any)) != 4 || len(info["attacks"].([]any)) != 1 {
		t.Errorf("finding_info %v", info)
	}
	attack := info["attacks"].([]any)[0].(map[string]any)
	if attack["technique"].(map[string]any)["uid"] != "T1550" || attack["sub_technique"].(map[string]any)["uid"] != "T1550.001" {
		t.Errorf("attack %v", attack)
	}
	w.err = errors.New("no leader")
	if _, err := n.Notify(t.Context(), m); !errors.Is(err, w.err) {
		t.Errorf("error %v", err)
	}
}

func TestEndpoint(t *testing.T) {
	var got map[string]any
	var header http.Header
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		_ = json.NewDecoder(r.Body).Decode(&got)
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "said")
	}))
	defer server.Close()
	cfg := ocsf.DefaultConfig()
	cfg.URL, cfg.Authorization, cfg.Allow = server.URL, "Splunk hush", []string{"127.0.0.0/8"}
	n, err := ocsf.NewEndpoint(cfg, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	huge := strings.Repeat("💥\"<&", 25_000)
	f := theft(t)
	f.Consumer, f.Summary = huge, huge
	for range 10_000 {
		f.Seen.Clients = append(f.Seen.Clients, huge)
		f.Evidence = append(f.Evidence, schema.Evidence{Detector: "d", Key: huge, LLR: 1, Seen: huge})
	}
	if _, err := n.Notify(t.Context(), message(f)); err != nil || header.Get("Authorization") != "Splunk hush" {
		t.Fatalf("error %v, header %v", err, header)
	}
	conforms(t, got)
	if err := n.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for code, want := range map[int]string{302: "permanent", 401: "permanent", 404: "permanent", 400: "passing", 500: "passing", 429: "later", 503: "later"} {
		status = code
		_, err := n.Notify(t.Context(), message(theft(t)))
		var refused alert.Permanent
		var later alert.RetryAfter
		have := "passing"
		if errors.As(err, &refused) {
			have = "permanent"
		} else if errors.As(err, &later) && later.After == 5*time.Second {
			have = "later"
		}
		if err == nil || have != want || strings.Contains(err.Error(), "hush") {
			t.Errorf("%d: error %v is %s, want %s", code, err, have, want)
		}
	}
	cfg.Allow = []string{"10.0.0.0/8"}
	if n, err = ocsf.NewEndpoint(cfg, ""); err != nil {
		t.Fatal(err)
	}
	var refused alert.Permanent
	if _, err := n.Notify(t.Context(), message(theft(t))); !errors.As(err, &refused) || !strings.Contains(refused.Fix, "ocsf.allow") {
		t.Errorf("error %v", err)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	good := ocsf.DefaultConfig()
	good.Topic, good.URL = "ocsf", "https://siem.example.com/ocsf"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, spoil := range map[string]func(*ocsf.Config){
		"ocsf.topic":   func(c *ocsf.Config) { c.Topic = "a b" },
		"ocsf.url":     func(c *ocsf.Config) { c.URL = "http://siem.example.com/" },
		"ocsf.allow":   func(c *ocsf.Config) { c.Allow = []string{"x"} },
		"ocsf.timeout": func(c *ocsf.Config) { c.Timeout = 0 },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
