package standin

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

// Mail stands in for an SMTP server that takes mail over STARTTLS only, and from those who log
// in if Options.Secret is "user:password". Its certificate is its own: see CA.
type Mail struct {
	listener net.Listener
	secret   string
	cert     tls.Certificate
	ca       []byte
	wg       sync.WaitGroup

	mu     sync.Mutex
	mails  []MailMessage
	refuse func(command string) string
	conns  map[net.Conn]bool
}

// MailMessage is a mail as it came.
type MailMessage struct {
	From string
	To   []string
	Data []byte
	TLS  bool
}

// StartMail starts a stand-in for a mail server.
func StartMail(opts Options) (*Mail, error) {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", opts.Addr)
	if err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	m := &Mail{listener: listener, secret: opts.Secret, conns: map[net.Conn]bool{}}
	if m.cert, m.ca, err = ownCertificate(); err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	m.wg.Go(m.accept)
	return m, nil
}

// ownCertificate makes a certificate for 127.0.0.1 and localhost.
func ownCertificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// Addr is where it listens.
func (m *Mail) Addr() string { return m.listener.Addr().String() }

// CA is the certificate that its own is signed by, as PEM.
func (m *Mail) CA() []byte { return m.ca }

// Messages returns the mails in the order in which they came.
func (m *Mail) Messages() []MailMessage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]MailMessage(nil), m.mails...)
}

// Refuse has it answer commands with what the function says, unless that is empty. "reset"
// cuts the connection. The command that ends the data is ".".
func (m *Mail) Refuse(answer func(command string) string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = answer
}

// Close ends it.
func (m *Mail) Close() error {
	err := m.listener.Close()
	m.mu.Lock()
	for c := range m.conns {
		_ = c.Close()
	}
	m.mu.Unlock()
	m.wg.Wait()
	return err
}

func (m *Mail) accept() {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.mu.Lock()
		m.conns[conn] = true
		m.mu.Unlock()
		m.wg.Go(func() {
			(&mailSession{server: m, conn: conn, in: bufio.NewReader(conn)}).serve()
			_ = conn.Close()
			m.mu.Lock()
			delete(m.conns, conn)
			m.mu.Unlock()
		})
	}
}

type mailSession struct {
	server *Mail
	conn   net.Conn
	in     *bufio.Reader
	secure bool
	known  bool
	mail   MailMessage
}

func (s *mailSession) say(text string) { _, _ = io.WriteString(s.conn, text+"\r\n") }

func (s *mailSession) serve() {
	s.say("220 stand-in ESMTP")
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if s.refused(line) {
			continue
		}
		if verb == "QUIT" {
			s.say("221 bye")
			return
		}
		if !s.do(verb, rest) {
			return
		}
	}
}

// refused answers what the test wants answered.
func (s *mailSession) refused(line string) bool {
	s.server.mu.Lock()
	refuse := s.server.refuse
	s.server.mu.Unlock()
	if refuse == nil {
		return false
	}
	answer := refuse(line)
	if answer == "reset" {
		_ = s.conn.Close()
		return true
	}
	if answer != "" {
		s.say(answer)
	}
	return answer != ""
}

func (s *mailSession) do(verb, rest string) bool {
	switch verb {
	case "EHLO":
		s.say("250-stand-in")
		if !s.secure {
			s.say("250-STARTTLS")
		} else if s.server.secret != "" {
			s.say("250-AUTH PLAIN LOGIN")
		}
		s.say("250-8BITMIME")
		s.say("250 SMTPUTF8")
	case "STARTTLS":
		s.say("220 go ahead")
		secure := tls.Server(s.conn, &tls.Config{Certificates: []tls.Certificate{s.server.cert}, MinVersion: tls.VersionTLS12})
		if secure.Handshake() != nil {
			return false
		}
		s.conn, s.in, s.secure = secure, bufio.NewReader(secure), true
	case "AUTH":
		s.auth(rest)
	case "MAIL":
		switch {
		case !s.secure:
			s.say("530 5.7.0 Must issue a STARTTLS command first")
		case s.server.secret != "" && !s.known:
			s.say("530 5.7.0 Authentication required")
		default:
			s.mail = MailMessage{From: angle(rest), TLS: s.secure}
			s.say("250 ok")
		}
	case "RCPT":
		s.mail.To = append(s.mail.To, angle(rest))
		s.say("250 ok")
	case "DATA":
		return s.data()
	case "NOOP", "RSET":
		s.say("250 ok")
	default:
		s.say("502 5.5.2 not implemented")
	}
	return true
}

func (s *mailSession) auth(rest string) {
	user, password, _ := strings.Cut(s.server.secret, ":")
	want := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	if rest != "PLAIN "+want {
		s.say("535 5.7.8 Authentication credentials invalid")
		return
	}
	s.known = true
	s.say("235 2.7.0 welcome")
}

const maxMail = 25 << 20

func (s *mailSession) data() bool {
	s.say("354 go ahead")
	var data bytes.Buffer
	for {
		line, err := s.in.ReadString('\n')
		if err != nil || data.Len() > maxMail {
			return false
		}
		if line == ".\r\n" {
			break
		}
		data.WriteString(strings.TrimPrefix(line, "."))
	}
	if s.refused(".") {
		return true
	}
	s.mail.Data = data.Bytes()
	s.server.mu.Lock()
	if s.server.mails = append(s.server.mails, s.mail); len(s.server.mails) > kept {
		s.server.mails = s.server.mails[1:]
	}
	s.server.mu.Unlock()
	s.say("250 2.0.0 queued")
	return true
}

func angle(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
