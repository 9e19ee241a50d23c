package email

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/textproto"
	"strings"
	"unicode/utf8"

	"github.com/wneessen/go-mail"

	"github.com/tokenwatch/tokenwatch/alert"
)

// explain turns SMTP's errors into what the dispatcher acts on and an operator can use: codes of
// 400 and more pass, those of 500 and more want somebody to change something.
func (n *Notifier) explain(err error) error {
	if err == nil {
		return nil
	}
	said := errors.New("email: " + n.scrub(err.Error()))
	var (
		unverified *tls.CertificateVerificationError
		unknown    x509.UnknownAuthorityError
		wrongName  x509.HostnameError
	)
	switch code := codeOf(err); {
	case errors.As(err, &unverified), errors.As(err, &unknown), errors.As(err, &wrongName):
		return alert.Permanent{Err: said, Fix: "email.server has to be the name in its certificate; a certificate of your own authority goes into email.ca_file"}
	case code == 530 || code == 534 || code == 535 || code == 538:
		return alert.Permanent{Err: said, Fix: "set email.username and email.password to what the server takes"}
	case code == 550 || code == 551 || code == 553 || code == 554:
		return alert.Permanent{Err: said, Fix: "the server does not take mail from email.from, or for email.to"}
	case code >= 500:
		return alert.Permanent{Err: said, Fix: "see what the server says to it, and check email.server"}
	case strings.Contains(said.Error(), "STARTTLS"):
		return alert.Permanent{Err: said, Fix: "the server offers no STARTTLS; set email.tls to tls if it wants TLS from the first byte"}
	}
	return said
}

func codeOf(err error) int {
	var sent *mail.SendError
	if errors.As(err, &sent) && sent.ErrorCode() > 0 {
		return sent.ErrorCode()
	}
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}

// scrub takes the password out of a text, and bounds it: servers say what they like.
func (n *Notifier) scrub(text string) string {
	if n.cfg.Password != "" {
		text = strings.ReplaceAll(text, n.cfg.Password.Reveal(), n.cfg.Password.String())
	}
	text = strings.Join(strings.Fields(text), " ")
	const most = 400
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return text
}
