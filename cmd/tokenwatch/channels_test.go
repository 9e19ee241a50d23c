package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/standin"
	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/tokenwatch/tokenwatch/schema"
)

// receiver takes JSON by HTTP and remembers it by path.
type receiver struct {
	mu  sync.Mutex
	got map[string][]map[string]any
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body map[string]any
	_ = json.NewDecoder(req.Body).Decode(&body)
	r.mu.Lock()
	r.got[req.URL.Path] = append(r.got[req.URL.Path], body)
	r.mu.Unlock()
	if req.URL.Path == "/v2/enqueue" {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"success","message":"Event processed","dedup_key":"x"}`)
	}
}

func (r *receiver) count(path string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got[path])
}

// everywhere is one stand-in for each channel.
type everywhere struct {
	slack    *standin.Slack
	telegram *standin.Telegram
	discord  *standin.Discord
	mail     *standin.Mail
	http     *receiver
	syslog   net.PacketConn
}

func hireAll(t *testing.T, cfg *Config) *everywhere {
	t.Helper()
	told := hire(t, cfg)
	e := &everywhere{slack: told.slack, telegram: told.telegram, http: &receiver{got: map[string][]map[string]any{}}}
	var err error
	if e.discord, err = standin.StartDiscord(standin.Options{}); err != nil {
		t.Fatal(err)
	}
	if e.mail, err = standin.StartMail(standin.Options{}); err != nil {
		t.Fatal(err)
	}
	if e.syslog, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(e.http)
	t.Cleanup(func() { server.Close(); _, _, _ = e.discord.Close(), e.mail.Close(), e.syslog.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, e.mail.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	here := []string{"127.0.0.0/8"}
	cfg.Discord.WebhookURL = "https://discord.com/api/webhooks/42/token"
	cfg.Discord.APIURL = e.discord.URL() + "/api"
	cfg.Email.Server, cfg.Email.From, cfg.Email.To, cfg.Email.CAFile = e.mail.Addr(), "tokenwatch@example.com", []string{"soc@example.com"}, ca
	cfg.PagerDuty.RoutingKey, cfg.PagerDuty.APIURL, cfg.PagerDuty.MinSeverity = "0123456789abcdef0123456789abcdef", server.URL, schema.SeverityInfo
	cfg.Hook.URL, cfg.Hook.Secret, cfg.Hook.Allow = server.URL+"/hook", revokeSecret, here
	cfg.OCSF.URL, cfg.OCSF.Topic, cfg.OCSF.Allow = server.URL+"/ocsf", "security.ocsf", here
	cfg.Syslog.Address, cfg.Syslog.Network = e.syslog.LocalAddr().String(), "udp"
	cfg.Owner.URL, cfg.Owner.Secret, cfg.Owner.Allow, cfg.Owner.MinSeverity = server.URL+"/owner", revokeSecret, here, schema.SeverityInfo
	return e
}

// A theft reaches every channel there is, with its picture where there is room for one.
func TestEveryChannelHears(t *testing.T) {
	t.Parallel()
	cfg := quick(t.TempDir())
	cfg.Detect.AlertNats, cfg.Alert.MinSeverity = 1, schema.SeverityInfo
	e := hireAll(t, &cfg)
	p := start(t, cfg)
	token := "hf_StolenWvTyRmPqLsNdBgHjKcFaEuQkZx"
	var records []string
	for at := time.Now().Add(-4 * 24 * time.Hour); time.Since(at) > 8*time.Hour; at = at.Add(time.Hour) {
		records = append(records, owned(nginxRecord(at, token, home)))
	}
	for range 300 {
		records = append(records, owned(nginxRecord(time.Now(), token, abroad)))
	}
	p.produce(t, records...)
	p.settled(t, len(records))
	eventually(t, 60*time.Second, "a message everywhere", func() bool {
		s, d := e.slack.Messages(), e.discord.Messages()
		return len(s) > 0 && len(s[0].Files) > 0 && len(e.telegram.Photos()) > 0 && len(d) > 0 && len(d[0].Files) > 0 && len(e.mail.Messages()) > 0 &&
			e.http.count("/v2/enqueue") > 0 && e.http.count("/hook") > 0 && e.http.count("/ocsf") > 0
	})
	for where, picture := range map[string][]byte{
		"Slack": e.slack.Messages()[0].Files[0].Data, "Telegram": e.telegram.Photos()[0].Photo, "Discord": e.discord.Messages()[0].Files["incident.png"],
	} {
		img, err := png.Decode(bytes.NewReader(picture))
		if err != nil || img.Bounds().Dx() != 1080 {
			t.Errorf("%s: the picture: %v", where, err)
		}
	}
	if dir := os.Getenv("PICTURES"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, "live.png"), e.slack.Messages()[0].Files[0].Data, 0o600)
	}
	if mail := string(e.mail.Messages()[0].Data); !strings.Contains(mail, "multipart/alternative") || !strings.Contains(mail, "image/png") {
		t.Errorf("the mail has no picture:\n%.2000s", mail)
	}
	line := make([]byte, 4096)
	_ = e.syslog.SetReadDeadline(time.Now().Add(20 * time.Second))
	if n, _, err := e.syslog.ReadFrom(line); err != nil || !bytes.Contains(line[:n], []byte(`[tokenwatch@32473 incident="inc-`)) {
		t.Errorf("syslog: %v: %q", err, line[:n])
	}
	eventually(t, 20*time.Second, "a finding in the topic", func() bool { return len(read(t, p.engines.kafka, cfg.OCSF.Topic, cfg.Alert.Partitions)) > 0 })
	for key, f := range read(t, p.engines.kafka, cfg.OCSF.Topic, cfg.Alert.Partitions) {
		if f["class_uid"] != 2004.0 || len(key) != 32 {
			t.Errorf("the topic holds %s: %v", key, f)
		}
	}
}

