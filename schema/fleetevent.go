package schema

import "time"

// FleetEvent is what the tokens of all partitions together told: an owner moved. Engines, of which each sees a part of
// an owner's tokens, take it as the explanation of what they see. It holds for events that are ingested after At and
// not after Until; a later one of the same id ends it.
type FleetEvent struct {
	ID     string    `json:"id"`
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
	Kind   string    `json:"kind"`             // network, client or traffic
	Value  string    `json:"value"`            // AS64500, or a product
	Among  string    `json:"among"`            // whose tokens: an owner's, those from one network, or all
	Client string    `json:"client,omitempty"` // that came with a move, new to most
}
