package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// ticketName is the cookie that a ticket is kept in.
const ticketName = "tokenwatch_oidc"

// callbackPath is where the provider sends people back to.
const callbackPath = "/sign-in/oidc/callback"

// Provider names where people sign in, and is empty where there is no provider.
func (d *Door) Provider() string {
	u, err := url.Parse(d.cfg.OIDC.Issuer)
	if err != nil {
		return ""
	}
	return u.Host
}

// CheckProvider asks the provider, where there is one, for its endpoints.
func (d *Door) CheckProvider(ctx context.Context) error {
	if d.provider == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerPatience)
	defer cancel()
	_, err := d.provider.discover(ctx)
	return err
}

// Begin gives the address at the provider that a person is to be sent to, who wants to see the page to. Its errors are
// Refusals.
func (d *Door) Begin(w http.ResponseWriter, r *http.Request, to string) (string, error) {
	if d.provider == nil {
		return "", refusal("There is no sign-in provider.", "It is configured as console.oidc.", nil)
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerPatience)
	defer cancel()
	found, err := d.provider.discover(ctx)
	if err != nil {
		return "", refusal(textAway, helpAway, err).away()
	}
	t := ticket{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), To: to}
	value, err := d.provider.tickets.write(t)
	if err != nil {
		return "", refusal(textAway, helpAway, err)
	}
	c := d.origin.cookie(r, ticketName, value)
	c.MaxAge = int(ticketLife.Seconds())
	http.SetCookie(w, c)
	return d.provider.oauth(found, d.callback(r)).AuthCodeURL(t.State, oidc.Nonce(t.Nonce), oauth2.S256ChallengeOption(t.Verifier)), nil
}

func (d *Door) callback(r *http.Request) string { return d.origin.here(r) + callbackPath }

// Finish signs in who comes back from the provider, and gives the page that was asked for. Its errors are Refusals.
func (d *Door) Finish(w http.ResponseWriter, r *http.Request) (p Person, to string, err error) {
	if d.provider == nil {
		return p, "", refusal("There is no sign-in provider.", "It is configured as console.oidc.", nil)
	}
	t, err := d.takeTicket(w, r)
	if err != nil {
		return p, "", err
	}
	if said := r.FormValue("error"); said != "" {
		return p, t.To, refusal("The sign-in provider refused.", "It says: "+short(said+" "+r.FormValue("error_description")), errors.New(short(said)))
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*answerPatience)
	defer cancel()
	claims, err := d.provider.redeem(ctx, r.FormValue("code"), d.callback(r), t)
	if err != nil {
		return p, t.To, err
	}
	if p, err = d.provider.cfg.person(claims); err != nil {
		return p, t.To, err
	}
	if d.people.has(p.Name) { // two people must not look like one
		p.Name += " (oidc)"
	}
	d.open(w, r, p)
	return p, t.To, nil
}

// takeTicket finds what this browser was sent away with, once. A forged answer leaves it there.
func (d *Door) takeTicket(w http.ResponseWriter, r *http.Request) (ticket, error) {
	t, valid := d.provider.tickets.read(d.CookieValue(r, ticketName))
	if !valid || subtle.ConstantTimeCompare([]byte(t.State), []byte(r.FormValue("state"))) != 1 {
		return ticket{}, refusal(textStale, helpStale, errors.New("the state is not that of this browser's sign-in"))
	}
	gone := d.origin.cookie(r, ticketName, "")
	gone.MaxAge = -1
	http.SetCookie(w, gone)
	if issuer := r.FormValue("iss"); issuer != "" && issuer != d.cfg.OIDC.Issuer { // RFC 9207
		return ticket{}, refusal(textToken, helpToken, errors.New("the answer came from another issuer"))
	}
	return t, nil
}