// owned gives a record's token an owner.
func owned(record string) string {
	return strings.Replace(record, `"msec"`, `"consumer":"acme-billing","msec"`, 1)
}

// read gives the last record of each key in a topic.
func read(t *testing.T, k kafka.Config, topic string, partitions int) map[string]map[string]any {
	t.Helper()
	log, err := kafka.NewLog(k)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	all := map[string]map[string]any{}
	for partition := range partitions {
		first, end, err := log.Bounds(t.Context(), topic, int32(partition))
		if err != nil {
			return all // the topic is not there yet
		}
		err = log.Between(t.Context(), topic, int32(partition), first, end, func(e kafka.Entry) error {
			var f map[string]any
			all[string(e.Key)] = f
			if err := json.Unmarshal(e.Value, &f); err != nil {
				return fmt.Errorf("not JSON: %w", err)
			}
			all[string(e.Key)] = f
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// check --send-test posts to every channel, and says what it did for those that have nothing to post.
func TestCheckTriesEveryChannel(t *testing.T) {
	cfg := quick(t.TempDir())
	e := hireAll(t, &cfg)
	cfg.OCSF.Topic = "" // there is no Kafka here
	notifiers, err := cfg.notifiers(outfit{log: (&process{stderr: io.Discard}).logger(cfg.Log)})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range notifiers {
		ctx, cancel := context.WithTimeout(t.Context(), checkTimeout)
		detail, err := checkCommand{SendTest: true}.tryChannel(ctx, n)
		cancel()
		want := "test message posted"
		if n.Name() == "owner" {
			want = "has no test message"
		}
		if err != nil || !strings.HasSuffix(detail, want) {
			t.Errorf("%s: %q, error %v", n.Name(), detail, err)
		}
	}
	if len(notifiers) != 9 {
		t.Errorf("%d channels", len(notifiers))
	}
	if len(e.slack.Messages()) == 1 && len(e.slack.Messages()[0].Files) != 1 || len(e.telegram.Photos()) != 1 {
		t.Error("no pictures")
	}
	if len(e.slack.Messages()) != 1 || len(e.telegram.Messages()) != 1 || len(e.discord.Messages()) != 1 || len(e.mail.Messages()) != 1 ||
		e.http.count("/v2/enqueue") != 2 || e.http.count("/hook") != 1 || e.http.count("/ocsf") != 1 || e.http.count("/owner") != 0 {
		t.Errorf("the stand-ins got something else: %v", e.http.got)
	}
}
