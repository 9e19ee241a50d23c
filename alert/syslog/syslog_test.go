package syslog_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/syslog"
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

// receive takes frames by octet counting from every connection, and hands their content on.
func receive(t testing.TB, listener net.Listener) <-chan string {
	t.Helper()
	t.Cleanup(func() { _ = listener.Close() })
	lines := make(chan string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for {
				size, err := in.ReadString(' ')
				n, bad := strconv.Atoi(strings.TrimSpace(size))
				if err != nil || bad != nil {
					break
				}
				frame := make([]byte, n)
				if _, err := io.ReadFull(in, frame); err != nil {
					break
				}
				lines <- string(frame)
			}
			_ = conn.Close()
		}
	}()
	return lines
}

func notifier(t testing.TB, network, address, ca string) *syslog.Notifier {
	t.Helper()
	cfg := syslog.DefaultConfig()
	cfg.Network, cfg.Address, cfg.CAFile = network, address, ca
	n, err := syslog.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// shape is RFC 5424's, as far as it is used here.
var shape = regexp.MustCompile(`^<(\d{1,3})>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [!-~]{1,255} tokenwatch \d+ ([!-~]{1,32}) ` +
	`\[tokenwatch@32473((?: [a-zA-Z]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*)\] \x{FEFF}(.*)$`)

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := receive(t, listener)
	n := notifier(t, "tcp", listener.Addr().String(), "")
	m := message(theft(t))
	for _, step := range []struct {
		state    schema.IncidentState
		severity schema.Severity
		want     string // priority and event; empty for nothing
	}{
		{schema.IncidentOpen, schema.SeverityHigh, "83 open"}, {schema.IncidentOpen, schema.SeverityHigh, ""},
		{schema.IncidentOpen, schema.SeverityCritical, "82 escalated"}, {schema.IncidentAcknowledged, schema.SeverityCritical, "82 acknowledged"},
		{schema.IncidentResolved, schema.SeverityCritical, "82 resolved"},
	} {
		m.Incident.State, m.Incident.Severity = step.state, step.severity
		ref, err := n.Notify(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		m.Ref = ref
		if step.want == "" {
			continue
		}
		line := <-lines
		found := shape.FindStringSubmatch(line)
		if found == nil || found[1]+" "+found[2] != step.want || !strings.Contains(found[3], `owner="acme-billing"`) || !strings.Contains(found[4], "São Paulo") {
			t.Errorf("want %s, have %q", step.want, line)
		}
	}
	if len(lines) > 0 {
		t.Errorf("one more: %s", <-lines)
	}
}

func TestUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	f := theft(t)
	f.Summary, f.Consumer = strings.Repeat("💥\"]\\", 10_000), strings.Repeat("é]", 10_000)
	client := strings.Repeat("<!channel>\n", 10_000)
	for range 10_000 {
		f.Seen.Clients = append(f.Seen.Clients, client)
	}
	if _, err := notifier(t, "udp", conn.LocalAddr().String(), "").Notify(t.Context(), message(f)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 65_536)
	size, _, err := conn.ReadFrom(buffer)
	line := string(buffer[:size])
	if err != nil || size > 2048 || !utf8.ValidString(line) || shape.FindString(line) == "" {
		t.Errorf("error %v, %d bytes: %q", err, size, line)
	}
}

// authority makes a certificate for a name, signed by itself, and its file.
func authority(t testing.TB, ip string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(ip)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

func TestTLS(t *testing.T) {
	good, ca := authority(t, "127.0.0.1")
	other, otherCA := authority(t, "127.0.0.2")
	for _, c := range []struct {
		name string
		cert tls.Certificate
		ca   string
		ok   bool
	}{
		{"known", good, ca, true}, {"signed by somebody else", good, otherCA, false}, {"of another name", other, otherCA, false}, {"unknown", good, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{c.cert}, MinVersion: tls.VersionTLS12})
			if err != nil {
				t.Fatal(err)
			}
			lines := receive(t, listener)
			n := notifier(t, "tls", listener.Addr().String(), c.ca)
			_, err = n.Notify(t.Context(), message(theft(t)))
			if (err == nil) != c.ok || (n.Check(t.Context()) == nil) != c.ok {
				t.Fatalf("error %v", err)
			}
			if c.ok && shape.FindString(<-lines) == "" {
				t.Error("not as RFC 5424 has it")
			}
		})
	}
}

// A receiver that cuts the connection has not taken the message.
func TestCutConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		}
	}()
	if _, err := notifier(t, "tcp", listener.Addr().String(), "").Notify(t.Context(), message(theft(t))); err == nil {
		t.Error("no error")
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	good := syslog.DefaultConfig()
	good.Address = "siem.example.com:6514"
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for key, spoil := range map[string]func(*syslog.Config){
		"syslog.address":  func(c *syslog.Config) { c.Address = "siem.example.com" },
		"syslog.network":  func(c *syslog.Config) { c.Network = "smtp" },
		"syslog.facility": func(c *syslog.Config) { c.Facility = "local8" },
		"syslog.ca_file":  func(c *syslog.Config) { c.CAFile = "/does/not/exist" },
		"syslog.timeout":  func(c *syslog.Config) { c.Timeout = 0 },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.HasPrefix(err.Error(), key+": ") {
			t.Errorf("%s: error %v", key, err)
		}
	}
}

// Whatever a finding says, a receiver can take the line apart.
func FuzzLine(f *testing.F) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = conn.Close() })
	n := notifier(f, "udp", conn.LocalAddr().String(), "")
	f.Add(`a"]b\`, "x\ny")
	f.Fuzz(func(t *testing.T, consumer, client string) {
		found := theft(t)
		found.Consumer, found.Seen.Clients, found.Summary = consumer, []string{client}, client
		if _, err := n.Notify(t.Context(), message(found)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 65_536)
		size, _, err := conn.ReadFrom(buffer)
		if err != nil || !shape.Match(buffer[:size]) {
			t.Errorf("error %v: %q", err, buffer[:size])
		}
	})
}
