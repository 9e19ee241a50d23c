package ingest_test

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/ingest"
)

// TestNamedSecretsInPaths: what a name says is secret goes, whatever it looks like and however the name is written.
func TestNamedSecretsInPaths(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for text, want := range map[string]string{
		"/v1?user[password]=apple-pie&x=1":                  "/v1?user[password]=***&x=1",
		"/v1?user%5Bpassword%5D=apple-pie":                  "/v1?user%5Bpassword%5D=***",
		"/v1?token[]=apple&token[0]=pie":                    "/v1?token[]=***&token[0]=***",
		`/v1?filter={"api_key":"apple pie","x":1}`:          `/v1?filter={"api_key":"***","x":1}`,
		"/v1?filter=%7B%22api_key%22%3A%20%22apple%22%7D":   "/v1?filter=%7B%22api_key%22%3A%20%22***%22%7D",
		"/v1?code_verifier=apple&csrf=b&passcode=c":         "/v1?code_verifier=***&csrf=***&passcode=***",
		"/v1?a=1&amp;token=apple&amp;b=2":                   "/v1?a=1&amp;token=***&amp;b=2",
		"/v1?h=Bearer+3fa85f64-5717-4562-b3fc-2c963f66afa6": "/v1?h=Bearer+***",
		"/api/token/9f86d081884c7d659a2feaa0c55ad015":       "/api/token/***",
		"/webhooks/3fa85f64-5717-4562-b3fc-2c963f66afa6/x":  "/webhooks/***/x",
		"/v1/whsec_MfKQ9r8GYqrTwjUPD8IL%2FPZIo2LaLaSw":      "/v1/***",
		"/v1?k=whsec_MfKQ9r8GYqrTwjUPD8IL/PZIo2LaLaSw":      "/v1?k=***",

		"array('token' => 'apple')":  "array('token' => '***')",
		"auth.example.com:443":       "auth.example.com:443",
		"/search?q=token:%20expired": "/search?q=token:%20expired",

		"/v1?author_id=42&authors=bob&authority=x":           "/v1?author_id=42&authors=bob&authority=x",
		"/v1?proxy_authorization=a&authorisation=b&authz=c":  "/v1?proxy_authorization=***&authorisation=***&authz=***",
		"/v1/secrets/db-url:access":                          "/v1/secrets/db-url:access",
		"/v1/tokens:exchange?scope=user:email,token:read":    "/v1/tokens:exchange?scope=user:email,token:read",
		"/v1/basic/customers":                                "/v1/basic/customers",
		"/webhooks/github":                                   "/webhooks/github",
		"/v1/tokens/3fa85f64-5717-4562-b3fc-2c963f66afa6":    "/v1/tokens/3fa85f64-5717-4562-b3fc-2c963f66afa6",
		"/v1/whsec_MfKQ9r8GYqrTwjUPD8IL/rotate":              "/v1/***/rotate",
		"/key-management/rotation-schedule":                  "/key-management/rotation-schedule",
		"/v1?ids=key-value-store-export-2026-11-21-00000001": "/v1?ids=key-value-store-export-2026-11-21-00000001",
	} {
		if out := string(s.Path([]byte(text))); out != want {
			t.Errorf("%s\nbecame %s\nwant   %s", text, out, want)
		}
	}
}

// TestNamedSecretsInTexts: names and values as programs, shells and people write them.
func TestNamedSecretsInTexts(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for text, want := range map[string]string{
		`agent token="apple pie" x`:                      `agent token="***" x`,
		"agent password = apple-pie x":                   "agent password = *** x",
		"agent (api_key: apple-pie)":                     "agent (api_key: ***",
		"X-Api-Key: apple-pie":                           "X-Api-Key: ***",
		`agent {"apikey":"apple","os":"linux"}`:          `agent {"apikey":"***","os":"linux"}`,
		"array('token' => 'apple')":                      "array('token' => '***')",
		`{:token=>"apple"}`:                              `{:token=>"***"}`,
		"<password>apple</password><user>bob</user>":     "<password>***</password><user>bob</user>",
		"cli --token apple-pie run":                      "cli --token *** run",
		"curl -u bob:apple-pie --user eve:s3 https://h/": "curl -u bob:*** --user eve:*** https://h/",
		"password: apple\nuser: bob":                     "password: ***\nuser: bob",
		"Authorization: Bearer Magnet$1680":              "Authorization: Bearer ***",
		"ApiKey Magnet$1680falcon":                       "ApiKey ***",
		"invalid token 5f7c8ec7c33c, again":              "invalid token ***, again",
		"Token AbCdEfGh1":                                "Token ***",

		"token expired yesterday":           "token expired yesterday",
		"TokenService/1.4 Key manager/2":    "TokenService/1.4 Key manager/2",
		"key account management":            "key account management",
		"sort -u file -- x-u a:b":           "sort -u file -- x-u a:b",
		"agent --session":                   "agent --session",
		"cli --token --verbose":             "cli --token --verbose",
		"a <b> c < token > d":               "a <b> c < token > d",
		"token refresher/2.1 (host: web-7)": "token refresher/2.1 (host: web-7)",
		"a session= lang=en":                "a session= lang=en",
	} {
		if out := string(s.Agent([]byte(text))); out != want {
			t.Errorf("%q became %q, want %q", text, out, want)
		}
	}
	for _, name := range []string{
		"token:acme", "apikey:billing", "system:serviceaccount:auth-system:default", "spiffe://cluster.local/ns/auth/sa/token-service",
		"arn:aws:sts::123456789012:assumed-role/api-access/session-worker-1", "CN=client-7,O=Example Corp,OU=Auth", `DOMAIN\xavier.token`,
	} {
		if out := string(s.Text([]byte(name))); out != name {
			t.Errorf("the consumer %s became %s", name, out)
		}
	}
	for text, want := range map[string]string{"api_key: apple": "api_key: ***", `{"token":"apple"}`: `{"token":"***"}`} {
		if out := string(s.Text([]byte(text))); out != want {
			t.Errorf("the consumer %s became %s, want %s", text, out, want)
		}
	}
}

