package standin

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// OIDC stands in for an OpenID Connect provider at which one person is signed in already: discovery, keys, authorization
// code with PKCE (S256, required), a token endpoint that takes each code once, and userinfo.
type OIDC struct {
	server
	client OIDCClient
	key    *rsa.PrivateKey

	mu     sync.Mutex
	claims map[string]any // of ID tokens
	info   map[string]any // of userinfo; nil: there is none
	tamper func(claims map[string]any)
	grants map[string]grant // by code; as many as sign-ins were begun
}

// OIDCClient is who may ask. Without a secret it is a public client.
type OIDCClient struct{ ID, Secret, Redirect string }

// grant is what a code stands for.
type grant struct {
	redirect, challenge, nonce string
}

// StartOIDC starts a provider whose issuer is URL(). Claims are those of the person, sub among them.
func StartOIDC(opts Options, client OIDCClient, claims map[string]any) (*OIDC, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	p := &OIDC{client: client, key: key, claims: claims, grants: map[string]grant{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	return p, p.start(opts, mux, func(w http.ResponseWriter, f Fault) { w.WriteHeader(f.Status) })
}

// Person changes who is signed in. Info is what userinfo tells besides; nil turns that endpoint off.
func (p *OIDC) Person(claims, info map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.claims, p.info = claims, info
}

// Tamper has the claims of ID tokens altered before they are signed.
func (p *OIDC) Tamper(with func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tamper = with
}

func (p *OIDC) discovery(w http.ResponseWriter, _ *http.Request) {
	d := map[string]any{
		"issuer": p.URL(), "authorization_endpoint": p.URL() + "/authorize", "token_endpoint": p.URL() + "/token", "jwks_uri": p.URL() + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"},
	}
	p.mu.Lock()
	if p.info != nil {
		d["userinfo_endpoint"] = p.URL() + "/userinfo"
	}
	p.mu.Unlock()
	answerJSON(w, http.StatusOK, d)
}

func (p *OIDC) keys(w http.ResponseWriter, _ *http.Request) {
	exponent := big.NewInt(int64(p.key.E)).Bytes()
	answerJSON(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": raw64(p.key.N.Bytes()), "e": raw64(exponent),
	}}})
}

// authorize sends the browser straight back: the person was signed in, and agrees.
func (p *OIDC) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	redirect, err := url.Parse(q.Get("redirect_uri"))
	if q.Get("client_id") != p.client.ID || err != nil || p.client.Redirect != "" && p.client.Redirect != q.Get("redirect_uri") {
		http.Error(w, "no such client, or not at this address", http.StatusBadRequest)
		return
	}
	back := redirect.Query()
	back.Set("state", q.Get("state"))
	back.Set("iss", p.URL())
	switch {
	case q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "":
		back.Set("error", "invalid_request")
		back.Set("error_description", "want response_type=code and a code_challenge of S256")
	default:
		code := rand.Text()
		p.mu.Lock()
		p.grants[code] = grant{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce")}
		p.mu.Unlock()
		back.Set("code", code)
	}
	redirect.RawQuery = back.Encode()
	http.Redirect(w, r, redirect.String(), http.StatusFound)
}

func (p *OIDC) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, secret := credentials(r); id != p.client.ID || secret != p.client.Secret {
		answerJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	g, found := p.grants[code]
	delete(p.grants, code)
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case !found || r.PostFormValue("grant_type") != "authorization_code" || g.redirect != r.PostFormValue("redirect_uri") || g.challenge != raw64(challenge[:]):
		answerJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
	default:
		answerJSON(w, http.StatusOK, map[string]any{"access_token": "of " + p.client.ID, "token_type": "Bearer", "expires_in": 300, "id_token": p.sign(g)})
	}
}

// credentials are those of the client, in a header, where they are encoded as in a form (RFC 6749, 2.3.1), or in the form.
func credentials(r *http.Request) (id, secret string) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		return r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	id, wrongID := url.QueryUnescape(id)
	secret, wrongSecret := url.QueryUnescape(secret)
	if wrongID != nil || wrongSecret != nil {
		return "", ""
	}
	return id, secret
}

// sign makes the ID token.
func (p *OIDC) sign(g grant) string {
	now := time.Now()
	claims := map[string]any{"iss": p.URL(), "aud": p.client.ID, "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "nonce": g.nonce}
	maps.Copy(claims, p.claims)
	if p.tamper != nil {
		p.tamper(claims)
	}
	payload, _ := json.Marshal(claims) // of texts, numbers and lists
	text := raw64([]byte(`{"alg":"RS256","kid":"one"}`)) + "." + raw64(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	if err != nil {
		return ""
	}
	return text + "." + raw64(signature)
}

func (p *OIDC) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.info == nil || r.Header.Get("Authorization") != "Bearer of "+p.client.ID {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	answerJSON(w, http.StatusOK, p.info)
}

func raw64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func answerJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked may have gone
}
