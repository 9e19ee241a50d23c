package kafka

import (
	"errors"
	"strings"

	kafkago "github.com/segmentio/kafka-go"
)

// Passing reports whether what kept Check from succeeding may pass by itself: a broker
// that is away, rather than a topic, a password or a certificate that is wrong.
func Passing(err error) bool {
	for _, lasting := range []error{
		kafkago.UnknownTopicOrPartition, kafkago.InvalidTopic, kafkago.TopicAuthorizationFailed,
		kafkago.SASLAuthenticationFailed, kafkago.UnsupportedSASLMechanism,
		kafkago.ClusterAuthorizationFailed, kafkago.PolicyViolation, kafkago.InvalidReplicationFactor,
	} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	if errors.Is(err, errAway) {
		return true
	}
	text := err.Error()
	return !strings.Contains(text, "SASL") && !strings.Contains(text, "x509: ") && !strings.Contains(text, "tls: ")
}
