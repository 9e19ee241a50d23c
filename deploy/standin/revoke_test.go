package standin_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tokenwatch/tokenwatch/deploy/standin"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func TestRevokeVerifies(t *testing.T) {
	out := &screen{}
	e, err := standin.StartRevoke(standin.Options{Secret: secret, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	good := `{"type":"token.revoke","data":{"token":"9f86","hint":"hf_…x9Qz","consumer":"acme","severity":"critical"}}`
	cases := []struct {
		name, id, body, signed string
		age                    time.Duration
		want                   int
	}{
		{"good", "a", good, good, 0, 204},
		{"again", "a", good, good, time.Minute, 204},
		{"tampered", "b", good, good + " ", 0, 401},
		{"too old", "b", good, good, 6 * time.Minute, 401},
		{"from the future", "b", good, good, -6 * time.Minute, 401},
		{"no id", "", good, good, 0, 401},
		{"another type", "b", `{"type":"ping"}`, `{"type":"ping"}`, 0, 400},
		{"not JSON", "b", `{`, `{`, 0, 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.URL()+"/revoke", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			stamp := fmt.Sprint(time.Now().Add(-c.age).Unix())
			req.Header.Set("webhook-id", c.id)
			req.Header.Set("webhook-timestamp", stamp)
			req.Header.Set("webhook-signature", "v1,bm9wZQ== "+sign(c.id+"."+stamp+"."+c.signed))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.want {
				t.Errorf("status %d, want %d", resp.StatusCode, c.want)
			}
		})
	}
	got := e.Requests()
	if len(got) != 2 || got[0].Repeated || !got[1].Repeated {
		t.Errorf("it acted on %+v", got)
	}
	if !strings.Contains(out.String(), "token hf_…x9Qz of acme blocked") || !strings.Contains(out.String(), "nothing done again") {
		t.Errorf("on the terminal:\n%s", out)
	}
}

func sign(content string) string {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(content))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestRevokeNeedsASecret(t *testing.T) {
	for _, bad := range []string{"", "whsec_", "whsec_!"} {
		if e, err := standin.StartRevoke(standin.Options{Secret: bad}); err == nil {
			_ = e.Close()
			t.Errorf("%q is taken for a secret", bad)
		}
	}
}
