package webhook

import (
	"encoding/json"
	"time"

	"github.com/tokenwatch/tokenwatch/schema"
)

// Payload is the body of a revoke request.
//
//	{
//	  "type": "token.revoke",
//	  "timestamp": "2026-03-01T03:12:07.412Z",
//	  "data": {
//	    "token": "9f86d081884c7d659a2feaa0c55ad015", "key_id": 48211,
//	    "hint": "hf_…x9Qz", "consumer": "acme-billing", "environment": "prod",
//	    "incident": "inc-3f9a2b7c1d5e8f01", "severity": "critical", "score": 3.2,
//	    "summary": "Used from a new place: São Paulo, BR (normal: DE 97 %)",
//	    "evidence": [{"detector": "new_geo", "key": "country:BR", "time": "…", "llr": 6.1,
//	                  "seen": "São Paulo, BR", "normal": "DE 97 %"}]
//	  }
//	}
//
// The receiver finds the token by its fingerprint (as tokenwatch fingerprint prints it),
// or by owner and hint, and revokes it. A retry carries the same webhook-id, and whatever
// is known by then.
type Payload struct {
	Type      string    `json:"type"`      // always "token.revoke"
	Timestamp time.Time `json:"timestamp"` // of the finding that the decision rests on
	Data      Data      `json:"data"`
}

// Data says which token, and why.
type Data struct {
	Token       schema.TokenID    `json:"token"`  // fingerprint, 32 hexadecimal digits
	KeyID       uint16            `json:"key_id"` // names the pepper of the fingerprint
	Hint        string            `json:"hint"`   // issuer's prefix and last four characters
	Consumer    string            `json:"consumer"`
	Environment string            `json:"environment"`
	Incident    string            `json:"incident"`
	Severity    schema.Severity   `json:"severity"`
	Score       float64           `json:"score"` // 1.0 = enough for an alert
	Summary     string            `json:"summary"`
	Evidence    []schema.Evidence `json:"evidence"` // strongest first, at most 32
}

func payloadOf(inc *schema.Incident) []byte {
	body, err := json.Marshal(Payload{
		Type:      "token.revoke",
		Timestamp: inc.Updated.UTC(),
		Data: Data{
			Token: inc.Token, KeyID: inc.KeyID, Hint: inc.TokenHint, Consumer: inc.Consumer, Environment: inc.Environment,
			Incident: inc.ID, Severity: inc.Severity, Score: inc.Score,
			Summary: inc.Summary, Evidence: inc.Evidence,
		},
	})
	if err != nil {
		panic("webhook: a payload of plain values does not marshal: " + err.Error())
	}
	return body
}
