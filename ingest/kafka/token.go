package kafka

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// tokenSource has a valid token whenever it is asked for one. It may be asked by several at a time.
type tokenSource interface {
	token(ctx context.Context) (Secret, error)
}

// tokens opens the source that the configuration names.
func (o OAuth) tokens(timeout time.Duration) (tokenSource, error) {
	switch {
	case o.TokenURL != "":
		roots, err := trusted(o.TokenCAFile)
		if err != nil {
			return nil, fmt.Errorf("kafka.sasl.token_ca_file: %w", err)
		}
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
		transport.MaxIdleConns = 1
		transport.IdleConnTimeout = time.Second // one request an hour or so needs no open connection
		return &endpoint{oauth: o, client: &http.Client{
			Transport: transport,
			Timeout:   timeout,
			// Whoever is redirected to would be told the secret.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}, nil
	case o.TokenFile != "":
		return tokenFile(o.TokenFile), nil
	}
	return fixed(o.Token), nil
}

// bearerToken is what may stand in a token (RFC 6750, section 2.1).
var bearerToken = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

var (
	// errToken says that there is no token to sign in with: the broker was not even asked.
	errToken = errors.New("no token for OAUTHBEARER")
	// errAway says that the token endpoint does not work at the moment, which may pass by itself.
	errAway = errors.New("the token endpoint is away")
)

var errNoToken = errors.New("not a bearer token: it may have letters, digits, '-', '.', '_', '~', '+', '/', and '=' at its end")

type fixed Secret

func (f fixed) token(context.Context) (Secret, error) { return Secret(f), nil }

type tokenFile string

func (f tokenFile) token(context.Context) (Secret, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return "", fmt.Errorf("kafka.sasl.token_file: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxTokenAnswer))
	if err != nil {
		return "", fmt.Errorf("kafka.sasl.token_file: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if !bearerToken.MatchString(token) {
		return "", fmt.Errorf("kafka.sasl.token_file: %s: %w", string(f), errNoToken)
	}
	return Secret(token), nil
}

// endpoint gets tokens by OAuth 2.0 client credentials (RFC 6749, section 4.4; KIP-768).
type endpoint struct {
	oauth  OAuth
	client *http.Client

	mu      sync.Mutex // held while a token is asked for: others wait for the same one
	current Secret
	renew   time.Time // when to ask for the next
	expires time.Time
}

const (
	// renewAt is the part of a token's life after which the next one is asked for, as Java's clients do.
	renewAt = 0.8
	// unknownLife is how long a token is used whose end nobody tells.
	unknownLife = 5 * time.Minute
	// maxTokenAnswer bounds what is read of a token file or an answer.
	maxTokenAnswer = 1 << 20
)

func (e *endpoint) token(ctx context.Context) (Secret, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.current != "" && now.Before(e.renew) {
		return e.current, nil
	}
	token, life, err := e.ask(ctx)
	switch {
	case err == nil:
		e.current, e.renew, e.expires = token, now.Add(time.Duration(renewAt*float64(life))), now.Add(life)
	case e.current == "" || !now.Before(e.expires):
		return "", fmt.Errorf("kafka.sasl.token_url: %w", err)
	}
	return e.current, nil // the old one is good for a while if there is no new one
}

func (e *endpoint) ask(ctx context.Context) (Secret, time.Duration, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if e.oauth.Scope != "" {
		form.Set("scope", e.oauth.Scope)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, e.oauth.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.SetBasicAuth(url.QueryEscape(e.oauth.ClientID), url.QueryEscape(string(e.oauth.ClientSecret)))
	response, err := e.client.Do(request)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", errAway, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxTokenAnswer))
	if err != nil {
		return "", 0, fmt.Errorf("%w: reading its answer: %w", errAway, err)
	}
	return readGrant(response.StatusCode, body)
}

// readGrant reads a token endpoint's answer. Its errors quote nothing of it but the standard's own error codes.
func readGrant(status int, body []byte) (Secret, time.Duration, error) {
	var answer struct {
		Token   string          `json:"access_token"`
		Expires json.RawMessage `json:"expires_in"` // seconds; a string with some
		Error   string          `json:"error"`
	}
	err := json.Unmarshal(body, &answer)
	if status != http.StatusOK {
		if len(answer.Error) > 64 || !bearerToken.MatchString(answer.Error) {
			answer.Error = "no reason given"
		}
		refusal := fmt.Errorf("the token endpoint answers with status %d: %s", status, answer.Error)
		if status >= 500 || status == http.StatusTooManyRequests {
			refusal = fmt.Errorf("%w: %w", errAway, refusal)
		}
		return "", 0, refusal
	}
	if err != nil {
		return "", 0, errors.New("the token endpoint's answer is not the JSON object that it should be")
	}
	if !bearerToken.MatchString(answer.Token) {
		return "", 0, errors.New("the token endpoint's answer has no access_token that could be one")
	}
	var seconds float64
	if json.Unmarshal([]byte(strings.Trim(string(answer.Expires), `"`)), &seconds) == nil && seconds > 0 {
		return Secret(answer.Token), time.Duration(min(seconds, 1e9) * float64(time.Second)), nil
	}
	return Secret(answer.Token), lifeOf(answer.Token), nil
}

// lifeOf is how long a JWT is valid, by its own word.
func lifeOf(token string) time.Duration {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return unknownLife
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 || claims.Expires > 1e11 {
		return unknownLife
	}
	return max(0, time.Until(time.Unix(int64(claims.Expires), 0)))
}
