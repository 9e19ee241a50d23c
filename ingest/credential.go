package ingest

// credentialName is the id by which a gateway knows a credential, as whoever is to take the credential out of use
// has to name it. It is handed on only where the gateway makes such ids itself, in a shape of their own: anything
// else could be a token in the wrong field.
func credentialName(source string, id []byte) string {
	switch source {
	case "kong": // authenticated_entity.id
		if len(id) == 36 && id[8] == '-' && id[13] == '-' && id[18] == '-' && id[23] == '-' && hexDigits(id, '-') == 32 {
			return string(id)
		}
	case "litellm": // the SHA-256 of the key
		if len(id) == 64 && hexDigits(id, 0) == 64 {
			return string(id)
		}
	}
	return ""
}

// hexDigits counts the digits of a text of lower-case hexadecimal digits and separators; -1 if it holds anything else.
func hexDigits(text []byte, separator byte) (digits int) {
	for _, c := range text {
		switch {
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f':
			digits++
		case c != separator:
			return -1
		}
	}
	return digits
}