// TestIDsThatAreNone: a request's id is random by nature, but it has no blanks, quotes or query string. What has is a text.
func TestIDsThatAreNone(t *testing.T) {
	s := ingest.NewScrubber(nil)
	const random = "qZ8xK2mN7vB4cR9tY3wE6uI1oP5aS0dF"
	for text, want := range map[string]string{
		random: random, "Root=1-67891233-" + random: "Root=1-67891233-" + random, "{3fa85f64-5717-4562-b3fc-2c963f66afa6}": "{3fa85f64-5717-4562-b3fc-2c963f66afa6}",
		"used " + random: "used ***", "/v1/x?zq=" + random: "/v1/x?zq=***", "X-Api-Key: apple": "X-Api-Key: ***", `{"token":"apple"}`: `{"token":"***"}`,
		"req 434dce18465fe02bf006b02287f40d0d": "req 434dce18465fe02bf006b02287f40d0d",
		"key-9f86d081884c7d659a2feaa0c55ad015": "***", "xai-lxbQCFlPzVv331b8XRdJRDg0ar3hquDMzt8IhXAvEq5jX1gq": "***", "key-value-store-export-2026-11-21-1": "key-value-store-export-2026-11-21-1",
	} {
		if out := string(s.ID([]byte(text))); out != want {
			t.Errorf("%s became %s, want %s", text, out, want)
		}
	}
}

// TestChance: letters that nobody would write, and numbers and long words that somebody does.
func TestChance(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for _, token := range []string{"rjqudfsqcqbnoiclnytf", "xqwciratztfsroozijxk", "XQWCIRATZTFSROO5IZJX", "WWOpsnaNvorQQnHEGVgcuQ", "uaxjeoqzaieoujaxeiouqaez"} {
		if out := string(s.Path([]byte("/v1/" + token + "/x"))); out != "/v1/***/x" {
			t.Errorf("%s became %s", token, out)
		}
	}
	for _, token := range []string{"rkgsbfipfrxulbrfqcll", "xe18c9389-4223-4ed8-acfb-cd37162489f1", "3fa85f64-5717-4562-b3fc-2c963f66afa6.tar.gz"} {
		if out := s.Payload([]byte("/v1/" + token + " x")); out != "*** x" && out != "/v1/*** x" {
			t.Errorf("in a dead letter %s became %s", token, out)
		}
	}
	for _, word := range []string{"internationalization", "getuserpreferencesbytenant", "jqueryxhrextensionlib", "kubernetesproduction01"} {
		if out := string(s.Path([]byte("/v1/" + word))); out != "/v1/"+word {
			t.Errorf("%s became %s", word, out)
		}
	}
	for _, payload := range []string{`{"cost":0.00022500000000000002}`, `{"ns":1795295472856000000}`} {
		if out := s.Payload([]byte(payload)); out != payload {
			t.Errorf("%s became %s", payload, out)
		}
	}
}

// TestHintOfMixedCase: letters before the first separator are an issuer's name only if they are of one case.
func TestHintOfMixedCase(t *testing.T) {
	for token, want := range map[string]string{
		"acme_QkZxWvTyRmPqLsNdBgHjKc": "acme_…HjKc", "ACME-QkZxWvTyRmPqLsNdBgHjKc": "ACME-…HjKc", "cLeGEWXYw-nAq3PNyurNIHm7AX7xLO6CNqiaRRrQS6Y": "…QS6Y",
	} {
		if have := ingest.Hint([]byte(token)); have != want {
			t.Errorf("%s: %s, want %s", token, have, want)
		}
	}
}

// TestHostileTexts: a text in which everything might begin a secret and nothing does takes no longer than others of its length. If one
// does, this takes minutes.
func TestHostileTexts(t *testing.T) {
	s := ingest.NewScrubber(nil)
	for _, unit := range []string{"key:", "token=", "<token", "<a>", "('token', ", "name\":\"token\",", "token \"", "token\x00", "token=[", "\x1b[", "a\x00", "-u ", "--a ", "- ", "a\n", "&#", "&quot", "%", "\\", "\\u", "bearer ", "a:", "'", "/", "[]=", "token ", "= "} {
		text := []byte("x" + strings.Repeat(unit, 1<<18/len(unit)))
		s.Agent(text)
		s.Text(text)
		s.ID(text)
		s.Path(text)
		s.Path(append([]byte("/"), text...))
		s.Payload(text)
	}
}
