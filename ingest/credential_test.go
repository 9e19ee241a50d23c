package ingest_test

import (
	"strings"
	"testing"

	"github.com/tokenwatch/tokenwatch/schema"
)

// The gateway's own id of a credential is handed on where it can be nothing else.
func TestCredentialsID(t *testing.T) {
	const kong = `{"started_at":1795295472123,"client_ip":"203.0.113.7","request":{"method":"GET","uri":"/v1"},"response":{"status":200},"authenticated_entity":{"id":"ID"},"consumer":{"username":"acme"},"latencies":{"request":5}}`
	const litellm = `{"id":"x","call_type":"acompletion","startTime":1795295472.1,"endTime":1795295473.1,"status":"success","metadata":{"user_api_key_hash":"ID"},"model":"gpt"}`
	hash := strings.Repeat("0f", 32)
	for _, c := range []struct{ name, format, record, id, want string }{
		{"kong's UUID", "kong", kong, "3fa85f64-5717-4562-b3fc-2c963f66afa6", "3fa85f64-5717-4562-b3fc-2c963f66afa6"},
		{"a key where kong has a UUID", "kong", kong, "sk-live-3fa85f64571745", ""},
		{"a UUID out of joint", "kong", kong, "3fa85f645-717-4562-b3fc-2c963f66afa6", ""},
		{"litellm's hash", "litellm", litellm, hash, hash},
		{"a key where litellm has a hash", "litellm", litellm, "sk-1234567890abcdefghijkl", ""},
		{"a hash too short", "litellm", litellm, hash[:62], ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b schema.Block
			newDecoder(t, c.format).Decode(&b, []byte(strings.ReplaceAll(c.record, "ID", c.id)), position())
			if len(b.Events) != 1 || b.Events[0].Credential != c.want {
				t.Errorf("have %+v, dead %+v", b.Events, b.DeadLetters)
			}
		})
	}
}
