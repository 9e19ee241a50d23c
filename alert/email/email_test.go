package email_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/email"
	"github.com/tokenwatch/tokenwatch/deploy/standin"
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
	m := alert.Compose(alert.Open(&f), func(schema.Delivery) string { return "" })
	m.Key = m.Incident.ID + "/email"
	return m
}

func drawn(context.Context) ([]byte, error) { return []byte("\x89PNG picture"), nil }

func start(t testing.TB) (*standin.Mail, email.Config) {
	t.Helper()
	s, err := standin.StartMail(standin.Options{Secret: "tokenwatch:hush"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	cfg := email.DefaultConfig()
	cfg.Server, cfg.Username, cfg.Password, cfg.From, cfg.To = s.Addr(), "tokenwatch", "hush", "tokenwatch <tokenwatch@example.com>", []string{"soc@example.com", "a@b.example"}
	cfg.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cfg.CAFile, s.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	return s, cfg
}

func notifier(t testing.TB, cfg email.Config, options ...email.Option) *email.Notifier {
	t.Helper()
	n, err := email.New(cfg, options...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func notify(t testing.TB, n *email.Notifier, m alert.Message) string {
	t.Helper()
	ref, err := n.Notify(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// parsed is a mail as a mail program takes it apart: parts by their content type.
type parsed struct {
	header  mail.Header
	subject string
	parts   map[string]string
}

func parse(t testing.TB, raw []byte) parsed {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	p := parsed{header: m.Header, parts: map[string]string{}}
	if p.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	p.split(t, m.Header.Get("Content-Type"), m.Header.Get("Content-Transfer-Encoding"), m.Body)
	return p
}

func (p *parsed) split(t testing.TB, kind, encoding string, body io.Reader) {
	t.Helper()
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(media, "multipart/") {
		switch encoding {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		p.parts[media] = string(text)
		return
	}
	for r := multipart.NewReader(body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		p.split(t, part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part)
	}
}

func TestMail(t *testing.T) {
	s, cfg := start(t)
	n := notifier(t, cfg)
	m := message(theft(t))
	m.Picture, m.Link = drawn, "https://console.example/incidents/inc-1"
	notify(t, n, m)
	got := s.Messages()[0]
	p := parse(t, got.Data)
	if !got.TLS || got.From != "tokenwatch@example.com" || strings.Join(got.To, " ") != "soc@example.com a@b.example" {
		t.Errorf("TLS %v, from %q to %q", got.TLS, got.From, got.To)
	}
	if p.subject != "🔴 CRITICAL · token hf_…x9Qz of acme-billing" || p.header.Get("Message-Id") != "<"+m.Incident.ID+".email@example.com>" || p.header.Get("Auto-Submitted") == "" {
		t.Errorf("header %v", p.header)
	}
	for _, want := range []string{"São Paulo, BR", "Berlin, DE 97 %", "×400", "acme-billing", m.Link, "prod", "SELECT ts"} {
		for _, kind := range []string{"text/plain", "text/html"} {
			if !strings.Contains(p.parts[kind], want) {
				t.Errorf("no %q in %s", want, kind)
			}
		}
	}
	if p.parts["image/png"] != "\x89PNG picture" || !strings.Contains(p.parts["text/html"], `src="cid:picture"`) {
		t.Errorf("picture %q", p.parts["image/png"])
	}
	if dir := os.Getenv("PICTURES"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, "mail.html"), []byte(p.parts["text/html"]), 0o600)
	}
}

// A thread: what opened it, what made it worse, that it is over. Edits alone send nothing.
func TestThread(t *testing.T) {
	s, cfg := start(t)
	n := notifier(t, cfg)
	m := message(theft(t))
	m.Ref = notify(t, n, m)
	m.Incident.Revision++
	if again := notify(t, n, m); again != m.Ref || len(s.Messages()) != 1 {
		t.Errorf("an edit sent a mail; ref %q after %q", again, m.Ref)
	}
	worse := m
	worse.Kind, worse.Escalated, worse.Title, worse.Key = alert.KindReply, true, "NOW CRITICAL", m.Key+"/critical"
	if ref := notify(t, n, worse); ref != m.Ref {
		t.Errorf("the ref became %q", ref)
	}
	m.Incident.State = schema.IncidentResolved
	m.Ref = notify(t, n, m)
	notify(t, n, m)
	mails := s.Messages()
	if len(mails) != 3 {
		t.Fatalf("%d mails", len(mails))
	}
	first := parse(t, mails[0].Data).header.Get("Message-Id")
	ids := map[string]bool{first: true}
	for _, raw := range mails[1:] {
		p := parse(t, raw.Data)
		if p.header.Get("In-Reply-To") != first || p.header.Get("References") != first || ids[p.header.Get("Message-Id")] {
			t.Errorf("%v does not follow %s", p.header, first)
		}
		ids[p.header.Get("Message-Id")] = true
	}
}

func TestPictureFails(t *testing.T) {
	s, cfg := start(t)
	var told error
	n := notifier(t, cfg, email.WithBlurred(func(err error) { told = err }))
	m := message(theft(t))
	m.Picture = func(context.Context) ([]byte, error) { return nil, errors.New("no history") }
	notify(t, n, m)
	p := parse(t, s.Messages()[0].Data)
	if told == nil || strings.Contains(p.parts["text/html"], "cid:") || !strings.Contains(p.parts["text/plain"], "São Paulo") {
		t.Errorf("told of %v, parts %v", told, p.parts)
	}
}

func TestDigest(t *testing.T) {
	s, cfg := start(t)
	n := notifier(t, cfg)
	m := alert.Message{Kind: alert.KindDigest, Key: "digest-1", Icon: "🟠", Title: "50 incidents", Sentence: "Many."}
	for range n.DigestEntries() {
		m.Entries = append(m.Entries, alert.Entry{Incident: "inc-1", Title: "<b>x</b>", Sentence: "y", Link: "https://console.example/incidents/inc-1"})
	}
	notify(t, n, m)
	p := parse(t, s.Messages()[0].Data)
	if strings.Count(p.parts["text/html"], `href="https://console.example/incidents/inc-1"`) != 50 || strings.Contains(p.parts["text/html"], "<b>x</b>") {
		t.Error(p.parts["text/html"])
	}
}

func TestMarkupAndHeadersStayText(t *testing.T) {
	s, cfg := start(t)
	n := notifier(t, cfg)
	evil := "x\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script> <img src=x onerror=1> {{.M}} ]]> \u202e"
	huge := strings.Repeat(evil, 1000)
	f := theft(t)
	f.TokenHint, f.Consumer, f.Environment, f.Summary = huge, huge, huge, huge
	for range 10_000 {
		f.Seen.Clients = append(f.Seen.Clients, huge)
	}
	f.Evidence[0].Seen = huge
	notify(t, n, message(f))
	got := s.Messages()[0]
	p := parse(t, got.Data)
	if p.header.Get("Bcc") != "" || len(got.To) != 2 || len(got.Data) > 200_000 {
		t.Errorf("to %q, %d bytes, header %v", got.To, len(got.Data), p.header)
	}
	if html := p.parts["text/html"]; strings.Contains(html, "<script") || strings.Contains(html, "<img src=x") || strings.Contains(html, "\u202e") {
		t.Error("markup is live")
	}
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, command, answer string
		fix                   string // of a permanent error
	}{
		{"wrong password", "AUTH", "535 5.7.8 Authentication credentials invalid", "set email.username"},
		{"unknown recipient", "RCPT", "550 5.1.1 no such user", "the server does not take"},
		{"greylisted", "RCPT", "451 4.7.1 try again later", ""},
		{"full", ".", "452 4.3.1 insufficient storage", ""},
		{"refused after the data", ".", "554 5.7.1 spam", "the server does not take"},
		{"busy", "MAIL", "421 4.3.2 busy", ""},
		{"cut", "DATA", "reset", ""},
		{"no TLS", "STARTTLS", "454 4.7.0 TLS not available", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, cfg := start(t)
			s.Refuse(func(command string) string {
				if strings.HasPrefix(command, c.command) {
					return c.answer
				}
				return ""
			})
			_, err := notifier(t, cfg).Notify(t.Context(), message(theft(t)))
			var refused alert.Permanent
			switch {
			case err == nil || strings.Contains(err.Error(), "hush") || len(s.Messages()) > 0:
				t.Errorf("error %v, %d mails", err, len(s.Messages()))
			case errors.As(err, &refused) != (c.fix != "") || !strings.HasPrefix(refused.Fix, c.fix):
				t.Errorf("error %v, fix %q", err, refused.Fix)
			}
		})
	}
}

// A server that is lost right after it took the mail has taken it.
func TestTakenIsTaken(t *testing.T) {
	s, cfg := start(t)
	s.Refuse(func(command string) string {
		if command == "QUIT" || command == "RSET" || command == "NOOP" && len(s.Messages()) > 0 {
			return "reset"
		}
		return ""
	})
	notify(t, notifier(t, cfg), message(theft(t)))
	if len(s.Messages()) != 1 {
		t.Errorf("%d mails", len(s.Messages()))
	}
}

func TestOnlyWhomTheCertificateNames(t *testing.T) {
	s, cfg := start(t)
	cfg.CAFile = ""
	n := notifier(t, cfg)
	var refused alert.Permanent
	if _, err := n.Notify(t.Context(), message(theft(t))); !errors.As(err, &refused) || !strings.Contains(refused.Fix, "email.ca_file") || len(s.Messages()) > 0 {
		t.Errorf("error %v", err)
	}
	if err := n.Check(t.Context()); err == nil {
		t.Error("the check found nothing")
	}
}

func TestCheckTrialAndOwner(t *testing.T) {
	s, cfg := start(t)
	n := notifier(t, cfg)
	if err := n.Check(t.Context()); err != nil {
		t.Error(err)
	}
	notify(t, n, alert.Trial(time.Now()))
	if err := n.Send(t.Context(), "owner@example.com", "inc-1/owner", "Your token", "Was it you?"); err != nil {
		t.Fatal(err)
	}
	mails := s.Messages()
	if p := parse(t, mails[1].Data); len(mails) != 2 || mails[1].To[0] != "owner@example.com" || strings.TrimSpace(p.parts["text/plain"]) != "Was it you?" || p.header.Get("Message-Id") != "<inc-1.owner@example.com>" {
		t.Errorf("%d mails, %v", len(mails), p)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	good := email.DefaultConfig()
	good.Server, good.From, good.To = "smtp.example.com:587", "tokenwatch@example.com", []string{"SOC <soc@example.com>"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, spoil := range map[string]func(*email.Config){
		"email.server":   func(c *email.Config) { c.Server = "smtp.example.com" },
		"email.tls":      func(c *email.Config) { c.TLS = "none" },
		"email.username": func(c *email.Config) { c.Username = "x" },
		"email.from":     func(c *email.Config) { c.From = "tokenwatch" },
		"email.to":       func(c *email.Config) { c.To = []string{"a@b, c@d"} },
		"email.ca_file":  func(c *email.Config) { c.CAFile = "/does/not/exist" },
		"email.timeout":  func(c *email.Config) { c.Timeout = 0 },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key) {
			t.Errorf("%s: error %v", key, err)
		}
	}
}
