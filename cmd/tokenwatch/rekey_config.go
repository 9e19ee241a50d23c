package main

import (
	"fmt"
	"slices"

	"github.com/tokenwatch/tokenwatch/ingest/kafka"
)

// RekeyConfig says what to do about tokens whose records are on several partitions.
type RekeyConfig struct {
	// Keyed says whether producers key by token: yes, no or auto.
	Keyed string `yaml:"keyed"`
	// EventsTopic is where events are brought together by token if they do not.
	EventsTopic string `yaml:"events_topic"`
}

// What RekeyConfig.Keyed may be.
const (
	keyedAuto = "auto"
	keyedYes  = "yes"
	keyedNo   = "no"
)

func defaultRekey() RekeyConfig {
	return RekeyConfig{Keyed: keyedAuto, EventsTopic: "tokenwatch.events"}
}

func (c KafkaConfig) validateRekey() error {
	if !slices.Contains([]string{keyedAuto, keyedYes, keyedNo}, c.Rekey.Keyed) {
		return fmt.Errorf("kafka.keyed: %q: want yes, no or auto", c.Rekey.Keyed)
	}
	if slices.Contains(c.Topics(), c.Rekey.EventsTopic) {
		return fmt.Errorf("kafka.events_topic: %q is read for access logs too: it needs a topic of its own", c.Rekey.EventsTopic)
	}
	named := kafka.DefaultConfig()
	named.Brokers, named.Topic = []string{"localhost:0"}, c.Rekey.EventsTopic
	if err := named.Validate(); err != nil {
		return fmt.Errorf("kafka.events_topic: %q is not a topic's name", c.Rekey.EventsTopic)
	}
	return nil
}

// events is what the topic of re-keyed events is reached with.
func (c RekeyConfig) events(k kafka.Config) kafka.Config {
	k.Topic, k.FurtherTopics = c.EventsTopic, nil
	k.Group += ".detect"
	return k
}
