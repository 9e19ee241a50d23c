package discord

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/alert/guard"
)

// unknownMessage is the code that Discord gives beside the status.
const unknownMessage = 10008

// refusal is an answer that is no success.
type refusal struct {
	status, code int
	words        string
}

func (r refusal) Error() string {
	text := fmt.Sprintf("HTTP %d", r.status)
	if r.words != "" {
		text += ": " + r.words
	}
	return text
}

// politeWait applies where Discord says that it is too much, but not for how long.
const politeWait = 5

// judge reads an answer. Where Discord wants to be left alone for a while, the body says for
// how long, to the millisecond.
func judge(a guard.Answer) error {
	if a.OK() {
		return nil
	}
	var said struct {
		Message    string  `json:"message"`
		Code       int     `json:"code"`
		RetryAfter float64 `json:"retry_after"`
	}
	if err := json.Unmarshal(a.Body, &said); err != nil {
		said.Message = a.Words()
	}
	r := refusal{status: a.Status, code: said.Code, words: guard.Answer{Body: []byte(said.Message)}.Words()}
	if a.Status == http.StatusTooManyRequests {
		if said.RetryAfter <= 0 {
			said.RetryAfter = politeWait
		}
		return alert.RetryAfter{After: guard.Seconds(said.RetryAfter), Err: r}
	}
	return r
}

// gone reports that there is no such message any more.
func gone(err error) bool {
	var r refusal
	return errors.As(err, &r) && r.status == http.StatusNotFound && r.code == unknownMessage
}

// explain turns errors into what the dispatcher acts on and an operator can use. The webhook's
// URL is a secret, and stays out of them.
func (n *Notifier) explain(err error) error {
	if err == nil {
		return nil
	}
	said := errors.New("discord: " + n.scrub(err.Error()))
	var (
		later alert.RetryAfter
		r     refusal
	)
	switch {
	case errors.As(err, &later):
		return alert.RetryAfter{After: later.After, Err: said}
	case guard.Prohibited(err):
		return alert.Permanent{Err: errors.New("discord: it is at an address that is not public"), Fix: "check discord.webhook_url"}
	case !errors.As(err, &r):
		return said
	case r.status == http.StatusBadRequest || r.status == http.StatusRequestEntityTooLarge:
		return alert.Permanent{Err: said, Fix: "please report this as a bug of tokenwatch; or discord.thread_id names no thread of the channel"}
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden, r.status == http.StatusNotFound, r.status < http.StatusBadRequest:
		return alert.Permanent{Err: said, Fix: "make a new webhook in the channel's settings and put its URL into discord.webhook_url"}
	}
	return said
}

func (n *Notifier) scrub(text string) string {
	for _, secret := range []string{n.cfg.WebhookURL.Reveal(), n.hook, token(n.hook)} {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

func token(hook string) string { return webhookPath.FindStringSubmatch(hook)[2] }
