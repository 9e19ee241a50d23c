package signin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// ProviderPatience is what Begin and Finish take at most.
const ProviderPatience = 10 * time.Second

// Bounds of what one answer of the provider is waited for, and of what is read of it.
const (
	answerPatience = 4 * time.Second
	mostAnswer     = 1 << 20
)

// provider is the OpenID Connect provider. It is asked for its endpoints when the first person wants to sign in, and
// again until it answers: it may start after us, or be away for a while.
type provider struct {
	cfg    OIDCConfig
	now    func() time.Time
	client *http.Client
	asking chan struct{} // held by the one who asks

	mu    sync.Mutex
	found *oidc.Provider

	tickets tickets
}

func newProvider(cfg OIDCConfig, now func() time.Time) (*provider, error) {
	t, err := newTickets(now)
	return &provider{
		cfg: cfg, now: now, tickets: t, asking: make(chan struct{}, 1),
		client: &http.Client{Timeout: answerPatience, Transport: limited{http.DefaultTransport}},
	}, err
}

// limited cuts answers off that no provider gives.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, mostAnswer), answer.Body}
	}
	return answer, err
}

// credential is what sessions are sealed with: who changes the roles of groups has people sign in again.
func (p *provider) credential() string {
	parts := []string{viaOIDC, p.cfg.Issuer, p.cfg.ClientID, p.cfg.RoleClaim, p.cfg.DefaultRole.String()}
	for _, group := range slices.Sorted(maps.Keys(p.cfg.Roles)) {
		parts = append(parts, group, p.cfg.Roles[group].String())
	}
	return strings.Join(parts, "\x00")
}

// discover gives the provider's endpoints and keys.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	select {
	case p.asking <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for somebody else's question to %s: %w", p.cfg.Issuer, ctx.Err())
	}
	defer func() { <-p.asking }()
	if found := p.known(); found != nil {
		return found, nil
	}
	for wait := 200 * time.Millisecond; ; wait *= 2 {
		found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.cfg.Issuer)
		if err == nil {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.found = found
			return found, nil
		}
		if mismatch := (*oidc.IssuerMismatchError)(nil); errors.As(err, &mismatch) {
			return nil, fmt.Errorf("console.oidc.issuer is %q, but the provider calls itself %.200q: write it as the provider does", p.cfg.Issuer, mismatch.Discovered)
		}
		err = fmt.Errorf("asking %s for its endpoints: %s", p.cfg.Issuer, short(err.Error()))
		deadline, _ := ctx.Deadline()
		if time.Until(deadline) < wait {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
	}
}

func (p *provider) known() *oidc.Provider {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.found
}

func (p *provider) oauth(found *oidc.Provider, callback string) *oauth2.Config {
	c := &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret.Reveal(), Endpoint: found.Endpoint(), RedirectURL: callback, Scopes: p.cfg.Scopes,
	}
	if c.ClientSecret == "" { // a public client has nothing to put into a header
		c.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	return c
}

// redeem turns the code of a callback into what the provider says about the person.
func (p *provider) redeem(ctx context.Context, code, callback string, t ticket) (claims map[string]any, err error) {
	ctx = oidc.ClientContext(ctx, p.client)
	found, err := p.discover(ctx)
	if err != nil {
		return nil, refusal(textAway, helpAway, err).away()
	}
	oauth := p.oauth(found, callback)
	answer, err := oauth.Exchange(ctx, code, oauth2.VerifierOption(t.Verifier))
	if err != nil {
		r := refusal("The sign-in provider did not take the code that it gave.", "Try again; if that does not help, console.oidc.client_id, client_secret and the provider's list of redirect URLs have to match.", err)
		if answered := (*oauth2.RetrieveError)(nil); !errors.As(err, &answered) || answered.Response.StatusCode >= 500 {
			r = r.away()
		}
		return nil, r
	}
	raw, _ := answer.Extra("id_token").(string)
	id, err := found.Verifier(&oidc.Config{ClientID: p.cfg.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return nil, refusal(textToken, helpToken, fmt.Errorf("verifying the ID token: %w", err))
	}
	if id.Nonce == "" || id.Nonce != t.Nonce {
		return nil, refusal(textToken, helpToken, errors.New("the ID token is not for this sign-in: its nonce is another one"))
	}
	if err := id.Claims(&claims); err != nil {
		return nil, refusal(textToken, helpToken, fmt.Errorf("reading the ID token: %w", err))
	}
	if azp, given := claims["azp"].(string); given && azp != p.cfg.ClientID || !given && len(id.Audience) > 1 {
		return nil, refusal(textToken, helpToken, errors.New("the ID token was made for another client (azp)"))
	}
	return p.complete(ctx, found, oauth.TokenSource(ctx, answer), id.Subject, claims)
}

// complete asks for the groups apart where the ID token is without: some providers keep it small.
func (p *provider) complete(ctx context.Context, found *oidc.Provider, token oauth2.TokenSource, subject string, claims map[string]any) (map[string]any, error) {
	if found.UserInfoEndpoint() == "" || len(p.cfg.Roles) == 0 || lookup(claims, p.cfg.RoleClaim) != nil {
		return claims, nil
	}
	info, err := found.UserInfo(ctx, token)
	if err != nil {
		return nil, refusal(textAway, helpAway, fmt.Errorf("asking for the person's groups: %w", err)).away()
	}
	if info.Subject != subject {
		return nil, refusal(textToken, helpToken, errors.New("the userinfo endpoint told of somebody else"))
	}
	var further map[string]any
	if err := info.Claims(&further); err != nil {
		return nil, refusal(textToken, helpToken, fmt.Errorf("reading the userinfo: %w", err))
	}
	for name, value := range further {
		if _, known := claims[name]; !known {
			claims[name] = value
		}
	}
	return claims, nil
}
