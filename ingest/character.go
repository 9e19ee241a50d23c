package ingest

// character says what a byte may be part of. Every text is looked at byte by byte for what
// may be a secret, so that asking is one look into a table.
type character uint8

const (
	lowerCase character = 1 + iota
	upperCase
	digit
	classMask  character = 3
	inWord     character = 1 << 2 // see wordByte
	inHex      character = 1 << 3 // hexadecimal digit or hyphen
	firstOfKey character = 1 << 4 // an issuer's prefix begins with it
)

// characters is never written to.
var characters = func() (table [256]character) {
	for i := range table {
		switch c := byte(i); {
		case 'a' <= c && c <= 'z':
			table[i] = lowerCase | inWord
		case 'A' <= c && c <= 'Z':
			table[i] = upperCase | inWord
		case '0' <= c && c <= '9':
			table[i] = digit | inWord
		case c == '_' || c == '-' || c == '.' || c == '~' || c == '+' || c >= 0x80:
			table[i] = inWord
		}
		if unhex(byte(i)) < 16 || i == '-' {
			table[i] |= inHex
		}
	}
	for _, prefix := range issuers {
		table[prefix[0]] |= firstOfKey
	}
	table['k'] |= firstOfKey // see mailKey
	return table
}()

// issuersBy are the issuers' prefixes by their first character; it is never written to.
var issuersBy = func() (by [256][]string) {
	for _, prefix := range issuers {
		by[prefix[0]] = append(by[prefix[0]], prefix)
	}
	return by
}()

// wordByte reports whether a token may have the character in it. What is not ASCII counts
// as such, or a stray byte would break a token into pieces that look harmless.
func wordByte(c byte) bool { return characters[c]&inWord != 0 }

func alnum(c byte) bool { return characters[c]&classMask != 0 }

// classOf is a letter's case, or digit, or 0.
func classOf(c byte) byte { return byte(characters[c] & classMask) }

// hexadecimal reports whether a word is a UUID or a digest, or a date and time.
func hexadecimal(word []byte) bool {
	for _, c := range word {
		if characters[c]&inHex == 0 {
			return false
		}
	}
	return true
}
