package kafka_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestCheck(t *testing.T) {
	cluster, cfg := newCluster(t)
	topic(t, cluster, cfg, 3, nil)
	if err := kafka.Check(t.Context(), cfg); err != nil {
		t.Errorf("all is well: %v", err)
	}
	oneUp := cfg
	oneUp.Brokers = []string{"127.0.0.1:1", cfg.Brokers[0]}
	if err := kafka.Check(t.Context(), oneUp); err != nil {
		t.Errorf("one of two brokers is up: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(*kafka.Config)
		want  string
	}{
		"no broker": {func(c *kafka.Config) { c.Brokers = []string{"127.0.0.1:1"} }, "kafka.brokers: cannot reach 127.0.0.1:1"},
		"no topic":  {func(c *kafka.Config) { c.Topic = "other" }, "kafka.topic: "},
		"TLS to a broker that has none": {func(c *kafka.Config) {
			c.TLS.Enabled = true
			c.Timeout = time.Second
		}, "kafka.brokers, kafka.tls: "},
		"a CA that is not there": {func(c *kafka.Config) { c.TLS.CAFile = "/nowhere/ca.pem" }, "kafka.tls.ca_file: "},
		"a certificate that is not there": {func(c *kafka.Config) {
			c.TLS.CertFile, c.TLS.KeyFile = "/nowhere/c.pem", "/nowhere/k.pem"
		}, "kafka.tls.cert_file"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := cfg
			c.spoil(&bad)
			if err := kafka.Check(t.Context(), bad); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("want an error that begins with %q, have: %v", c.want, err)
			}
		})
	}
}

// Asking for a topic must not create it, even where brokers create what is asked for.
func TestCheckDoesNotCreateTheTopic(t *testing.T) {
	cluster, cfg := newCluster(t, kfake.AllowAutoTopicCreation())
	for range 2 {
		if err := kafka.Check(t.Context(), cfg); err == nil || !strings.HasPrefix(err.Error(), "kafka.topic: ") {
			t.Errorf("a topic that is not there: %v", err)
		}
	}
	if cluster.TopicInfo(cfg.Topic) != nil {
		t.Error("the topic was created")
	}
}

func TestEnsureTopic(t *testing.T) {
	broker := newBroker(t)
	cfg := broker.config()
	for range 2 { // the second finds it there
		if err := kafka.EnsureTopic(t.Context(), cfg, 6); err != nil {
			t.Fatal(err)
		}
	}
	request := kmsg.NewPtrMetadataRequest()
	asked := kmsg.NewMetadataRequestTopic()
	asked.Topic = &cfg.Topic
	request.Topics = append(request.Topics, asked)
	answer, err := request.RequestWith(t.Context(), broker.admin)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(answer.Topics[0].Partitions); n != 6 {
		t.Errorf("%d partitions, want 6", n)
	}
	produce(t, cfg, "ready at once")
}

// Each way to sign in works from end to end, and a wrong password is called that.
func TestSASL(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			cluster, cfg := newCluster(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "watcher", "s3cret"))
			topic(t, cluster, cfg, 1, nil)
			cfg.SASL = kafka.SASL{Mechanism: mechanism, Username: "watcher", Password: "s3cret"}
			roundTrip(t, cfg)
			cfg.SASL.Password = "wrong-password"
			err := kafka.Check(t.Context(), cfg)
			if err == nil || !strings.HasPrefix(err.Error(), "kafka.sasl: the broker refused watcher") {
				t.Errorf("with a wrong password: %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "wrong-password") {
				t.Errorf("the error shows the password: %v", err)
			}
			if kafka.Passing(err) {
				t.Error("a wrong password passes for trouble that will pass")
			}
		})
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	server := certificate(t, dir, "server")
	client := certificate(t, dir, "client")
	clients := x509.NewCertPool()
	clients.AddCert(client.Leaf)
	cluster, cfg := newCluster(t, kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{server}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
	}))
	topic(t, cluster, cfg, 1, nil)
	cfg.TLS = kafka.TLS{
		CAFile:   filepath.Join(dir, "server.pem"),
		CertFile: filepath.Join(dir, "client.pem"), KeyFile: filepath.Join(dir, "client.key"),
	}
	roundTrip(t, cfg)
	stranger := cfg
	stranger.TLS.CAFile = filepath.Join(dir, "client.pem")
	if err := kafka.Check(t.Context(), stranger); err == nil || !strings.HasPrefix(err.Error(), "kafka.tls: ") {
		t.Errorf("a broker that nobody vouches for: %v", err)
	}
	open := cfg
	open.TLS = kafka.TLS{}
	if err := kafka.Check(t.Context(), open); err == nil || !strings.Contains(err.Error(), "do they want kafka.tls") {
		t.Errorf("without TLS: %v", err)
	}
}

func roundTrip(t *testing.T, cfg kafka.Config) {
	t.Helper()
	if err := kafka.Check(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	produce(t, cfg, "over the wire")
	got := newRecorder()
	_, stop := consuming(t, cfg, fetchAll(got))
	eventually(t, "the record", func() bool { return got.count() == 1 })
	stop()
}

// certificate signs itself, for this machine, and is written to NAME.pem and NAME.key.
func certificate(t *testing.T, dir, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	for file, text := range map[string][]byte{name + ".pem": cert, name + ".key": private} {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(cert, private)
	if err != nil {
		t.Fatal(err)
	}
	if pair.Leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return pair
}
