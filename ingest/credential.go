package ingest

import "bytes"

// maxCredential is the longest id of a credential that is handed on. Gateways use UUIDs, and hashes of 64 digits.
const maxCredential = 128

// credentialName is the id by which a gateway knows a credential, as whoever is to take the credential out of use
// has to name it. It is no secret, and what might be one after all, since it begins as an issuer's tokens do, is
// not handed on.
func credentialName(id []byte) string {
	if len(id) > maxCredential || !plainToken(id) {
		return ""
	}
	for _, issuer := range issuers {
		if bytes.HasPrefix(id, []byte(issuer)) {
			return ""
		}
	}
	return string(id)
}
