package ingest

import "bytes"

// environmentOf reads the environment off a consumer's name, as in "acme-prod" or
// "billing.test": empty if no part of the name is one.
func environmentOf(consumer []byte) string {
	for len(consumer) > 0 {
		part := consumer
		if i := bytes.IndexAny(consumer, "-_.:/ "); i >= 0 {
			part, consumer = consumer[:i], consumer[i+1:]
		} else {
			consumer = nil
		}
		if env := environmentNamed(part); env != "" {
			return env
		}
	}
	return ""
}

func environmentNamed(part []byte) string {
	switch {
	case is(part, "prod"), is(part, "production"), is(part, "live"):
		return "prod"
	case is(part, "dev"), is(part, "development"):
		return "dev"
	case is(part, "test"), is(part, "testing"), is(part, "qa"), is(part, "sandbox"):
		return "test"
	case is(part, "staging"), is(part, "stage"):
		return "staging"
	}
	return ""
}
