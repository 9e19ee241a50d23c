package webhook

import (
	"encoding/json"
	"time"

	"github.com/tokenwatch/tokenwatch/alert"
	"github.com/tokenwatch/tokenwatch/schema"
)

// Payload is the body of a request, as schema/revoke.schema.json describes it.
//
//	{
//	  "type": "token.revoke",
//	  "timestamp": "2026-03-01T03:12:07.412Z",
//	  "data": {
//	    "token": "9f86d081884c7d659a2feaa0c55ad015", "key_id": 48211,
//	    "hint": "hf_…x9Qz", "consumer": "acme-billing", "environment": "prod",
//	    "source": "kong", "credential": "4d924084-1adb-40a5-c042-63b19db421d1",
//	    "incident": "inc-3f9a2b7c1d5e8f01", "severity": "critical", "score": 3.2,
//	    "summary": "Used from a new place: São Paulo, BR (normal: DE 97 %)",
//	    "evidence": [{"detector": "new_geo", "key": "country:BR", "time": "…", "llr": 6.1,
//	                  "seen": "São Paulo, BR", "normal": "DE 97 %"}],
//	    "by": "slack:U024BE7LH (alice)", "rule": "revoke.rules[1] severity=critical"
//	  }
//	}
//
// The receiver finds the token by the gateway's own id of the credential, by its
// fingerprint (as tokenwatch fingerprint prints it), or by owner and hint, and revokes it,
// or with "token.restore" gives it back. A retry carries the same webhook-id, and whatever
// is known by then.
type Payload struct {
	Type      string    `json:"type"`      // "token.revoke" or "token.restore"
	Timestamp time.Time `json:"timestamp"` // of the finding that the decision rests on
	Data      Data      `json:"data"`
}

// The types of payload.
const (
	TypeRevoke  = "token.revoke"
	TypeRestore = "token.restore"
)

// Data says which token, and why.
type Data struct {
	Token       schema.TokenID    `json:"token"`  // fingerprint, 32 hexadecimal digits
	KeyID       uint16            `json:"key_id"` // names the pepper of the fingerprint
	Hint        string            `json:"hint"`   // issuer's prefix and last four characters
	Consumer    string            `json:"consumer"`
	Environment string            `json:"environment"`
	Source      string            `json:"source"`     // which gateway's records tell of it: kong, litellm, ...
	Credential  string            `json:"credential"` // the gateway's own id of it; empty where its records name none
	Incident    string            `json:"incident"`
	Severity    schema.Severity   `json:"severity"`
	Score       float64           `json:"score"` // 1.0 = enough for an alert
	Summary     string            `json:"summary"`
	Evidence    []schema.Evidence `json:"evidence"` // strongest first, at most 32
	By          string            `json:"by"`       // who decided; empty: the configuration
	Rule        string            `json:"rule"`     // the rule of the configuration that it followed
}

func payloadOf(kind string, o alert.Order) []byte {
	inc := &o.Incident
	evidence := inc.Evidence
	if evidence == nil {
		evidence = []schema.Evidence{}
	}
	body, err := json.Marshal(Payload{
		Type:      kind,
		Timestamp: inc.Updated.UTC(),
		Data: Data{
			Token: inc.Token, KeyID: inc.KeyID, Hint: inc.TokenHint, Consumer: inc.Consumer, Environment: inc.Environment,
			Source: inc.Source, Credential: inc.Credential,
			Incident: inc.ID, Severity: inc.Severity, Score: inc.Score,
			Summary: inc.Summary, Evidence: evidence, By: o.By, Rule: o.Rule,
		},
	})
	if err != nil {
		panic("webhook: a payload of plain values does not marshal: " + err.Error())
	}
	return body
}
