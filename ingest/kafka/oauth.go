package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/segmentio/kafka-go/sasl"
)

// OAuth says where the token of OAUTHBEARER comes from: Token, TokenFile or TokenURL, one of them.
type OAuth struct {
	// Token is a bearer token that does not expire, or not soon.
	Token Secret `yaml:"token"`
	// TokenFile holds the token. It is read for each connection, so that what renews the token only has to write it.
	TokenFile string `yaml:"token_file"`
	// TokenURL is an OAuth 2.0 token endpoint, asked by client credentials and again before the token expires.
	TokenURL string `yaml:"token_url"`
	// ClientID and ClientSecret are this client's at the token endpoint.
	ClientID     string `yaml:"client_id"`
	ClientSecret Secret `yaml:"client_secret"`
	// Scope is what to ask the token endpoint for; empty means what it gives by itself.
	Scope string `yaml:"scope"`
	// TokenCAFile holds the PEM certificates to trust at the token endpoint; empty means the system's.
	TokenCAFile string `yaml:"token_ca_file"`
	// Extensions, each name=value, are told to the broker with the token, as some hosted ones want (KIP-342).
	Extensions []string `yaml:"extensions"`
}

const oauthBearer = "OAUTHBEARER"

func (o OAuth) given() bool { return o.Token != "" || o.TokenFile != "" || o.TokenURL != "" }

var extension = regexp.MustCompile(`^[A-Za-z]+=[\x20-\x7e\t\r\n]+$`)

func (o OAuth) validate() error {
	given := 0
	for _, source := range []string{string(o.Token), o.TokenFile, o.TokenURL} {
		if source != "" {
			given++
		}
	}
	if given != 1 {
		return fmt.Errorf("kafka.sasl.token: OAUTHBEARER needs token, token_file or token_url, exactly one of them; %d are set", given)
	}
	if o.Token != "" && !bearerToken.MatchString(string(o.Token)) {
		return errors.New("kafka.sasl.token: " + errNoToken.Error())
	}
	for _, e := range o.Extensions {
		if !extension.MatchString(e) || strings.HasPrefix(e, "auth=") {
			return fmt.Errorf("kafka.sasl.extensions: %q is not name=value, with a name of letters that is not auth", e)
		}
	}
	return o.validateEndpoint()
}

func (o OAuth) validateEndpoint() error {
	if o.TokenURL == "" {
		if o.ClientID != "" || o.ClientSecret != "" || o.Scope != "" || o.TokenCAFile != "" {
			return errors.New("kafka.sasl.token_url: client_id, client_secret, scope and token_ca_file are for it, and it is empty")
		}
		return nil
	}
	endpoint, err := url.Parse(o.TokenURL)
	if err != nil || endpoint.Host == "" || endpoint.User != nil {
		return errors.New("kafka.sasl.token_url: not a URL with a host, and without a password")
	}
	loopback := endpoint.Hostname() == "localhost" || net.ParseIP(endpoint.Hostname()).IsLoopback()
	if endpoint.Scheme != "https" && (endpoint.Scheme != "http" || !loopback) {
		return errors.New("kafka.sasl.token_url: must be https, or the secret would be sent in clear")
	}
	if o.ClientID == "" {
		return errors.New("kafka.sasl.client_id: must not be empty with token_url")
	}
	if o.ClientSecret == "" {
		return errors.New("kafka.sasl.client_secret: must not be empty with token_url")
	}
	return nil
}

func (o OAuth) mechanism(timeout time.Duration) (sasl.Mechanism, error) {
	tokens, err := o.tokens(timeout)
	if err != nil {
		return nil, err
	}
	var extensions strings.Builder
	for _, e := range o.Extensions {
		extensions.WriteString(e + "\x01")
	}
	return &bearer{tokens: tokens, extensions: extensions.String()}, nil
}

// bearer is OAUTHBEARER (RFC 7628, KIP-255). It is used by several connections at a time.
type bearer struct {
	tokens     tokenSource
	extensions string
}

// Name is the mechanism's.
func (*bearer) Name() string { return oauthBearer }

// Start gets a token and says all that the client has to say.
func (b *bearer) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	token, err := b.tokens.token(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errToken, err)
	}
	return b, []byte("n,,\x01auth=Bearer " + string(token) + "\x01" + b.extensions + "\x01"), nil
}

// Next takes the broker's answer: nothing when it accepts the token, and otherwise a JSON object that says why not.
func (b *bearer) Next(_ context.Context, challenge []byte) (bool, []byte, error) {
	if len(challenge) == 0 {
		return true, nil, nil
	}
	var refusal struct{ Status, Scope string }
	if err := json.Unmarshal(challenge, &refusal); err != nil || refusal.Status == "" {
		return false, nil, errors.New("the broker refused the token")
	}
	return false, nil, fmt.Errorf("the broker refused the token: %.100q, scope %.100q", refusal.Status, refusal.Scope)
}
