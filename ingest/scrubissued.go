package ingest

import "bytes"

// issued reports whether somewhere in the word a token with a known issuer's prefix
// begins. What is merely glued to it does not protect it. In a dead letter names that begin like one are taken for one.
func issued(word []byte, strict bool) bool {
	for at := 0; len(word)-at >= minIssued; at++ {
		if characters[word[at]]&firstOfKey == 0 {
			continue
		}
		glued := at > 0 && alnum(word[at-1])
		if accessKeyID(word[at:], glued) || word[at] == 'k' && !glued && mailKey(word[at:]) {
			return true
		}
		for _, prefix := range issuersBy[word[at]] {
			if glued && (prefix[len(prefix)-1] != '_' || len(word)-at < minGlued) && (prefix[0] == 's' || !unmistakable(prefix)) {
				continue // "task-2" is no key, and neither is "RUSSIA..."
			}
			if bytes.HasPrefix(word[at:], []byte(prefix)) && (tail(word[at+len(prefix):]) || (strict || unmistakable(prefix)) && len(word)-at-len(prefix) >= minTail) {
				return true
			}
		}
	}
	return false
}

// minIssued is how long a word with an issuer's prefix must be to be a token.
const minIssued = 14

// minGlued is how long it must be behind a letter or a digit.
const minGlued = 24

// accessKeyID tells an access key id of AWS, with or without digits in it: four letters and 16 characters of base32.
// In the middle of a word it must have digits, or "EURASIANDEVELOPMENTBANK" would be one.
func accessKeyID(word []byte, glued bool) bool {
	const prefix, size = 4, 20
	if string(word[:prefix]) == "AKIA" && len(word) < size && !glued {
		return uppercase(word[prefix:]) // cut off
	}
	if len(word) < size || string(word[:prefix]) != "AKIA" && string(word[:prefix]) != "ASIA" || len(word) > size && alnum(word[size]) {
		return false
	}
	return uppercase(word[prefix:size]) && (!glued || digitRun(word[:size]) > 0)
}

// mailKey tells Mailgun's keys: anything else may begin with "key-".
func mailKey(word []byte) bool {
	const prefix = "key-"
	return len(word) >= len(prefix)+minDigest && string(word[:len(prefix)]) == prefix && hexadecimal(word[len(prefix):len(prefix)+minDigest]) &&
		bytes.IndexByte(word[len(prefix):len(prefix)+minDigest], '-') < 0
}

// botKey tells what follows the number in the token of a Telegram bot, 123456789:AA...
func botKey(text []byte, from, to int) bool {
	const size, number = 35, 8
	if to-from < size || from <= number || text[from] != 'A' || text[from+1] != 'A' || text[from-1] != ':' {
		return false
	}
	for _, c := range text[from-1-number : from-1] {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// uppercase reports whether a word has nothing but capitals and digits.
func uppercase(word []byte) bool {
	for _, c := range word {
		if c-'A' > 25 && c-'0' > 9 {
			return false
		}
	}
	return true
}

// minTail is how long what follows an unmistakable prefix must be.
const minTail = 16

// unmistakable reports whether nothing but tokens begins so. The others need digits or mixed letters behind them:
// hf_hub_download and sk-learn-contrib are names.
func unmistakable(prefix string) bool {
	switch prefix {
	case "hf_", "sk-", "npm_", "gsk_", "pypi-", "SG.", "eyJ", "hvs.", "hvb.", "xapp-", "AKIA", "ASIA":
		return false
	}
	return true
}

// tail reports whether what follows a prefix may be a token's: "sk-learn-contrib" has
// prefix enough, but no digit.
func tail(rest []byte) bool {
	return len(rest) >= 10 && (digitRun(rest) > 0 || classes(rest) > 0.3 || drawn(rest))
}
