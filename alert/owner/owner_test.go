package owner_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/owner"
	"github.com/tokenwatch/tokenwatch/schema"
)

func message(t testing.TB, consumer string) alert.Message {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "theft.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f schema.Finding
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	f.Consumer = consumer
	return alert.Compose(alert.Open(&f), func(schema.Delivery) string { return "" })
}

// post remembers what it was given.
type post struct {
	to, id, subject, text string
	body                  []byte
	calls                 int
	err                   error
}

func (p *post) Send(_ context.Context, to, id, subject, text string) error {
	p.to, p.id, p.subject, p.text = to, id, subject, text
	p.calls++
	return p.err
}

func (p *post) Post(_ context.Context, id string, body []byte) error {
	p.id, p.body = id, body
	p.calls++
	return p.err
}

func config() owner.Config {
	cfg := owner.DefaultConfig()
	cfg.Addresses, cfg.Domain = map[string]string{"acme-billing": "billing@acme.example"}, "corp.example"
	return cfg
}

func TestMail(t *testing.T) {
	p := &post{}
	n, err := owner.New(config(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := message(t, "acme-billing")
	ref, err := n.Notify(t.Context(), m)
	if err != nil || p.to != "billing@acme.example" || p.id != m.Incident.ID+"-owner" {
		t.Fatalf("error %v, to %q, id %q", err, p.to, p.id)
	}
	if p.subject != "Your API token hf_…x9Qz is used in an unusual way" || !strings.Contains(p.text, "Hello acme-billing") || !strings.Contains(p.text, "● Place    São Paulo, BR") {
		t.Errorf("%s\n\n%s", p.subject, p.text)
	}
	if strings.Contains(p.text, "Ask acme-billing") {
		t.Errorf("the owner is told to ask the owner:\n%s", p.text)
	}
	m.Ref = ref
	if again, err := n.Notify(t.Context(), m); err != nil || again != ref || p.calls != 1 {
		t.Errorf("told %d times, error %v", p.calls, err)
	}
}

func TestWhoIsTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		owner  string
		change func(*alert.Message)
		to     string // empty for nobody
	}{
		{"by the list", "acme-billing", nil, "billing@acme.example"},
		{"by the domain", "alice", nil, "alice@corp.example"},
		{"a name that is an address", "eve@evil.example", nil, ""},
		{"a name that becomes two", "alice@corp.example,eve", nil, ""},
		{"a name with a header", "alice\r\nBcc: eve", nil, ""},
		{"no name", "", nil, ""},
		{"not severe enough", "alice", func(m *alert.Message) { m.Incident.Severity = schema.SeverityMedium }, ""},
		{"over", "alice", func(m *alert.Message) { m.Incident.State = schema.IncidentResolved }, ""},
		{"a trial", "alice", func(m *alert.Message) { m.Trial = true }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &post{}
			n, err := owner.New(config(), p, nil)
			if err != nil {
				t.Fatal(err)
			}
			m := message(t, c.owner)
			if c.change != nil {
				c.change(&m)
			}
			_, err = n.Notify(t.Context(), m)
			if p.to != c.to || errors.Is(err, alert.ErrSkip) != (c.to == "") {
				t.Errorf("told %q, error %v", p.to, err)
			}
		})
	}
}

func TestEndpoint(t *testing.T) {
	p := &post{err: errors.New("away")}
	cfg := owner.DefaultConfig()
	cfg.URL = "https://idp.example/notices"
	n, err := owner.New(cfg, nil, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Notify(t.Context(), message(t, "anybody at all")); !errors.Is(err, p.err) {
		t.Errorf("error %v", err)
	}
	var payload owner.Payload
	if err := json.Unmarshal(p.body, &payload); err != nil || payload.Type != "owner.notice" || payload.Data.Owner != "anybody at all" || payload.Data.Text == "" {
		t.Errorf("error %v, payload %+v", err, payload)
	}
}

// A template reaches the texts, and nothing else.
func TestTemplates(t *testing.T) {
	for text, ok := range map[string]bool{
		"Hello {{.Owner}}":                      true,
		"{{if .Link}}{{.Link}}{{else}}-{{end}}": true,
		"{{with .Done}}{{.}}{{end}}":            true,
		"{{/* for Bob */}}x":                    true,
		"{{.Secret}}":                           false,
		"{{.Incident.Deliveries}}":              false,
		"{{range 1000000000}}x{{end}}":          false,
		"{{printf \"%1000000000d\" 1}}":         false,
		"{{call .Owner}}":                       false,
		"{{.Owner | js}}":                       false,
		"{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}": false,
		"{{$x := .Owner}}": false,
		"{{html .Owner}}":  false,
		"{{":               false,
		"":                 false,
	} {
		cfg := config()
		cfg.Template = text
		if err := cfg.Validate(); (err == nil) != ok || err != nil && !strings.HasPrefix(err.Error(), "owner.template: ") {
			t.Errorf("%q: error %v, want ok %v", text, err, ok)
		}
	}
	cfg := config()
	cfg.Template = "{{.Sentence}}"
	p := &post{}
	n, err := owner.New(cfg, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := message(t, "alice")
	m.Sentence = "{{.Owner}} {{range 9}}"
	if _, err := n.Notify(t.Context(), m); err != nil || p.text != m.Sentence {
		t.Errorf("error %v, text %q: what a message says is no template", err, p.text)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	if err := config().Validate(); err != nil {
		t.Fatal(err)
	}
	for key, spoil := range map[string]func(*owner.Config){
		"owner.addresses":    func(c *owner.Config) { c.Addresses = map[string]string{"x": "y"} },
		"owner.domain":       func(c *owner.Config) { c.Domain = "@corp" },
		"owner.min_severity": func(c *owner.Config) { c.MinSeverity = 99 },
		"owner.subject":      func(c *owner.Config) { c.Subject = "{{.X}}" },
		"owner.url":          func(c *owner.Config) { c.URL = "https://x.example" },
		"owner.timeout":      func(c *owner.Config) { c.Timeout = -time.Second },
	} {
		cfg := config()
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
